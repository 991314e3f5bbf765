/** Results of a job as its stewards get them: as they are, or sealed where the job is blind. */

import type { Manifest } from '../../protocol/job/manifest.ts'
import {
  decodeResult,
  decodeSealedResult,
  encodeResult,
  encodeSealedResult,
  type PageRecord,
  type ShardResult,
} from '../../protocol/job/result.ts'
import { resultBytesMax } from '../../protocol/limits.ts'
import { isExhausted } from '../../protocol/verification/examination.ts'
import { sealResult, unsealResult } from './sealing.ts'

/** `key`: the shard's. The same bytes from everybody who found the same. */
export function packResult({ blind }: Manifest, result: ShardResult, key: Uint8Array): Uint8Array {
  const bytes = encodeResult(result)
  if (blind === null) return bytes
  const { engine } = result
  return encodeSealedResult({ engine, exhausted: isExhausted(result), sealed: sealResult(key, bytes) })
}

/**
 * The same, but a shard whose outputs do not fit in a block gets errors instead, the same on every vehicle and on a
 * steward that runs the shard again.
 */
export function packWithinBounds(
  manifest: Manifest,
  result: ShardResult,
  key: Uint8Array,
): { readonly result: ShardResult; readonly bytes: Uint8Array } {
  const bytes = packResult(manifest, result, key)
  if (bytes.byteLength <= resultBytesMax) return { result, bytes }
  const error = { code: 'output-limit', message: `the results of one shard exceed ${resultBytesMax} bytes` }
  const records = result.records.map(() => ({ output: new Uint8Array(0), text: '', error }))
  const bounded = { ...result, records }
  return { result: bounded, bytes: packResult(manifest, bounded, key) }
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
