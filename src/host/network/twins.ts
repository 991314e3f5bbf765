/**
 * Twins: two nodes under one identity, as when a data directory was copied with its key, or a disk image with both.
 *
 * To everybody else they are one peer that is at two places and contradicts itself. Whoever is connected to both notices, and
 * tells both: it asks at the end of each connection which process is there, and where two answer differently it says to each
 * that there is another. A node that was restarted answers alone, since its old connection leads nowhere.
 */
import { randomUUID } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Notices } from '../notices.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'

const protocol = '/carpool/twin/1'
/** A random name. */
const answerBytesMax = 64

export class Twins {
  readonly #node: Libp2p
  readonly #bounds: NetworkBounds
  readonly #notices: Notices
  readonly #log: Logger
  /** The name of this process, in this run. */
  readonly #name = randomUUID()
  /** Peers that are being asked. */
  readonly #asking = new Set<PeerId>()

  constructor(node: Libp2p, bounds: NetworkBounds, notices: Notices, log: Logger) {
    this.#node = node
    this.#bounds = bounds
    this.#notices = notices
    this.#log = log
  }

  async listen(): Promise<void> {
    await this.#node.handle(protocol, (stream, connection) => this.#answer(stream, connection), {
      maxInboundStreams: 1,
    })
    this.#node.addEventListener('peer:identify', ({ detail: { connection, protocols } }) => {
      if (protocols.includes(protocol)) void this.#ask(connection)
    })
  }

  /** Says which process this is, and hears whether there is another under its identity. */
  async #answer(stream: Stream, { remotePeer }: Connection): Promise<void> {
    const signal = AbortSignal.timeout(this.#bounds.handshakeTimeoutMs)
    try {
      const line = lpStream(stream, { maxDataLength: answerBytesMax })
      await line.write(Buffer.from(this.#name), { signal })
      const other = Buffer.from((await line.read({ signal })).subarray()).toString()
      if (other !== this.#name) this.#noticeOwn(`${remotePeer} is connected to`)
      await stream.close({ signal })
    } catch (thrown) {
      stream.abort(thrown as Error)
    }
  }

  #noticeOwn(who: string): void {
    const text = `another node runs under the identity of this one: ${who} both; stop one of the two, and start it anew with a data directory of its own`
    this.#notices.tell({ kind: 'clone', about: '', text })
  }

  async #ask(newest: Connection): Promise<void> {
    const peer = newest.remotePeer.toString() as PeerId
    const connections = this.#node.getConnections(newest.remotePeer).filter(({ status }) => status === 'open')
    if (connections.length < 2 || this.#asking.has(peer)) return
    this.#asking.add(peer)
    const signal = AbortSignal.timeout(this.#bounds.handshakeTimeoutMs)
    try {
      const asked = await Promise.allSettled(connections.map((connection) => question(connection, signal)))
      const answers = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const names = new Set(answers.map(({ name }) => name))
      if (names.size > 1) {
        const text = `two nodes run under the identity of ${peer}: the owner has to stop one of them, and start it anew with a data directory of its own`
        this.#notices.tell({ kind: 'clone', about: peer, text })
      }
      await Promise.allSettled(
        answers.map(({ name, say }) => say([...names].find((other) => other !== name) ?? name)),
      )
    } catch (thrown) {
      this.#log.debug({ peer }, `a peer could not be asked which process it is: ${reason(thrown)}`)
    } finally {
      this.#asking.delete(peer)
    }
  }
}

/** Asks what is at the other end of a connection; the answer is heard by `say`. */
async function question(connection: Connection, signal: AbortSignal) {
  const stream = await connection.newStream(protocol, { signal })
  const line = lpStream(stream, { maxDataLength: answerBytesMax })
  try {
    const name = Buffer.from((await line.read({ signal })).subarray()).toString()
    const say = async (other: string) => {
      await line.write(Buffer.from(other), { signal })
      await stream.close({ signal })
    }
    return { name, say }
  } catch (thrown) {
    stream.abort(thrown as Error)
    throw thrown
  }
}
