/**
 * Keys, cells and regions: where a node belongs.
 *
 * Every node has a key, a number on a circle. In a fleet it is the hash of its credential's signature: the fleet's key makes it, and
 * neither the vehicle nor its owner can choose it, anybody can check it, and it is another one with each credential. In an open mesh
 * there is no credential, and the key is the hash of the peer id. That one can be chosen, by making peer ids until one fits. So can
 * everything else there, and an open mesh has no bound.
 *
 * A cell is all keys that begin with the same bits; its name is those bits ('' is the whole mesh, '01' a quarter). Owners do not decide about
 * cells: a cell by owner would have one voice. A region is a prefix whose length is a multiple of six: it has up to 64 cells, or 64
 * smaller regions.
 */
import { concat, fromString } from 'uint8arrays'
import { cellDepthMax, regionBits } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import type { Sha256 } from '../record/block.ts'
import type { SignedRecord } from '../record/record.ts'

/** A whole number from 0 up to 2^48: all arithmetic on it is exact. */
export type CellKey = number

export const keyBits = 48
/** Keys in all: the length of the circle. */
export const circle = 2 ** keyBits

/** A part of the circle: so many keys from `from` on, over its end to its beginning where it is long enough. */
export interface Arc {
  readonly from: CellKey
  readonly length: number
}

export const wholeMesh = '' as CellId

export function cellKeyOf(sha256: Sha256, peer: PeerId, credential: SignedRecord | null): CellKey {
  const named = credential === null ? fromString(peer) : credential.signature
  return keyFrom(sha256(concat([fromString('carpool/cell/'), named])))
}

/** The key that the first 48 bits of a hash are. */
export function keyFrom(digest: Uint8Array): CellKey {
  const view = new DataView(digest.buffer, digest.byteOffset)
  return view.getUint32(0) * 2 ** 16 + view.getUint16(4)
}

export function cellAt(key: CellKey, depth: number): CellId {
  if (depth === 0) return wholeMesh
  const bits = Math.floor(key / 2 ** (keyBits - depth))
  return bits.toString(2).padStart(depth, '0') as CellId
}

export function isCellId(text: string): text is CellId {
  return text.length <= cellDepthMax && /^[01]*$/.test(text)
}

export function arcOf(cell: CellId): Arc {
  const length = 2 ** (keyBits - cell.length)
  return { from: cell === wholeMesh ? 0 : Number.parseInt(cell, 2) * length, length }
}

export function isInArc({ from, length }: Arc, key: CellKey): boolean {
  return distance(from, key) < length
}

/** How far a key lies behind another one, around the circle. */
export function distance(from: CellKey, to: CellKey): number {
  return to >= from ? to - from : to - from + circle
}

export function holds(cell: CellId, key: CellKey): boolean {
  return isInArc(arcOf(cell), key)
}

/** Tells whether all of a cell lies in the other one, or is it. */
export function isWithin(cell: CellId, outer: CellId): boolean {
  return cell.startsWith(outer)
}

/** The cell with which this one would merge, and what they would be. Not for the whole mesh. */
export function siblingOf(cell: CellId): CellId {
  return `${parentOf(cell)}${cell.endsWith('0') ? '1' : '0'}` as CellId
}

export function parentOf(cell: CellId): CellId {
  return cell.slice(0, -1) as CellId
}

/** The region whose cells this one is among; null for the whole mesh, which is in none. */
export function regionOf(cell: CellId): CellId | null {
  if (cell === wholeMesh) return null
  return cell.slice(0, Math.floor((cell.length - 1) / regionBits) * regionBits) as CellId
}

/** How many bits two keys have in common, from the first on. */
export function sharedBits(a: CellKey, b: CellKey): number {
  const [highA, highB] = [Math.floor(a / 2 ** 24), Math.floor(b / 2 ** 24)]
  if (highA !== highB) return Math.clz32(highA ^ highB) - 8
  return keyBits / 2 + Math.clz32((a - highA * 2 ** 24) ^ (b - highB * 2 ** 24)) - 8
}
