/**
 * Runs one test file as a process group of its own, within a time limit, and judges it: what it declared must have been
 * reported, its process must end by itself with the code that its results deserve, and leave no process behind.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { leftProcesses, signalGroup } from './group.ts'
import { type Ending, type FileOutcome, outcomeOf, readIfThere } from './outcome.ts'
import { cpuName, declaredName, outputName } from './paths.ts'
import { startGroup } from './start.ts'

export class OwnProcess {
  readonly #file: string
  readonly #folder: string
  readonly #temporary: string
  readonly #limitSeconds: number
  #child: ChildProcess | undefined

  /** `folder`: does not exist yet; keeps what the file reports and prints. `temporary`: where it may write. */
  constructor(file: string, folder: string, temporary: string, limitSeconds: number) {
    this.#file = file
    this.#folder = folder
    this.#temporary = temporary
    this.#limitSeconds = limitSeconds
  }

  async run(): Promise<FileOutcome> {
    mkdirSync(this.#folder, { recursive: true })
    const startedMs = performance.now()
    const { code, signal, tooLateSeconds } = await this.#ending()
    const hasLeft = this.#child?.pid !== undefined && (await leftProcesses(this.#child.pid))
    const left = hasLeft ? 'processes behind, which were killed' : null
    return outcomeOf({
      file: this.#file,
      folder: this.#folder,
      seconds: (performance.now() - startedMs) / 1000,
      cpuSeconds: Number(this.#read(cpuName)),
      declared: Number(this.#read(declaredName)),
      output: this.#read(outputName),
      ending: { code, signal, tooLateSeconds, left },
    })
  }

  /** To the file's process and everything that it started in its group. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, signal)
  }

  async #ending(): Promise<Omit<Ending, 'left'>> {
    const child = startGroup(this.#file, this.#folder, this.#temporary, 'ignore')
    this.#child = child
    return new Promise((resolve, reject) => {
      let isTooLate = false
      const limit = setTimeout(() => {
        isTooLate = true
        this.signal('SIGKILL')
      }, this.#limitSeconds * 1000)
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        clearTimeout(limit)
        resolve({ code, signal, tooLateSeconds: isTooLate ? this.#limitSeconds : null })
      })
    })
  }

  #read(name: string): string {
    return readIfThere(join(this.#folder, name))
  }
}
