/**
 * Questions about a node's accounts, over streams of their own: one question, one answer.
 *
 * An answer may have hundreds of kilobytes, which is too much for a control message, and nobody's work depends on it. The
 * question carries what proves that the asker may ask; here only its length is judged.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'
import { overRelays } from './relayed.ts'

const accountsProtocol = '/carpool/accounts/1'
/** A signed record, and some periods of time. */
const questionBytesMax = 8 * 1024
/** A year of hours takes 300 KB. */
const accountsBytesMax = 768 * 1024
/** Answers that are made at once: each may read the whole ledger. A guess. */
const atOnceMax = 2
/** Reading a ledger of a million entries takes some seconds. A guess. */
const answerMsMax = 20_000

/** Makes the answer; null: the asker may not know. */
export type AccountsHandler = (from: PeerId, question: Uint8Array) => Promise<Uint8Array | null>

export class Accounts {
  readonly #connect: (peer: PeerId) => Promise<Connection>
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #stopping = new AbortController()
  #handler: AccountsHandler | undefined
  #answering = 0

  constructor(connect: (peer: PeerId) => Promise<Connection>, bounds: NetworkBounds, log: Logger) {
    this.#connect = connect
    this.#bounds = bounds
    this.#log = log
  }

  async listen(node: Libp2p): Promise<void> {
    await node.handle(accountsProtocol, (stream, connection) => void this.#serve(stream, connection), {
      maxInboundStreams: 1,
    })
  }

  /** The one handler of questions. */
  onQuestion(handler: AccountsHandler): void {
    this.#handler = handler
  }

  /** Rejects with NetworkError 'unreachable', also where the peer does not answer such a question. */
  async ask(peer: PeerId, question: Uint8Array): Promise<Uint8Array> {
    const signal = AbortSignal.any([AbortSignal.timeout(answerMsMax), this.#stopping.signal])
    let stream: Stream | undefined
    try {
      const connection = await this.#connect(peer)
      stream = await connection.newStream(accountsProtocol, { signal, ...overRelays })
      const line = lpStream(stream, { maxDataLength: accountsBytesMax })
      await line.write(question, { signal })
      const answer = (await line.read({ signal })).slice()
      await stream.close({ signal })
      return answer
    } catch (thrown) {
      stream?.abort(thrown instanceof Error ? thrown : new Error(reason(thrown)))
      if (thrown instanceof NetworkError) throw thrown
      throw new NetworkError('unreachable', `${peer} does not show its accounts: ${reason(thrown)}`, {
        peer,
        cause: thrown,
      })
    }
  }

  stop(): void {
    this.#stopping.abort(new NetworkError('closed', 'this node is stopping'))
  }

  /** Never rejects: a peer's bytes must not reach the process as an unhandled rejection. */
  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString() as PeerId
    const signal = AbortSignal.any([
      AbortSignal.timeout(this.#bounds.dialTimeoutMs + answerMsMax),
      this.#stopping.signal,
    ])
    try {
      const line = lpStream(stream, { maxDataLength: questionBytesMax })
      const question = (await line.read({ signal })).slice()
      const answer = await this.#answer(peer, question)
      if (answer === null) throw new Error('it may not know')
      await line.write(answer, { signal })
      await stream.close({ signal })
    } catch (thrown) {
      this.#log.debug({ peer }, `a question about accounts got no answer: ${reason(thrown)}`)
      stream.abort(thrown instanceof Error ? thrown : new Error(reason(thrown)))
    }
  }

  async #answer(peer: PeerId, question: Uint8Array): Promise<Uint8Array | null> {
    if (this.#handler === undefined || this.#answering >= atOnceMax) return null
    this.#answering += 1
    try {
      return await this.#handler(peer, question)
    } finally {
      this.#answering -= 1
    }
  }
}
