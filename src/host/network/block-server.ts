/** The answering side of the block protocol. */
import { pipe } from 'it-pipe'
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import {
  answerKind,
  decodeQuestion,
  encodeAnswerHead,
  headerBytes,
  type Question,
  questionKind,
} from './block-frames.ts'
import type { NetworkBounds } from './bounds.ts'
import { cidBytes, cidFromBytes } from './cid-bytes.ts'
import { NetworkError, reason } from './errors.ts'
import type { FlowStream } from './flow.ts'
import { frames } from './frames.ts'
import { StallWatch } from './stall-watch.ts'

/** The bytes of a block, or undefined: we lack it, or this peer may not have it. */
export type BlockProvider = (
  cid: Cid,
  peer: PeerId,
) => Promise<Uint8Array | undefined> | Uint8Array | undefined
/** Tells whether the provider would give the block, without reading it. */
export type BlockPresence = (cid: Cid, peer: PeerId) => Promise<boolean> | boolean

export interface BlockSource {
  readonly provide: BlockProvider
  readonly has: BlockPresence
}

/**
 * Answers one peer's questions for as long as its stream lasts.
 *
 * A question is read only when there is room for one more of `blocksServedAtOnceMax` full blocks on their way, so
 * that a peer that asks and does not read holds that much of our memory, and for `stallTimeoutMs` only. Small blocks
 * take as much of it as they are large, hence many of them leave in one packet. A block that the peer may not have
 * and one that we do not have get the same answer, so an outsider learns nothing from asking.
 */
export async function serveBlocks(
  stream: FlowStream,
  peer: PeerId,
  source: () => BlockSource | undefined,
  bounds: NetworkBounds,
  log: Logger,
): Promise<void> {
  const watch = new StallWatch(
    bounds.stallTimeoutMs,
    bounds.stallBytesMin,
    () => stream.sentBytes,
    () => {
      stream.abort(new NetworkError('stalled', `${peer} asks for blocks and does not read them`, { peer }))
    },
  )
  const underway = new Set<Promise<void>>()
  let heldBytes = 0
  let room = Promise.withResolvers<void>()
  /** Counts what an answer holds from here on, and lets the loop look whether there is room. */
  const hold = (bytes: number) => {
    heldBytes += bytes
    if (bytes > 0) return
    room.resolve()
    room = Promise.withResolvers()
  }

  const answer = async (kind: number, id: number, body: Uint8Array) => {
    watch.wait()
    try {
      await stream.write([encodeAnswerHead(kind, id, body.byteLength), body])
    } finally {
      watch.done()
    }
  }

  /** Contains errors that the caller's code throws: the peer is told 'missing', and our log gets the cause. */
  const guarded = async <Value>(cid: Cid, read: () => Promise<Value> | Value): Promise<Value | undefined> => {
    try {
      return await read()
    } catch (thrown) {
      log.error({ peer, cid, err: thrown }, `a block could not be read: ${reason(thrown)}`)
      return undefined
    }
  }

  const answerBlock = async (id: number, cid: Cid) => {
    let held = bounds.blockBytesMax
    hold(held)
    try {
      const block = await guarded(cid, () => source()?.provide(cid, peer))
      const fits = block !== undefined && block.byteLength <= bounds.blockBytesMax
      if (block !== undefined && !fits)
        log.error({ cid }, `a block of ${block.byteLength} bytes is above ${bounds.blockBytesMax}`)
      const size = Math.min(held, (fits ? block.byteLength : 0) + answerOverheadBytes)
      hold(size - held)
      held = size
      await (fits ? answer(answerKind.block, id, block) : answer(answerKind.missing, id, nothing))
    } finally {
      hold(-held)
    }
  }

  const answerHave = async ({ id, cids }: Question) => {
    const bits = new Uint8Array(Math.ceil(cids.length / 8))
    for (const [index, bytes] of cids.entries()) {
      const cid = checkedCid(bytes)
      if (await guarded(cid, () => source()?.has(cid, peer))) bits[index >> 3]! |= 1 << (index & 7)
    }
    await answer(answerKind.have, id, bits)
  }

  const questionBytesMax = headerBytes + bounds.cidsPerRequestMax * cidBytes
  try {
    for await (const frame of pipe(stream.chunks(), (chunks) => frames(chunks, questionBytesMax))) {
      const question = decodeQuestion(frame)
      if (question.kind === questionKind.have) {
        await answerHave(question)
        continue
      }
      for (const [index, bytes] of question.cids.entries()) {
        const task = answerBlock(question.id + index, checkedCid(bytes))
        underway.add(task)
        // A failed write has ended the stream, and with it this loop: dropping the failure here loses nothing.
        void task.catch(() => {}).then(() => underway.delete(task))
        while (heldBytes > (bounds.blocksServedAtOnceMax - 1) * bounds.blockBytesMax) await room.promise
      }
    }
    await Promise.all(underway)
  } finally {
    watch.stop()
  }
}

const nothing = new Uint8Array(0)

/** Promises and buffers of an answer that waits, about; bounds how many answers of a few bytes may wait. */
const answerOverheadBytes = 4096

function checkedCid(bytes: Uint8Array): Cid {
  const cid = cidFromBytes(bytes)
  if (cid === undefined)
    throw new NetworkError('malformed', 'a question for what is not a CIDv1 with sha2-256')
  return cid
}
