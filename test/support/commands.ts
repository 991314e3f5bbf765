/** Commands that share one process, for all tests of a file (many-commands.ts). */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./many-commands.ts', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** The environment of this process, but for what would configure a command. */
export function commandEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CARPOOL_')))
}

/**
 * Call once in a file. Returns what runs a command in the shared process, which starts with the first and ends after the
 * last test; commands that are given at the same time run in their order.
 */
export function sharedCommands(): (args: readonly string[]) => Promise<Ended> {
  let child: ChildProcess | undefined
  let answers: AsyncIterator<string>
  let last: Promise<unknown> = Promise.resolve()
  after(async () => {
    if (child === undefined) return
    child.stdin!.end()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const ask = async (args: readonly string[]): Promise<Ended> => {
    if (child === undefined) {
      child = spawn(process.execPath, [program], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: commandEnvironment(),
      })
      answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    }
    child.stdin!.write(`${JSON.stringify(args)}\n`)
    const { value, done } = await answers.next()
    if (done) {
      child = undefined // the next command gets another one
      throw new Error(`the process ended in: ${args.join(' ')}`)
    }
    return JSON.parse(value) as Ended
  }
  return (args) => {
    const ended = last.then(() => ask(args))
    last = ended.catch(() => undefined)
    return ended
  }
}
