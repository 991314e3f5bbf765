/**
 * The mesh key: what all nodes of a closed mesh share, and without which not even a handshake can be seen.
 *
 * On the wire it is libp2p's private network (specs/pnet): each side sends 24 random bytes and encrypts all else. Nothing
 * there says that two keys differ: either side would read noise, and one of the two nothing but a reset. But the first
 * words of both sides are known, since libp2p begins every connection with the name of its negotiation. Whoever reads anything
 * else there knows that the other has another key, or none, or one where this node has none; it says so, and still says
 * its own first words before it hangs up, so that the other can tell as well.
 */
import type { ConnectionProtector, MessageStream, MultiaddrConnection } from '@libp2p/interface'
import {
  AbstractMessageStream,
  AbstractMultiaddrConnection,
  byteStream,
  type SendResult,
} from '@libp2p/utils'
import { KeyStream, meshKeyBytes, nonceBytes } from './key-stream.ts'
import { hostOf } from './turnstile.ts'

/** Hears of peers whose key does not fit; `host` is where they called from. */
export type OnKnock = (host: string, why: string) => void

type Options = Parameters<ConnectionProtector['protect']>[1]
type Uint8ArrayList = Parameters<AbstractMultiaddrConnection['sendData']>[0]

/** The first bytes of every libp2p connection, behind its mesh key. */
const firstWords = new TextEncoder().encode('\x13/multistream/1.0.0\n')
/** As long as a nonce: the first words, and "not available". */
const refusal = new TextEncoder().encode('\x13/multistream/1.0.0\n\x03na\n')

const words = {
  none: 'it has no mesh key, and this node has one: that node must be started with --mesh-key and the same file',
  another: 'its mesh key is another: both nodes must be started with --mesh-key and the same file',
  ours: 'it has a mesh key, and this node has none: this node must be started with --mesh-key and the same file',
} as const

const head = ['/key/swarm/psk/1.0.0/', '/base16/']

/** Makes a key, in libp2p's file format. */
export function makeMeshKey(): Uint8Array {
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(meshKeyBytes))).toString('hex')
  return new TextEncoder().encode([...head, key].join('\n'))
}

/** Throws an Error of one sentence. */
export function parseMeshKey(file: Uint8Array): Uint8Array {
  const [protocol, encoding, key = ''] = new TextDecoder().decode(file).split(/\r\n|\r|\n/)
  if (protocol !== head[0] || encoding !== head[1] || !/^[0-9a-f]{64}$/i.test(key.trim()))
    throw new Error('the mesh key is not one: it has three lines, and carpool fleet init --mesh-key makes it')
  return Buffer.from(key.trim(), 'hex')
}

/** For a node with a key. */
export function behindKey(key: Uint8Array, onKnock: OnKnock): () => ConnectionProtector {
  return () => ({ protect: (connection, options) => encrypted(connection, key, onKnock, options) })
}

/** For a node without a key: lets everything through, and knows a key at the other end when it sees one. */
export function withoutKey(onKnock: OnKnock): () => ConnectionProtector {
  return () => ({ protect: (connection, options) => plain(connection, onKnock, options) })
}

async function encrypted(
  connection: MessageStream,
  key: Uint8Array,
  onKnock: OnKnock,
  options: Options,
): Promise<MessageStream> {
  const localNonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
  const bytes = byteStream(connection)
  const [read] = await Promise.all([
    bytes.read({ bytes: nonceBytes, ...options }),
    bytes.write(localNonce, options),
  ])
  const remoteNonce = read.subarray()
  if (begins(remoteNonce, firstWords)) throw await refused(connection, words.none, onKnock)
  return new Encrypted(bytes.unwrap() as MultiaddrConnection, key, localNonce, remoteNonce, (why) =>
    knocked(connection, why, onKnock),
  )
}

/** The side that is called hears first; the caller's own words have to be on their way before it hears anything. */
async function plain(connection: MessageStream, onKnock: OnKnock, options: Options): Promise<MessageStream> {
  if (connection.direction === 'inbound') {
    const bytes = byteStream(connection)
    const read = (await bytes.read({ bytes: firstWords.byteLength, ...options })).subarray()
    if (!begins(read, firstWords)) {
      await bytes.write(refusal, options)
      throw await refused(connection, words.ours, onKnock)
    }
    const unwrapped = bytes.unwrap()
    unwrapped.unshift(read)
    return unwrapped
  }
  // A node without a key waits for our first words.
  if (connection.readBufferLength > 0) throw await refused(connection, words.ours, onKnock)
  if (connection instanceof AbstractMessageStream) watchFirstWords(connection)
  return connection
}

/** Looks at what arrives until it is as long as the first words; then the connection is left alone. */
function watchFirstWords(connection: AbstractMessageStream): void {
  const take = connection.onData.bind(connection)
  let seen = 0
  connection.onData = (data) => {
    const expected = firstWords.subarray(seen, seen + data.byteLength)
    seen += expected.byteLength
    if (seen === firstWords.byteLength) connection.onData = take
    if (begins(data.subarray(), expected)) take(data)
    else connection.abort(new Error(words.ours))
  }
}

/** A connection under the mesh key. */
class Encrypted extends AbstractMultiaddrConnection {
  readonly #inner: MultiaddrConnection
  readonly #inbound: KeyStream
  readonly #outbound: KeyStream
  readonly #knocked: (why: string) => void
  #seen = 0
  #isRefusing = false

  constructor(
    inner: MultiaddrConnection,
    key: Uint8Array,
    localNonce: Uint8Array,
    remoteNonce: Uint8Array,
    knocked: (why: string) => void,
  ) {
    super({
      log: inner.log.newScope('mesh-key'),
      remoteAddr: inner.remoteAddr,
      direction: inner.direction,
    })
    this.#inner = inner
    this.#inbound = new KeyStream(key, remoteNonce)
    this.#outbound = new KeyStream(key, localNonce)
    this.#knocked = knocked
    inner.addEventListener('message', ({ data }) => this.#take(data))
    inner.addEventListener('drain', () => this.safeDispatchEvent('drain'))
    inner.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  sendData(data: Uint8ArrayList): SendResult {
    return { sentBytes: data.byteLength, canSendMore: this.#inner.send(this.#encrypt(data)) }
  }

  async sendClose(options?: Parameters<MultiaddrConnection['close']>[0]): Promise<void> {
    await this.#inner.close(options)
  }

  sendReset(error: Error): void {
    // Our first words may still be under way.
    if (this.#isRefusing) void this.#inner.close().catch(() => this.#inner.abort(error))
    else this.#inner.abort(error)
  }

  sendPause(): void {
    this.#inner.pause()
  }

  sendResume(): void {
    this.#inner.resume()
  }

  #encrypt(data: Uint8Array | Uint8ArrayList): Uint8Array {
    return xored(data, this.#outbound)
  }

  #take(data: Uint8Array | Uint8ArrayList): void {
    let read: Uint8Array
    try {
      read = xored(data, this.#inbound)
    } catch (thrown) {
      this.abort(thrown as Error)
      return
    }
    if (this.#seen < firstWords.byteLength) {
      const expected = firstWords.subarray(this.#seen, this.#seen + read.byteLength)
      if (!begins(read, expected)) {
        this.#refuse()
        return
      }
      this.#seen += expected.byteLength
    }
    this.onData(read)
  }

  /** The called side has said nothing yet: its first words tell the caller. */
  #refuse(): void {
    this.#knocked(words.another)
    if (this.direction === 'inbound') this.#inner.send(this.#encrypt(firstWords))
    this.#isRefusing = true
    this.abort(new Error(words.another))
  }
}

function xored(data: Uint8Array | Uint8ArrayList, stream: KeyStream): Uint8Array {
  const result = new Uint8Array(data.byteLength)
  let at = 0
  for (const part of data instanceof Uint8Array ? [data] : data) {
    stream.xor(part, result, at)
    at += part.byteLength
  }
  return result
}

/** Hangs up once what was written is out. */
async function refused(connection: MessageStream, why: string, onKnock: OnKnock): Promise<Error> {
  knocked(connection, why, onKnock)
  const failure = new Error(why)
  await connection.close().catch(() => connection.abort(failure))
  return failure
}

function knocked(connection: MessageStream, why: string, onKnock: OnKnock): void {
  const { remoteAddr } = connection as Partial<MultiaddrConnection>
  if (connection.direction === 'inbound') onKnock(remoteAddr === undefined ? '' : hostOf(remoteAddr), why)
}

function begins(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.byteLength >= start.byteLength && start.every((byte, i) => bytes[i] === byte)
}
