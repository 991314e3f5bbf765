/** The asking side of the block protocol: one stream to one peer, with questions matched to answers by id. */
import { pipe } from 'it-pipe'
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import {
  type Answer,
  answerKind,
  decodeAnswer,
  encodeQuestion,
  headerBytes,
  idMax,
  questionKind,
} from './block-frames.ts'
import type { NetworkBounds } from './bounds.ts'
import { cidFromBytes, isBlockOf } from './cid-bytes.ts'
import { NetworkError, reason } from './errors.ts'
import type { FlowStream } from './flow.ts'
import { frames } from './frames.ts'
import type { SpareMemory } from './spare-memory.ts'
import { StallWatch } from './stall-watch.ts'

interface Waiting {
  readonly kind: number
  readonly cids: readonly Uint8Array[]
  readonly answered: (answer: Answer) => void
  readonly failed: (error: Error) => void
  /** Aborted: nobody wants the answer any more. */
  readonly signal: AbortSignal | undefined
}

/**
 * Our questions to one peer, all on one stream, matched to answers by id.
 *
 * Whatever goes wrong ends the stream and fails every question on it with the reason: a peer that sent one
 * corrupt block, or one answer that nobody asked for, has nothing else to say that we would trust. A question
 * that its asker gave up stays in the table until it is answered, so that a late answer is no surprise; when all were
 * given up, the stream ends, and with it the bytes.
 */
export class BlockAsker {
  readonly #stream: FlowStream
  readonly #peer: PeerId
  readonly #bounds: NetworkBounds
  readonly #memory: SpareMemory
  readonly #log: Logger
  readonly #waiting = new Map<number, Waiting>()
  readonly #watch: StallWatch
  #nextId = 0
  #answers = 0

  constructor(stream: FlowStream, peer: PeerId, bounds: NetworkBounds, memory: SpareMemory, log: Logger) {
    this.#stream = stream
    this.#peer = peer
    this.#bounds = bounds
    this.#memory = memory
    this.#log = log
    const progress = () => stream.readBytes + this.#answers * bounds.stallBytesMin
    this.#watch = new StallWatch(bounds.stallTimeoutMs, bounds.stallBytesMin, progress, () => {
      this.#end(
        new NetworkError('stalled', `${peer} owes ${this.#waiting.size} answers and makes no progress`, {
          peer,
        }),
      )
    })
    void this.#read()
  }

  /** Asks for blocks. Each settles on its own: verified bytes, or undefined where the peer has none for us. */
  blocks(cids: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array | undefined>[] {
    const first = this.#takeIds(cids.length)
    const answers = cids.map((cid, index) => this.#expect(questionKind.blocks, first + index, [cid], signal))
    this.#ask(questionKind.blocks, first, cids)
    return answers.map(async (answer) => {
      const { kind, body } = await answer
      return kind === answerKind.block ? body : undefined
    })
  }

  /** One bit per CID, lowest first. */
  async have(cids: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array> {
    const id = this.#takeIds(1)
    const answer = this.#expect(questionKind.have, id, cids, signal)
    this.#ask(questionKind.have, id, cids)
    return (await answer).body
  }

  /** Some signal aborted. Nothing tells a server to forget a question, so only the end of the stream saves the bytes. */
  givenUp(): void {
    const all = [...this.#waiting.values()]
    if (all.length === 0 || !all.every(({ signal }) => signal?.aborted)) return
    this.#end(new NetworkError('closed', 'what was asked is not wanted any more', { peer: this.#peer }))
  }

  #takeIds(count: number): number {
    if (this.#nextId + count > idMax) this.#nextId = 0
    const first = this.#nextId
    this.#nextId += count
    return first
  }

  #expect(kind: number, id: number, cids: readonly Uint8Array[], signal?: AbortSignal): Promise<Answer> {
    this.#watch.wait()
    const answer = new Promise<Answer>((answered, failed) =>
      this.#waiting.set(id, { kind, cids, answered, failed, signal }),
    )
    answer.catch(() => {})
    return answer
  }

  #ask(kind: number, id: number, cids: readonly Uint8Array[]): void {
    this.#stream.write([encodeQuestion(kind, id, cids)]).catch((error: Error) => this.#end(error))
  }

  async #read(): Promise<void> {
    try {
      const answerBytesMax = headerBytes + this.#bounds.blockBytesMax
      for await (const frame of pipe(this.#stream.chunks(), (chunks) =>
        frames(chunks, answerBytesMax, this.#memory.take),
      ))
        this.#settle(decodeAnswer(frame))
      this.#end(new NetworkError('closed', `${this.#peer} closed the stream`, { peer: this.#peer }))
    } catch (thrown) {
      this.#end(thrown)
    }
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    if (waiting === undefined)
      throw new NetworkError('malformed', 'an answer that nobody asked for', { peer: this.#peer })
    this.#check(answer, waiting)
    this.#waiting.delete(answer.id)
    this.#answers++
    this.#watch.done()
    waiting.answered(answer)
  }

  #check({ kind, body }: Answer, asked: Waiting): void {
    const cid = asked.cids[0]!
    const fits =
      asked.kind === questionKind.have
        ? kind === answerKind.have && body.byteLength === Math.ceil(asked.cids.length / 8)
        : kind === answerKind.block || (kind === answerKind.missing && body.byteLength === 0)
    if (!fits) throw new NetworkError('malformed', 'an answer to another question', { peer: this.#peer })
    if (kind === answerKind.block && !isBlockOf(cid, body)) {
      const name = cidFromBytes(cid) as Cid
      throw new NetworkError('corrupt-block', `${this.#peer} sent other bytes as ${name}`, {
        peer: this.#peer,
        cid: name,
      })
    }
  }

  /** Ends the stream and everything that waits on it; the second call finds nothing left to do. */
  #end(thrown: unknown): void {
    const error =
      thrown instanceof NetworkError
        ? thrown
        : new NetworkError('closed', `the stream to ${this.#peer} ended: ${reason(thrown)}`, {
            peer: this.#peer,
            cause: thrown,
          })
    if (error.code !== 'closed')
      this.#log.warn({ peer: this.#peer, code: error.code, cid: error.cid }, error.message)
    this.#watch.stop()
    this.#stream.abort(error)
    for (const { failed } of this.#waiting.values()) failed(error)
    this.#waiting.clear()
  }
}
