/**
 * Messages of cells, over a protocol of their own: a node that knows no cells is not sent any. They are rare, and most go to
 * peers of other parts of the mesh. So a connection to such a peer ends once nothing has gone over it for a while: a bootstrap
 * node that is asked for the way by a hundred thousand holds those alone that asked within the last seconds. Peers that share a channel which
 * this node keeps up are held: gossip goes over their connections, rarely.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { Logger } from 'pino'
import { questionTtlMs } from '../../protocol/cell-limits.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { ControlChannel, type MessageHandler } from './control.ts'
import type { Gossip } from './gossip.ts'
import { type Acquaintance, hangUp } from './introductions.ts'
import type { Neighbours } from './neighbours.ts'

const cellsProtocol = '/carpool/cells/1'
/** How often a node looks whom it may let go. */
const lookIntervalMs = 1_000
/** Admission to a fleet takes less than this, and so does whatever else a peer may have come for. A guess. */
const guestMsMin = 10_000
/**
 * A question is answered within less, or put to another node, and whoever was answered asks on within less. A bootstrap node has 240 places for
 * strangers: with ten seconds for each it would answer 24 newcomers a second.
 */
const answeredMsMin = questionTtlMs + lookIntervalMs
/** A steward and a vehicle that work with each other say something within this: progress, or a beat. A guess. */
const workMsMin = 300_000

export interface CellTalkParts {
  readonly neighbours: Pick<Neighbours, 'connect' | 'isNear'>
  readonly control: Pick<ControlChannel, 'usedMs'>
  readonly gossip: Pick<Gossip, 'subscribersOf'>
  readonly bounds: NetworkBounds
  readonly log: Logger
  /** The connection is needed though nothing goes over it now. */
  readonly isBusy: (connection: Connection) => boolean
  /** Milliseconds that only rise, by which connections grow old. */
  readonly now?: (() => number) | undefined
}

export class CellTalk {
  readonly #node: Libp2p
  readonly #parts: CellTalkParts
  readonly #channel: ControlChannel
  readonly #now: () => number
  /** Channels whose peers are held. */
  #kept: readonly string[] = []
  #bootstraps: readonly Acquaintance[] = []
  #onBootstraps: ((peers: readonly Acquaintance[]) => void) | undefined
  readonly #openedMs = new WeakMap<Connection, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(node: Libp2p, parts: CellTalkParts) {
    this.#node = node
    this.#parts = parts
    const connect = (peer: PeerId) => parts.neighbours.connect(peer)
    this.#channel = new ControlChannel(connect, parts.bounds, parts.log, cellsProtocol)
    this.#now = parts.now ?? (() => systemClock.monotonicMs())
    node.addEventListener('connection:open', ({ detail }) => this.#openedMs.set(detail, this.#now()))
  }

  async listen(): Promise<void> {
    await this.#channel.listen(this.#node)
    this.#timer = setInterval(() => this.#letGo(), lookIntervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#channel.stop()
  }

  /** Sends one message; dials where needed. Rejects with NetworkError, as control messages do. */
  send(to: PeerId, message: Uint8Array): Promise<void> {
    return this.#channel.send(to, message)
  }

  /** Holds peers in these channels from now on, and no longer those in others. */
  keepUp(channels: readonly string[]): void {
    this.#kept = channels
  }

  /** Connected peers that are in a channel. */
  sharing(channel: string): PeerId[] {
    return this.#parts.gossip.subscribersOf(channel)
  }

  /** Connects to a peer whose addresses are known. Rejects with NetworkError 'unreachable'. */
  async meet(peer: PeerId): Promise<void> {
    await this.#parts.neighbours.connect(peer)
  }

  /** The one handler of messages of cells. */
  onMessage(handler: MessageHandler): void {
    this.#channel.onMessage(handler)
  }

  /** Called with all bootstrap nodes that were met, whenever one is; at once, if some were. */
  onBootstraps(handler: (peers: readonly Acquaintance[]) => void): void {
    this.#onBootstraps = handler
    if (this.#bootstraps.length > 0) handler(this.#bootstraps)
  }

  metBootstraps(peers: readonly Acquaintance[]): void {
    this.#bootstraps = peers
    this.#onBootstraps?.(peers)
  }

  #letGo(): void {
    const nowMs = this.#now()
    const { gossip, bounds } = this.#parts
    // Of many, those that came first: each other one has as many without this node.
    const some = this.#kept.flatMap((channel) => gossip.subscribersOf(channel).slice(0, 2 * bounds.degreeMin))
    const held = new Set(some)
    for (const connection of this.#node.getConnections())
      if (this.#mayEnd(connection, held, nowMs)) void hangUp(connection)
  }

  #mayEnd(connection: Connection, held: ReadonlySet<PeerId>, nowMs: number): boolean {
    const { neighbours, control, isBusy } = this.#parts
    const peer = connection.remotePeer.toString() as PeerId
    if (held.has(peer) || neighbours.isNear(peer) || isBusy(connection) || isOfBlocks(connection))
      return false
    const isIdle = (usedMs: number | undefined, forMs: number) =>
      usedMs === undefined || nowMs - usedMs >= forMs
    const askedMs = this.#channel.usedMs(peer)
    const staysMs = askedMs === undefined ? guestMsMin : answeredMsMin
    return (
      isIdle(this.#openedMs.get(connection), staysMs) &&
      isIdle(askedMs, staysMs) &&
      isIdle(control.usedMs(peer), workMsMin)
    )
  }
}

/** Blocks come or go over it, or connections of others. */
function isOfBlocks({ streams }: Connection): boolean {
  return streams.some(({ protocol }) => /^\/(carpool\/blocks|libp2p\/circuit)\//.test(protocol))
}
