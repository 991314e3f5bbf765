/**
 * Introductions: a node that everybody starts at tells newcomers of others, and lets them go.
 *
 * A newcomer knows nobody but the peer that it was told to begin with. If it stayed there until it happens to hear adverts, a
 * thousand nodes would hold a thousand connections to one; so it asks once for some peers that were met, dials those, and
 * hangs up when it has enough. A node that has many guests all the same lets the oldest of those go that it has introduced.
 *
 * The addresses are claims, as those of adverts are: they are dialled within the same bounds, and whoever answers there
 * proves its key.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { PeerId } from '../../protocol/ids.ts'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import { peerIdSchema, printableSchema } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'

/** A peer and addresses at which it may be. */
export interface Acquaintance {
  readonly peer: PeerId
  readonly addresses: readonly string[]
}

const introductionProtocol = '/carpool/introduction/1'
/** Peers in one introduction: twice the degree of a node, since some will have left. */
export const introducedMax = 16
/** Four addresses of up to 256 letters each, of 16 peers, and their names. */
const introductionBytesMax = 20 * 2 ** 10
/** How often a node with many guests looks whom it may let go. */
const lookIntervalMs = 5_000

export const acquaintanceSchema: z.ZodType<Acquaintance> = z.object({
  peer: peerIdSchema,
  addresses: z.array(printableSchema(256)).max(4),
})
const introductionSchema = z.object({ peers: z.array(acquaintanceSchema).max(introducedMax) })

/** A guest that a node may let go: it came by itself, and was introduced. */
export interface Introduced {
  readonly sinceMs: number
  /** It is used for more than gossip. */
  readonly isBusy: boolean
}

/** The oldest of many guests are let go, so that half of a node's places stay free; never one that is in use. */
export function lettingGo<Guest extends Introduced>(
  introduced: readonly Guest[],
  open: number,
  nowMs: number,
  { connectionsMax, guestMsMin }: Pick<NetworkBounds, 'connectionsMax' | 'guestMsMin'>,
): Guest[] {
  return introduced
    .filter(({ sinceMs, isBusy }) => !isBusy && nowMs - sinceMs >= guestMsMin)
    .toSorted((a, b) => a.sinceMs - b.sinceMs)
    .slice(0, Math.max(0, open - connectionsMax / 2))
}

export class Introductions {
  readonly #node: Libp2p
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #acquaintances: (count: number) => readonly Acquaintance[]
  readonly #isHeld: (connection: Connection) => boolean
  /** The connections that were introduced, and when. */
  readonly #introduced = new Map<Connection, number>()
  #timer: NodeJS.Timeout | undefined

  /** `acquaintances`: some peers that this node has met. `isHeld`: the connection is needed though nothing goes over it now. */
  constructor(
    node: Libp2p,
    acquaintances: (count: number) => readonly Acquaintance[],
    isHeld: (connection: Connection) => boolean,
    bounds: NetworkBounds,
    log: Logger,
  ) {
    this.#node = node
    this.#acquaintances = acquaintances
    this.#isHeld = isHeld
    this.#bounds = bounds
    this.#log = log
  }

  async listen(): Promise<void> {
    await this.#node.handle(
      introductionProtocol,
      (stream, connection) => this.#introduce(stream, connection),
      {
        maxInboundStreams: 1,
      },
    )
    this.#node.addEventListener('connection:close', ({ detail }) => this.#introduced.delete(detail))
    this.#timer = setInterval(() => this.#letGo(), lookIntervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** True for connections that are used for more than gossip, or may be at any moment. */
  isBusy(connection: Connection): boolean {
    return this.#isHeld(connection) || isUsed(connection)
  }

  /** Asks a peer for others. What is wrong with the answer, or lacks, is an empty one. */
  async ask(connection: Connection): Promise<readonly Acquaintance[]> {
    const signal = AbortSignal.timeout(this.#bounds.handshakeTimeoutMs)
    try {
      const stream = await connection.newStream(introductionProtocol, { signal })
      const line = lpStream(stream, { maxDataLength: introductionBytesMax })
      const bytes = (await line.read({ signal })).slice()
      await stream.close({ signal })
      return introductionSchema.parse(decodeCbor('introduction', bytes, introductionBytesMax)).peers
    } catch (thrown) {
      this.#log.debug({ peer: connection.remotePeer.toString() }, `no introduction: ${reason(thrown)}`)
      return []
    }
  }

  /** Once for a connection: whoever asks again hears nobody new. */
  async #introduce(stream: Stream, connection: Connection): Promise<void> {
    const isFirst = !this.#introduced.has(connection)
    const peer = connection.remotePeer.toString() as PeerId
    const some = isFirst ? this.#acquaintances(introducedMax + 1) : []
    const peers = some.filter((other) => other.peer !== peer).slice(0, introducedMax)
    if (isFirst && connection.direction === 'inbound')
      this.#introduced.set(connection, systemClock.monotonicMs())
    const signal = AbortSignal.timeout(this.#bounds.handshakeTimeoutMs)
    try {
      await lpStream(stream).write(encodeCbor({ peers }), { signal })
      await stream.close({ signal })
    } catch (thrown) {
      stream.abort(thrown as Error)
    }
  }

  #letGo(): void {
    const guests = [...this.#introduced].map(([connection, sinceMs]) => ({
      connection,
      sinceMs,
      isBusy: this.isBusy(connection),
    }))
    const open = this.#node.getConnections().length
    for (const { connection } of lettingGo(guests, open, systemClock.monotonicMs(), this.#bounds))
      void hangUp(connection)
  }
}

/** Tells whether messages or blocks go over a connection, or connections of others. */
function isUsed({ streams }: Connection): boolean {
  return streams.some(({ protocol }) => /^\/(carpool\/(control|blocks)|libp2p\/circuit)\//.test(protocol))
}

export async function hangUp(connection: Connection): Promise<void> {
  await connection.close().catch((error) => connection.abort(error))
}
