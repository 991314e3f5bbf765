/** A job of a virtual world: its manifest, its shards, and the answers of honest and lying vehicles for each. */
import type { Cid } from '../protocol/ids.ts'
import type { ShardEntry } from '../protocol/job/lists.ts'
import type { Manifest } from '../protocol/job/manifest.ts'
import type { Verified } from '../protocol/record/record.ts'

export interface SimJob {
  readonly manifest: Verified<Manifest>
  readonly shards: readonly ShardEntry[]
  /** From which its draws come; its stewards have it. */
  readonly drawSecret: Uint8Array
  readonly truth: (position: number) => Cid
  /** The answer of all who lie together. */
  readonly lie: (position: number) => Cid
}
