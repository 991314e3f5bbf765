/**
 * Twins: two nodes under one identity, as when a data directory was copied with its key, or a disk image with both.
 *
 * To everybody else they are one peer that is at two places and contradicts itself. Whoever is connected to both notices, and
 * tells both: it asks at the end of each connection which process is there, and where two answer differently it says to each
 * that there is another. A node that was restarted answers alone, since its old connection leads nowhere.
 *
 * Twins that know nobody else meet each other, as two vehicles made from one disk image do in one garage: at an address that
 * one of them was told of, or by multicast DNS. libp2p connects no node with itself. So before it hangs up, both say which
 * process they are (`meetingTwins`), and a node that dialled itself hears its own name.
 */
import { randomUUID } from 'node:crypto'
import type { Connection, Libp2p, MultiaddrConnection, SecuredConnection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { Notices } from '../notices.ts'
import type { Encrypter } from './admission.ts'
import type { NetworkBounds } from './bounds.ts'
import { reason } from './errors.ts'
import { placeOf, type Reach } from './reach.ts'
import { hostOf } from './turnstile.ts'

const protocol = '/carpool/twin/1'
/** A random name. */
const answerBytesMax = 64
/** Places at which a node looks for twins in its life: anybody on the local network can make them up. A guess. */
const lookedMax = 64

/** Hears that another process has the identity of this node; `host` is where it was met. */
export type OnTwin = (host: string) => void

/** Encrypts like the other encrypter, and tells of twins at the far end of a connection. */
export function meetingTwins(create: Encrypter, onTwin: OnTwin): Encrypter {
  const name = randomUUID()
  return (components) => {
    const inner = create(components)
    const meet = async <Extension>(
      secured: SecuredConnection<Extension>,
      { remoteAddr }: Partial<MultiaddrConnection>,
      options: Parameters<typeof inner.secureInbound>[1],
    ): Promise<SecuredConnection<Extension>> => {
      if (!secured.remotePeer.equals(components.peerId)) return secured
      const line = lpStream(secured.connection, { maxDataLength: answerBytesMax })
      await line.write(Buffer.from(name), options)
      const other = Buffer.from((await line.read(options)).subarray()).toString()
      if (other !== name) onTwin(remoteAddr === undefined ? '' : hostOf(remoteAddr))
      // What we wrote goes out before libp2p finds whom it is connected to, and hangs up.
      await secured.connection.close(options).catch((error) => secured.connection.abort(error))
      return secured
    }
    return {
      protocol: inner.protocol,
      secureOutbound: async (connection, options) =>
        meet(await inner.secureOutbound(connection, options), connection, options),
      secureInbound: async (connection, options) =>
        meet(await inner.secureInbound(connection, options), connection, options),
    }
  }
}

/** Where another node under the identity of this one was met, as its owner is told. */
export function twinMet(who: string): string {
  return `another node runs under the identity of this one: ${who}; stop one of the two, and start it anew with a data directory of its own`
}

/** The address alone where it names this peer: libp2p would not look who is there where it names the node itself. */
export function withoutName(address: Multiaddr, peer: string): Multiaddr {
  const name = address.getComponents().at(-1)
  return name?.name === 'p2p' && name.value === peer ? address.decapsulateCode(name.code) : address
}

export class Twins {
  readonly #node: Libp2p
  readonly #reach: Reach
  readonly #bounds: NetworkBounds
  readonly #notices: Notices
  readonly #log: Logger
  /** The name of this process, in this run. */
  readonly #name = randomUUID()
  /** Peers that are being asked. */
  readonly #asking = new Set<PeerId>()
  /** Where this node looked for a twin already. */
  readonly #looked = new Set<string>()

  constructor(node: Libp2p, reach: Reach, bounds: NetworkBounds, notices: Notices, log: Logger) {
    this.#node = node
    this.#reach = reach
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

  /** Dials each of these addresses once, at which somebody under this node's own identity says that it is. */
  async look(addresses: readonly string[]): Promise<void> {
    const own = this.#node.peerId.toString() as PeerId
    const places = addresses.flatMap((text) => placeOf(own, text) ?? [])
    for (const place of places) {
      if (place.relay !== undefined || this.#looked.has(place.name) || this.#looked.size >= lookedMax)
        continue
      this.#looked.add(place.name)
      for (const address of await this.#reach.resolve(place, places)) {
        const signal = AbortSignal.timeout(this.#bounds.dialTimeoutMs)
        // libp2p ends each of them, whoever is there.
        await this.#node.dial(withoutName(address, own), { signal }).catch(() => undefined)
      }
    }
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
    this.#notices.tell({ kind: 'clone', about: '', text: twinMet(`${who} both`) })
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
