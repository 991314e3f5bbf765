/**
 * The demands of a job: the bytes that its manifest says that it consists of, against bounds of ours.
 *
 * A manifest is a stranger's word, and everything that is fetched, kept and read for a job is measured by it. So each
 * node that meets a job looks here before it fetches a block of it: a vehicle that is offered a lease, a node that is
 * entrusted with the job, and both again when they find the job on their disk. The submitter's own node refuses the same
 * before it signs.
 */
import {
  clockSkewMaxMs,
  documentsMax,
  jobDeadlineMsMax,
  shardEntryBytesMax,
  shardPagesMax,
  weightsBytesMax,
  wrappedKeyBytes,
} from '../limits.ts'
import type { Manifest } from './manifest.ts'

/** The head of a list of a million entries, in dag-cbor. */
const listHeadBytes = 5

/** The first bound that the job breaks, as a sentence about it; undefined: it keeps them all. */
export function excessOf({ weights, shards, documents, blind }: Manifest): string | undefined {
  const weightBytes = weights.reduce((sum, { bytes }) => sum + bytes, 0)
  if (weightBytes > weightsBytesMax)
    return `its weights have ${weightBytes} bytes together, and at most ${weightsBytesMax} are taken`
  const listBytesMax = shards.count * shardEntryBytesMax + listHeadBytes
  if (shards.bytes > listBytesMax)
    return `its list of ${shards.count} shards has ${shards.bytes} bytes, and at most ${listBytesMax} describe them`
  if (shards.pages > shards.count * shardPagesMax)
    return `its ${shards.count} shards have ${shards.pages} pages, and at most ${shardPagesMax} each are taken`
  if (documents.count > documentsMax)
    return `it has ${documents.count} documents, and at most ${documentsMax} are taken`
  if (blind !== null) {
    const keyBytes = blind.candidates.length * shards.count * wrappedKeyBytes
    if (blind.keys.bytes !== keyBytes)
      return `its wrapped keys have ${blind.keys.bytes} bytes, and those of its shards take ${keyBytes}`
  }
  return undefined
}

/** Tells whether a job's deadline is further away than any job may run; clocks may differ by a few minutes. */
export function outlastsAll({ deadlineMs }: Manifest, nowMs: number): boolean {
  return deadlineMs > nowMs + jobDeadlineMsMax + clockSkewMaxMs
}
