/**
 * Messages without the packets, system calls and copies that libp2p adds to each.
 *
 * A message of 300 bytes was four system calls and two packets to and fro, on both sides: js-libp2p-noise hands the socket a
 * length and a packet apart, and js-yamux answers every frame, however small, with a frame that grants the peer as much
 * again. A lease is dozens of such messages, so this halved what the network took of a vehicle's processor.
 *
 * - A packet and its length leave as one, and so do the pieces of a packet that is too large to be copied into one.
 * - A packet is decrypted without the copy of it that js-libp2p-noise makes for a cipher that writes in place (ours does not).
 * - A peer is granted more once it has used up half of its window, as in the reference implementation (hashicorp/yamux,
 *   stream.go, sendWindowUpdate). It never waits for that: the other half is there while the grant is on its way.
 */
import type { ConnectionEncrypter, MessageStream, SecuredConnection, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** Copying more than this costs as much as the system call that it saves: a guess. */
const joinedBytesMax = 16 * 2 ** 10

/** Noise, whose packets leave whole and come without a copy. */
export function thriftyPackets(inner: ConnectionEncrypter): ConnectionEncrypter {
  return {
    protocol: inner.protocol,
    secureOutbound: async (connection, options) =>
      uncopied(await inner.secureOutbound(joining(connection), options)),
    secureInbound: async (connection, options) =>
      uncopied(await inner.secureInbound(joining(connection), options)),
  }
}

/** The parts of a TCP connection that send what it was given, piece by piece. Not in libp2p's interface. */
interface Corked {
  readonly socket: { cork(): void; uncork(): void }
  sendData(data: Uint8ArrayList): unknown
}

function joining<Connection extends MessageStream>(connection: Connection): Connection {
  const send = connection.send.bind(connection)
  // On the connection itself: others, such as libp2p's connection manager, know it by identity.
  connection.send = (data) =>
    send(data instanceof Uint8Array || data.byteLength > joinedBytesMax ? data : data.subarray())
  const corked = connection as object as Partial<Corked>
  const { socket, sendData } = corked
  if (socket?.cork !== undefined && sendData !== undefined)
    corked.sendData = (data) => {
      socket.cork()
      try {
        return sendData.call(connection, data)
      } finally {
        socket.uncork()
      }
    }
  return connection
}

/** The part of noise's connections that decrypts one packet. Not in libp2p's interface. */
interface Decrypting {
  readonly handshake: { decrypt(packet: Uint8ArrayList): Uint8Array | Uint8ArrayList }
  decrypt(packet: Uint8ArrayList): Uint8Array | Uint8ArrayList
}

/** A connection of another encrypter stays as it is. */
function uncopied<Extensions>(secured: SecuredConnection<Extensions>): SecuredConnection<Extensions> {
  const connection = secured.connection as object as Partial<Decrypting>
  const { handshake, decrypt } = connection
  if (handshake !== undefined && decrypt !== undefined)
    connection.decrypt = (packet) => handshake.decrypt(packet)
  return secured
}

/** The part of yamux's streams that says when a peer is granted more. Not in libp2p's interface. */
interface Granting {
  sendWindowUpdate(): void
  /** The bytes that the peer may have on their way when all is read, and how many of them it has left. */
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  /** StreamState of @libp2p/yamux. */
  readonly state: number
}

/** Before that, a grant also says that the stream is open. */
const established = 3

/** Has the stream grant its peer more by halves of the window; a stream of another multiplexer stays as it is. */
export function grantByHalves(stream: Stream): void {
  if (!isGranting(stream)) return
  const grant = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    if (stream.state !== established || stream.recvWindowCapacity <= stream.recvWindow / 2) grant()
  }
}

function isGranting(stream: object): stream is Granting {
  const { sendWindowUpdate, recvWindow, recvWindowCapacity, state } = stream as Partial<Granting>
  const numbers = [recvWindow, recvWindowCapacity, state]
  return sendWindowUpdate !== undefined && numbers.every((value) => typeof value === 'number')
}
