/**
 * A public network and homes behind routers, in network namespaces of this machine. A home's computer can dial out, and nobody
 * can dial it: its own address means nothing elsewhere, and its router (router.pl) lets no connection in. A home may have IPv6
 * alone: then its computer's address means the same everywhere, and its router lets no connection in either.
 *
 * It takes root, TUN devices and perl. Where one of them is missing, the tests that need it are skipped by name.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./router.pl', import.meta.url))

/** Returns why there can be no namespaces here; undefined: there can. */
export function noRouters(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces take root'
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun'
  for (const tool of ['ip', 'nsenter', 'perl'])
    if (!isThere(tool)) return `there is no ${tool} on this machine`
  try {
    const name = `cp-probe-${process.pid}`
    ip('netns', 'add', name)
    ip('netns', 'del', name)
  } catch {
    return 'this machine makes no network namespaces'
  }
  return undefined
}

/** The words before a program's own, to run it in a namespace. */
export type Within = readonly string[]

export class Internet {
  readonly #prefix: string
  readonly #homes: Home[] = []

  /** Homes are numbered from 1; those above `homes` have IPv6 alone. */
  static async start(homes: number, homesOfVersion6 = 0): Promise<Internet> {
    const internet = new Internet()
    removeOrphans()
    try {
      internet.#begin()
      for (let number = 1; number <= homes + homesOfVersion6; number += 1)
        await internet.#addHome(number, number <= homes ? 4 : 6)
      return internet
    } catch (error) {
      await internet.stop()
      throw error
    }
  }

  private constructor() {
    this.#prefix = `cp${process.pid}`
  }

  /** Where hubs live: at 45.83.0.1, 45.83.0.2 and 45.83.0.3, and at 2a0e:83::1 and so on. */
  get outside(): Within {
    return within(this.#name('net'))
  }

  home(number: number): Home {
    return this.#homes[number - 1]!
  }

  /** Call when nothing runs in it any more. */
  async stop(): Promise<void> {
    for (const home of this.#homes) await home.stop()
    for (const name of ['net', ...this.#homes.map(({ number }) => `h${number}`)])
      if (existsSync(`/run/netns/${this.#name(name)}`)) ip('netns', 'del', this.#name(name))
  }

  #begin(): void {
    const net = this.#name('net')
    ip('netns', 'add', net)
    ip('-n', net, 'link', 'set', 'lo', 'up')
    for (const host of [1, 2, 3])
      for (const address of [`45.83.0.${host}/32`, `2a0e:83::${host}/128`])
        ip('-n', net, 'addr', 'add', address, 'dev', 'lo')
    forward(net)
  }

  async #addHome(number: number, version: 4 | 6): Promise<void> {
    const [net, own] = [this.#name('net'), this.#name(`h${number}`)]
    ip('netns', 'add', own)
    const home = new Home(number, version, own, net)
    this.#homes.push(home)
    await home.start()
  }

  #name(of: string): string {
    return `${this.#prefix}-${of}`
  }
}

export class Home {
  readonly number: number
  readonly #version: 4 | 6
  readonly #name: string
  readonly #net: string
  #router: ChildProcess | undefined
  #said: Interface | undefined

  constructor(number: number, version: 4 | 6, name: string, net: string) {
    this.number = number
    this.#version = version
    this.#name = name
    this.#net = net
  }

  get within(): Within {
    return within(this.#name)
  }

  async start(): Promise<void> {
    const is6 = this.#version === 6
    const inner = is6 ? `2a0e:83:${this.number}::2` : `192.168.${this.number}.2`
    const outer = is6 ? inner : this.#outer(1)
    const args = [program, `/run/netns/${this.#net}`, 'wan', `up${this.number}`, inner, outer]
    const [command, ...before] = this.within
    this.#router = spawn(command!, [...before, 'perl', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#said = createInterface({ input: this.#router.stdout! })
    await once(this.#said, 'line')
    ip('-n', this.#name, 'link', 'set', 'lo', 'up')
    ip('-n', this.#name, 'addr', 'add', `${inner}/${is6 ? 64 : 24}`, 'dev', 'wan')
    ip('-n', this.#name, 'link', 'set', 'wan', 'up')
    ip('-n', this.#name, `-${this.#version}`, 'route', 'add', 'default', 'dev', 'wan')
    ip('-n', this.#net, 'link', 'set', `up${this.number}`, 'up')
    const network = is6 ? `2a0e:83:${this.number}::/64` : `45.83.${this.number}.0/24`
    ip('-n', this.#net, `-${this.#version}`, 'route', 'add', network, 'dev', `up${this.number}`)
  }

  /** Its router has another IPv4 address from now on, as after a night: every connection through it is dead. */
  changeAddress(): Promise<void> {
    return this.#tell(`address ${this.#outer(2)}`)
  }

  /** Nothing comes through, and nobody is told. */
  silence(): Promise<void> {
    return this.#tell('silence')
  }

  pass(): Promise<void> {
    return this.#tell('pass')
  }

  async stop(): Promise<void> {
    if (this.#router === undefined || this.#router.exitCode !== null) return
    const exited = once(this.#router, 'exit')
    this.#router.stdin!.end()
    await exited
  }

  async #tell(line: string): Promise<void> {
    const done = once(this.#said!, 'line')
    this.#router!.stdin!.write(`${line}\n`)
    await done
  }

  #outer(host: number): string {
    return `45.83.${this.number}.${host}`
  }
}

/** Namespaces of tests that were killed. */
function removeOrphans(): void {
  if (!existsSync('/run/netns')) return
  for (const name of readdirSync('/run/netns')) {
    const pid = /^cp(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) ip('netns', 'del', name)
  }
}

/** Unlike `ip netns exec`, it leaves the file systems as they are. */
function within(name: string): Within {
  return ['nsenter', `--net=/run/netns/${name}`]
}

function forward(name: string): void {
  const [command, ...args] = within(name)
  for (const setting of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
    execFileSync(command!, [...args, 'sh', '-c', `echo 1 > /proc/sys/net/${setting}`])
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function isThere(tool: string): boolean {
  const folders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', ...(process.env.PATH ?? '').split(':')]
  return folders.some((folder) => existsSync(`${folder}/${tool}`))
}
