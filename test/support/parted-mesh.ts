/** Four vehicles and three stewards in one process, in a network that a test parts, silences and heals. */
import type { NodeOptions } from '../../src/host/node/options.ts'
import { actingAs, dialledByNodes } from './diallers.ts'
import { Mesh, type MeshNode } from './mesh.ts'
import { freePort } from './ports.ts'
import { TcpProxy } from './proxy.ts'

/** The vehicles work only as long as a test has them. */
const workPauseMs = 100

/** A document that a vehicle has begun. */
interface Waiting {
  readonly name: string
  readonly goOn: () => void
}

export class PartedMesh {
  readonly mesh: Mesh
  readonly #proxies: ReadonlyMap<string, TcpProxy>
  #waiting: readonly Waiting[] = []
  #isFree = false

  static async start(): Promise<PartedMesh> {
    const proxies = new Map<string, TcpProxy>()
    const placeOf = async (name: string): Promise<Pick<NodeOptions, 'listen' | 'announce'>> => {
      const port = await freePort()
      const proxy = await TcpProxy.start(port)
      proxies.set(name, proxy)
      return { listen: [`/ip4/127.0.0.1/tcp/${port}`], announce: [`/ip4/127.0.0.1/tcp/${proxy.port}`] }
    }
    const net = new PartedMesh(await Mesh.start({ vehicles: 4, standbys: 2, placeOf }), proxies)
    for (const member of net.mesh.running()) await net.untilInTouch(member)
    return net
  }

  private constructor(mesh: Mesh, proxies: ReadonlyMap<string, TcpProxy>) {
    this.mesh = mesh
    this.#proxies = proxies
    for (const member of mesh.running())
      member.script = async (text) => {
        if (this.#isFree) return text
        const turn = Promise.withResolvers<void>()
        this.#waiting = [...this.#waiting, { name: member.name, goOn: turn.resolve }]
        await turn.promise
        return text
      }
  }

  /** Has each vehicle do a document now and then, until the promise is settled. */
  async atWork<Value>(event: Promise<Value>): Promise<Value> {
    const turns = setInterval(() => this.#letGo(firstOfEach(this.#waiting)), workPauseMs)
    try {
      return await event
    } finally {
      clearInterval(turns)
    }
  }

  /** From now on the vehicles wait for nobody. `isFree`: false for the opposite. */
  setFree(isFree: boolean): void {
    this.#isFree = isFree
    if (isFree) this.#letGo(this.#waiting)
  }

  /** Nothing gets from these to the others any more, nor back. */
  part(names: readonly string[]): void {
    const others = [...this.#proxies.keys()].filter((name) => !names.includes(name))
    for (const name of names) this.#proxies.get(name)!.cut(dialledByNodes(others))
    for (const name of others) this.#proxies.get(name)!.cut(dialledByNodes(names))
  }

  /** It hears everybody, and nobody hears it. */
  silence(name: string): void {
    for (const [owner, proxy] of this.#proxies)
      if (owner === name) proxy.stall('down')
      else proxy.stall('up', dialledByNodes([name]))
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal()
  }

  /** The names of those that a member is connected to. */
  neighboursOf({ api }: MeshNode): string[] {
    const connected = new Set(
      api.peers().flatMap(({ connected, self, peer }) => (connected && !self ? [peer] : [])),
    )
    return this.mesh
      .running()
      .filter(({ peer }) => connected.has(peer))
      .map(({ name }) => name)
      .sort()
  }

  /** Resolves when this member is connected to all others. */
  untilInTouch(member: MeshNode): Promise<void> {
    const others = this.mesh.running().length - 1
    return this.mesh.until(
      `${member.name} is connected to everybody`,
      () => this.neighboursOf(member).length === others,
    )
  }

  async stop(): Promise<void> {
    this.setFree(true)
    await this.mesh.stop()
    for (const proxy of this.#proxies.values()) proxy.close()
  }

  #letGo(those: readonly Waiting[]): void {
    const going = new Set(those)
    this.#waiting = this.#waiting.filter((one) => !going.has(one))
    for (const { name, goOn } of going) actingAs(name, goOn)
  }
}

function firstOfEach(waiting: readonly Waiting[]): readonly Waiting[] {
  return waiting.filter(({ name }, i) => waiting.findIndex((other) => other.name === name) === i)
}
