/**
 * Dialling back: a node asks a peer to dial it, and so learns whether others can.
 *
 * The asker names a port and nothing else. The peer dials the address from which it sees the asker, so nobody can have it
 * dial a third party; and a host may ask so often that it gains nothing by it. The peer looks for the asker there, by its key:
 * behind one router the port may lead to another node.
 *
 * AutoNAT was declined: it dials what the asker names, and its second version makes the asker pay for that with 100 KB. Here an
 * honest asker has one address that counts.
 */
import { isIP } from 'node:net'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Logger } from 'pino'
import { z } from 'zod'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import { malformed, printableSchema } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'
import { placeOf, type Reach } from './reach.ts'
import { isRelayed } from './relayed.ts'
import { hostOf } from './turnstile.ts'

export const dialBackProtocol = '/carpool/reach/1'

/** One packet each. */
const messageBytesMax = 128

export interface DialBackAnswer {
  /** Null: it did not try, for this host has asked too often or the address is not for it to dial. */
  readonly reached: boolean | null
  /** The IP address from which it sees the asker. */
  readonly host: string
}

const questionSchema = z.strictObject({ port: z.int().min(1).max(65_535) })
const answerSchema: z.ZodType<DialBackAnswer> = z.strictObject({
  reached: z.boolean().nullable(),
  host: printableSchema(64),
})

/** Throws ProtocolError. */
export function decodeDialBackQuestion(bytes: Uint8Array): { readonly port: number } {
  return decode('dial-back question', questionSchema, bytes)
}

/** Throws ProtocolError. */
export function decodeDialBackAnswer(bytes: Uint8Array): DialBackAnswer {
  return decode('dial-back answer', answerSchema, bytes)
}

export function encodeDialBack(message: { readonly port: number } | DialBackAnswer): Uint8Array {
  return encodeCbor(message)
}

/** Asks the peer at the other end to dial this port. Throws whatever the stream or its decoder throws. */
export async function askToDial(
  connection: Connection,
  port: number,
  signal: AbortSignal,
): Promise<DialBackAnswer> {
  const stream = await connection.newStream(dialBackProtocol, { signal })
  try {
    const line = lpStream(stream, { maxDataLength: messageBytesMax })
    await line.write(encodeDialBack({ port }), { signal })
    const answer = decodeDialBackAnswer((await line.read({ signal })).slice())
    await stream.close({ signal })
    return answer
  } catch (thrown) {
    stream.abort(thrown instanceof Error ? thrown : new Error(reason(thrown)))
    throw thrown
  }
}

/** The peer's side: dials those that ask, within bounds. */
export class DialBacks {
  readonly #node: Libp2p
  readonly #reach: Reach
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #now: () => number
  readonly #budgets = new BoundedMap<string, { readonly left: number; readonly atMs: number }>(hostsMax)
  readonly #stopping = new AbortController()
  #dialling = 0

  /** `now`: milliseconds that only rise. */
  constructor(
    node: Libp2p,
    reach: Reach,
    bounds: NetworkBounds,
    log: Logger,
    now: () => number = () => systemClock.monotonicMs(),
  ) {
    this.#node = node
    this.#reach = reach
    this.#bounds = bounds
    this.#log = log
    this.#now = now
  }

  async listen(): Promise<void> {
    await this.#node.handle(
      dialBackProtocol,
      (stream, connection) => void this.#serve(stream, connection),
      // One that is asked again while it dials for the same peer has no second answer.
      { maxInboundStreams: 1 },
    )
  }

  stop(): void {
    this.#stopping.abort(new Error('this node is stopping'))
  }

  /** Never rejects: a peer's bytes must not reach the process as an unhandled rejection. */
  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#bounds.dialTimeoutMs), this.#stopping.signal])
    try {
      const line = lpStream(stream, { maxDataLength: messageBytesMax })
      const { port } = decodeDialBackQuestion((await line.read({ signal })).slice())
      await line.write(encodeDialBack(await this.#answer(connection, port)), { signal })
      await stream.close({ signal })
    } catch (thrown) {
      this.#log.debug(
        { peer: connection.remotePeer.toString() },
        `a peer that asked to be dialled got no answer: ${reason(thrown)}`,
      )
      stream.abort(thrown instanceof Error ? thrown : new Error(reason(thrown)))
    }
  }

  async #answer(connection: Connection, port: number): Promise<DialBackAnswer> {
    const peer = connection.remotePeer.toString() as PeerId
    const host = connection.remoteAddr.getComponents()[0]?.value ?? ''
    const place = isRelayed(connection) ? undefined : placeOf(peer, `/ip${isIP(host)}/${host}/tcp/${port}`)
    if (place === undefined || !this.#mayDial(hostOf(connection.remoteAddr))) return { reached: null, host }
    this.#dialling += 1
    try {
      const addresses = await this.#reach.resolve(place, [place])
      if (addresses.length === 0) return { reached: null, host }
      return { reached: await this.#dial(addresses), host }
    } finally {
      this.#dialling -= 1
    }
  }

  async #dial(addresses: Awaited<ReturnType<Reach['resolve']>>): Promise<boolean> {
    const signal = AbortSignal.any([
      AbortSignal.timeout(this.#bounds.dialBackTimeoutMs),
      this.#stopping.signal,
    ])
    try {
      const connection = await this.#node.dial(addresses, { signal, force: true })
      // What libp2p has begun on it by itself would keep it open.
      const impatience = AbortSignal.timeout(this.#bounds.stopGraceMs)
      connection.close({ signal: impatience }).catch((error) => connection.abort(error))
      return true
    } catch {
      return false
    }
  }

  #mayDial(host: string): boolean {
    const { dialBacksPerHostMax: most, dialBackEveryMs, dialBacksAtOnceMax } = this.#bounds
    if (this.#dialling >= dialBacksAtOnceMax) return false
    const nowMs = this.#now()
    const { left, atMs } = this.#budgets.peek(host) ?? { left: most, atMs: nowMs }
    const now = Math.min(most, left + (nowMs - atMs) / dialBackEveryMs)
    if (now < 1) return false
    this.#budgets.set(host, { left: now - 1, atMs: nowMs })
    return true
  }
}

/** Hosts whose questions are counted, the last ones. */
const hostsMax = 4_096

function decode<Content>(what: string, schema: z.ZodType<Content>, bytes: Uint8Array): Content {
  const decoded = schema.safeParse(decodeCbor(what, bytes, messageBytesMax))
  if (!decoded.success) throw malformed(what, decoded.error)
  return decoded.data
}
