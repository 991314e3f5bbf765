/** The arcs of censuses: where they begin, by the job's secret, and how long they are. */
import { concat, fromString } from 'uint8arrays'
import type { Sha256 } from '../record/block.ts'
import { type Arc, circle, keyFrom } from './key.ts'

/** Draws the arc of a census: it begins where the job's secret says. */
export function arcOfCensus(sha256: Sha256, drawSecret: Uint8Array, index: number, length: number): Arc {
  return { from: keyFrom(sha256(concat([drawSecret, fromString(`cell draw/${index}`)]))), length }
}

/** The length of an arc with at least so many of all, and less than twice: a power of two, so that whoever draws it cannot choose its end. */
export function arcLength(wanted: number, all: number): number {
  if (all <= wanted) return circle
  return circle / 2 ** Math.max(0, Math.floor(Math.log2(all / wanted)))
}
