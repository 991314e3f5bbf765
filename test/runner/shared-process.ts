/** A process that runs test files one after another, each judged as if it had one of its own. */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { leftProcesses, signalGroup } from './group.ts'
import { type FileOutcome, outcomeOf, readIfThere } from './outcome.ts'
import { declaredName, outputName } from './paths.ts'
import type { FileEnded, NextFile } from './shared.ts'
import { startGroup } from './start.ts'

const main = fileURLToPath(new URL('./shared-main.ts', import.meta.url))
/** A process of many files is a big one. */
const filesMax = 32

export class SharedProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  #files = 0
  #isBroken = false

  /** `folder`: does not exist yet; keeps what the process prints. `temporary`: where its files may write. */
  constructor(folder: string, temporary: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.#child = startGroup(main, folder, temporary, 'ipc')
  }

  /** Fit for one more file. */
  get isFit(): boolean {
    return !this.#isBroken && this.#files < filesMax
  }

  /** `folder`: does not exist yet; keeps what the file reports. The process is of no more use where the file breaks it. */
  async run(file: string, folder: string, limitSeconds: number): Promise<FileOutcome> {
    this.#files += 1
    mkdirSync(folder, { recursive: true })
    const startedMs = performance.now()
    const printed = this.#printed().length
    const ended = await this.#ended({ file, folder }, limitSeconds)
    const seconds = (performance.now() - startedMs) / 1000
    const output = this.#printed().slice(printed)
    const run = { file, folder, seconds, output }
    if ('signal' in ended) {
      this.#isBroken = true
      const declared = Number(readIfThere(join(folder, declaredName)))
      return outcomeOf({ ...run, cpuSeconds: 0, declared, ending: { ...ended, left: null } })
    }
    const { code, left, ...counts } = ended
    const outcome = outcomeOf({
      ...run,
      ...counts,
      ending: { code, signal: null, tooLateSeconds: null, left },
    })
    if (outcome.broken !== null) this.#isBroken = true
    return outcome
  }

  /** To the process and everything that its files started in its group. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) signalGroup(this.#child.pid, signal)
  }

  /** Resolves when the process and all in its group have ended. */
  async end(): Promise<void> {
    this.signal('SIGKILL')
    if (this.#child.pid !== undefined) await leftProcesses(this.#child.pid)
  }

  #ended(next: NextFile, limitSeconds: number): Promise<FileEnded | Broken> {
    const child = this.#child
    return new Promise((resolve, reject) => {
      let isTooLate = false
      const limit = setTimeout(() => {
        isTooLate = true
        this.signal('SIGKILL')
      }, limitSeconds * 1000)
      const over = (ended: FileEnded | Broken) => {
        clearTimeout(limit)
        child.removeListener('message', onMessage).removeListener('exit', onExit)
        child.removeListener('error', reject)
        resolve(ended)
      }
      const onMessage = (ended: unknown) => over(ended as FileEnded)
      const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
        over({ code, signal, tooLateSeconds: isTooLate ? limitSeconds : null })
      child.on('message', onMessage).on('exit', onExit).once('error', reject)
      child.send(next)
    })
  }

  #printed(): string {
    return readIfThere(join(this.#folder, outputName))
  }
}

/** The end of the process in the middle of a file. */
interface Broken {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly tooLateSeconds: number | null
}
