/** One node of a local swarm: a process of its own, asked over its own socket like any other node. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connectLocal, type LocalClient } from '../../host/local/client.ts'

/** Loading libp2p and hashing the engines takes two seconds alone, and many start at once on two cores. */
const readyMsMax = 60_000

const launcher = fileURLToPath(new URL('../../../bin/carpool.js', import.meta.url))

export interface MemberOptions {
  readonly name: string
  readonly dataDir: string
  /** Flags of `carpool node`, beside the data directory and the name. */
  readonly flags: readonly string[]
  /** The program to run; the usual one, unless the member lies. */
  readonly program?: string
  /** A command, with its arguments, that becomes the program: one that enters a network namespace, say. */
  readonly within?: readonly string[]
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
}

export class Member {
  readonly name: string
  readonly dataDir: string
  readonly peer: string
  readonly addresses: readonly string[]
  readonly node: LocalClient
  /** The URL of its HTTP server; null: it has none. */
  readonly http: string | null
  readonly #process: ChildProcess

  /** Resolves when the node is ready. Throws Error with the node's own words when it does not start. */
  static async start({ name, dataDir, flags, program, within, environment }: MemberOptions): Promise<Member> {
    const logPath = join(dataDir, 'node.log')
    const log = openSync(logPath, 'a')
    const args = [program ?? launcher, 'node', '--data-dir', dataDir, '--name', name, '--json', ...flags]
    const [command, ...before] = [...(within ?? []), process.execPath]
    const child = spawn(command!, [...before, ...args], {
      stdio: ['ignore', 'pipe', log, 'ipc'],
      // A terminal's Ctrl-C is for the process that started the swarm, which ends its members one by one.
      detached: true,
      // The same as from bin/carpool.js under an older Node.
      env: { MALLOC_ARENA_MAX: '1', ...ownEnvironment(), ...environment },
    })
    try {
      const ready = await firstLine(child)
      const node = await connectLocal(dataDir)
      if (node === undefined) throw new Error('its socket does not answer')
      return new Member(name, dataDir, ready, node, child)
    } catch (error) {
      child.kill('SIGKILL')
      const said = readFileSync(logPath, 'utf8').trim().split('\n').at(-1)
      throw new Error(`node ${name} did not start: ${said || (error as Error).message}`, { cause: error })
    }
  }

  private constructor(name: string, dataDir: string, ready: Ready, node: LocalClient, process: ChildProcess) {
    this.name = name
    this.dataDir = dataDir
    this.peer = ready.peer
    this.addresses = ready.addresses
    this.http = ready.http ?? null
    this.node = node
    this.#process = process
    process.stdout!.resume()
  }

  get pid(): number {
    return this.#process.pid!
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Returns the node's log so far. */
  log(): string {
    return readFileSync(join(this.dataDir, 'node.log'), 'utf8')
  }

  /** Sends a signal and resolves with the exit code when the process has ended; null when a signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.node.close()
    if (this.isRunning) {
      const exited = once(this.#process, 'exit')
      this.#process.kill(signal)
      await exited
    }
    return this.#process.exitCode
  }
}

interface Ready {
  readonly peer: string
  readonly addresses: readonly string[]
  readonly http?: string
}

async function firstLine(child: ChildProcess): Promise<Ready> {
  const { promise, resolve, reject } = Promise.withResolvers<Ready>()
  const timer = setTimeout(() => reject(new Error(`it was not ready within ${readyMsMax} ms`)), readyMsMax)
  child.once('error', reject)
  child.once('exit', (code, signal) => reject(new Error(`it ended with ${code ?? signal}`)))
  const lines = createInterface({ input: child.stdout! })
  lines.on('line', (line) => {
    const said = JSON.parse(line) as Ready & { readonly event?: string }
    if (said.event === 'ready') resolve(said)
  })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    lines.close()
  }
}

/** The caller's settings are for the caller: a CARPOOL_DATA_DIR of his must not reach every member. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CARPOOL_')))
}
