/**
 * Looks for weights that are no finite numbers. One NaN in a network makes every answer nonsense, and where activations are rounded to
 * whole numbers it does not even show in what comes out.
 *
 * Whole numbers are always finite, so of a block of quantised weights only its scales are looked at. 250 MB take 0.1 s.
 */
import { type GgufHeader, type GgufTensor, shown } from './header.ts'

/** By GGML's number of the type: bytes of a block, and where in it there are floats of 16 bits. */
const scales: Readonly<Record<number, { readonly bytes: number; readonly at: readonly number[] }>> = {
  1: { bytes: 2, at: [0] },
  2: { bytes: 18, at: [0] },
  3: { bytes: 20, at: [0, 2] },
  6: { bytes: 22, at: [0] },
  7: { bytes: 24, at: [0, 2] },
  8: { bytes: 34, at: [0] },
  10: { bytes: 84, at: [80, 82] },
  11: { bytes: 110, at: [108] },
  12: { bytes: 144, at: [0, 2] },
  13: { bytes: 176, at: [0, 2] },
  14: { bytes: 210, at: [208] },
  20: { bytes: 18, at: [0] },
  23: { bytes: 136, at: [0] },
}

const float32 = 0
const brainFloat = 30

/** Names the first tensor that has such a weight, as the end of a sentence about the model; null: none has. `bytes`: of a file whose structure has no fault. */
export function numbersFault(bytes: Uint8Array, { tensors, dataOffset }: GgufHeader): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const [i, tensor] of tensors.entries()) {
    const start = dataOffset + tensor.offset
    const next = tensors[i + 1]
    const end = next === undefined ? bytes.byteLength : dataOffset + next.offset
    if (!hasFiniteOnly(view, tensor, start, end))
      return `has a weight that is no finite number, in the tensor ${shown(tensor.name)}`
  }
  return null
}

function hasFiniteOnly(view: DataView, { type, shape }: GgufTensor, start: number, end: number): boolean {
  const count = shape.reduce((product, side) => product * side, 1)
  if (type === float32)
    return isEvery(start, start + 4 * count, 4, (at) => isFinite32(view.getUint32(at, true)))
  // Its first 16 bits are those of a float of 32.
  if (type === brainFloat)
    return isEvery(start, start + 2 * count, 2, (at) => (view.getUint16(at, true) & 0x7f80) !== 0x7f80)
  const block = Object.hasOwn(scales, type) ? scales[type] : undefined
  if (block === undefined) return true
  return block.at.every((offset) =>
    isEvery(start, end - block.bytes + 1, block.bytes, (at) => isFinite16(view.getUint16(at + offset, true))),
  )
}

function isEvery(start: number, end: number, step: number, isGood: (at: number) => boolean): boolean {
  for (let at = start; at < end; at += step) if (!isGood(at)) return false
  return true
}

function isFinite32(bits: number): boolean {
  return (bits & 0x7f800000) !== 0x7f800000
}

function isFinite16(bits: number): boolean {
  return (bits & 0x7c00) !== 0x7c00
}
