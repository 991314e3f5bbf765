/** A short result of a job as its stewards get it: as it is, or sealed where the job is blind. */

import type { Manifest } from '../../protocol/job/manifest.ts'
import {
  decodeResult,
  decodeSealedResult,
  encodeResult,
  encodeSealedResult,
  type PageRecord,
  type ShardResult,
} from '../../protocol/job/result.ts'
import { isExhausted, unitsTaken } from '../../protocol/verification/examination.ts'
import { sealResult, unsealResult } from './sealing.ts'

/** `key`: the shard's. The same bytes from everybody who found the same. */
export function packResult({ blind }: Manifest, result: ShardResult, key: Uint8Array): Uint8Array {
  const bytes = encodeResult(result)
  if (blind === null) return bytes
  const { engine } = result
  const units = unitsTaken(result)
  const facts = { engine, exhausted: isExhausted(result), ...(units && { units }) }
  return encodeSealedResult({ ...facts, sealed: sealResult(key, bytes) })
}

/** Throws ProtocolError, and Unsealable: nobody but the vehicles that agreed on it looked into it before. */
export function unpackResult(
  { blind }: Manifest,
  bytes: Uint8Array,
  pages: number,
  key: Uint8Array,
): readonly PageRecord[] {
  if (blind === null) return decodeResult(bytes, pages).records
  return decodeResult(unsealResult(key, decodeSealedResult(bytes).sealed, 'its result'), pages).records
}
