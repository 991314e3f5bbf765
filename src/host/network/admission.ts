/** Admission: two nodes of a fleet show each other their credentials between the handshake and the multiplexer. */
import { noise } from '@chainsafe/libp2p-noise'
import type {
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  SecureConnectionOptions,
  SecuredConnection,
} from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { PeerId } from '../../protocol/ids.ts'
import { noiseCipher } from './noise-cipher.ts'
import { thriftyPackets } from './thrift.ts'
import { hostOf } from './turnstile.ts'

/** Decides who may come in. The doorkeepers of the two peers choose what they say to each other. */
export interface Doorkeeper {
  /**
   * The fleet that this node belongs to. A peer of another fleet, or of none, speaks another protocol and gets no
   * further than its name.
   */
  readonly fleet: PeerId
  /** Talks with somebody whose key is proven. Throws, in one sentence, unless each lets the other in. */
  meet(peer: PeerId, line: AdmissionLine): Promise<void>
}

export interface AdmissionLine {
  /** The address at the other end (of IPv6 its network); '' where none is known. */
  readonly host: string
  send(message: Uint8Array): Promise<void>
  receive(): Promise<Uint8Array>
}

/** Sixteen charters of 60 KiB after as many changes of key; usually 2 KiB. */
const admissionBytesMax = 2 ** 20

/** The parts that libp2p makes an encrypter with. */
export type Encrypter = (components: Parameters<ReturnType<typeof noise>>[0]) => ConnectionEncrypter

/** Noise alone: an open mesh. */
export function noising(): Encrypter {
  const create = noise({ crypto: noiseCipher })
  return (components) => thriftyPackets(create(components))
}

/**
 * Noise, and then the doorkeeper's talk, before there is a connection at all.
 *
 * It stands here and not in a protocol of its own because everything that libp2p runs on a connection (identify,
 * gossip, whatever a dependency adds) begins by itself as soon as there is one: a door behind it would have to be
 * kept in each of them. An outsider gets neither a stream nor a list of protocols.
 */
export function admitting(doorkeeper: Doorkeeper): Encrypter {
  return (components) => {
    const inner = noising()(components)
    return {
      protocol: `/carpool/admission/1/${doorkeeper.fleet}`,
      secureOutbound: async (connection, options) =>
        admit(await inner.secureOutbound(connection, options), hostAt(connection), doorkeeper, options),
      secureInbound: async (connection, options) =>
        admit(await inner.secureInbound(connection, options), hostAt(connection), doorkeeper, options),
    }
  }
}

/** The type says less than there is: what is encrypted is the connection itself, or its mesh key's layer around it. */
function hostAt(connection: MessageStream): string {
  const { remoteAddr } = connection as Partial<MultiaddrConnection>
  return remoteAddr === undefined ? '' : hostOf(remoteAddr)
}

async function admit<Extension>(
  secured: SecuredConnection<Extension>,
  host: string,
  doorkeeper: Doorkeeper,
  options: SecureConnectionOptions | undefined,
): Promise<SecuredConnection<Extension>> {
  const stream = lpStream(secured.connection, { maxDataLength: admissionBytesMax })
  await doorkeeper.meet(secured.remotePeer.toString() as PeerId, {
    host,
    send: (message) => stream.write(message, options),
    receive: async () => (await stream.read(options)).slice(),
  })
  return { ...secured, connection: stream.unwrap() }
}
