/** The frames of the block protocol, byte by byte. */
import { cidBytes } from './cid-bytes.ts'
import { NetworkError } from './errors.ts'
import { framePrefix } from './frames.ts'

/**
 * The frames of /carpool/blocks/1, inside the length prefixes of frames.ts:
 *
 *     question   kind u8   id u32   cid 36 bytes, once or more
 *     answer     kind u8   id u32   the block | nothing | one bit per CID asked, lowest bit first
 *
 * A question for n blocks takes the ids id … id+n−1, and each is answered on its own, in any order: the asker
 * keeps the stream full without one round trip per block. A header of five fixed bytes was chosen over
 * dag-cbor, which would copy each block once more to wrap it.
 */
export const questionKind = { blocks: 1, have: 2 } as const
export const answerKind = { block: 1, missing: 2, have: 3 } as const

export const headerBytes = 5
export const idMax = 0xffff_ffff

export interface Question {
  readonly kind: number
  readonly id: number
  readonly cids: readonly Uint8Array[]
}

export interface Answer {
  readonly kind: number
  readonly id: number
  readonly body: Uint8Array
}

export function encodeQuestion(kind: number, id: number, cids: readonly Uint8Array[]): Uint8Array {
  const lengthBytes = headerBytes + cids.length * cidBytes
  const prefix = framePrefix(lengthBytes)
  const frame = new Uint8Array(prefix.byteLength + lengthBytes)
  frame.set(prefix)
  writeHeader(frame, prefix.byteLength, kind, id)
  cids.forEach((cid, index) => {
    frame.set(cid, prefix.byteLength + headerBytes + index * cidBytes)
  })
  return frame
}

/** Throws NetworkError 'malformed'. The CIDs are cut out, not checked. */
export function decodeQuestion(frame: Uint8Array): Question {
  const cidsBytes = frame.byteLength - headerBytes
  if (cidsBytes < cidBytes || cidsBytes % cidBytes !== 0)
    throw new NetworkError('malformed', 'a question of no whole CIDs')
  const { kind, id } = readHeader(frame)
  if (kind !== questionKind.blocks && kind !== questionKind.have)
    throw new NetworkError('malformed', `a question of kind ${kind}`)
  const cids: Uint8Array[] = []
  for (let at = headerBytes; at < frame.byteLength; at += cidBytes)
    cids.push(frame.subarray(at, at + cidBytes))
  if (id + cids.length - 1 > idMax) throw new NetworkError('malformed', 'a question whose ids overflow')
  return { kind, id, cids }
}

/** Prefix and header of an answer; the body follows as it is, without a copy. */
export function encodeAnswerHead(kind: number, id: number, bodyBytes: number): Uint8Array {
  const prefix = framePrefix(headerBytes + bodyBytes)
  const head = new Uint8Array(prefix.byteLength + headerBytes)
  head.set(prefix)
  writeHeader(head, prefix.byteLength, kind, id)
  return head
}

/** Throws NetworkError 'malformed'. The body is a view of the frame. */
export function decodeAnswer(frame: Uint8Array): Answer {
  if (frame.byteLength < headerBytes) throw new NetworkError('malformed', 'an answer without a header')
  return { ...readHeader(frame), body: frame.subarray(headerBytes) }
}

function writeHeader(bytes: Uint8Array, at: number, kind: number, id: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint8(at, kind)
  view.setUint32(at + 1, id)
}

function readHeader(bytes: Uint8Array): { kind: number; id: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return { kind: view.getUint8(0), id: view.getUint32(1) }
}
