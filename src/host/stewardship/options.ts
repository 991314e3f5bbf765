/** The things that a stewardship is made of. */
import type { Logger } from 'pino'
import type { LeaveReason } from '../../protocol/council/contract.ts'
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Clock } from '../clock.ts'
import type { PayingDesk } from '../ledger/paying-desk.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Store } from '../store.ts'
import type { Mesh } from './mesh.ts'
import type { Recomputer } from './recomputer.ts'

/** Why this node gives up its place in a job that runs: the council's reasons, and those of this node's disk, memory and clock. */
export type LetGoReason = LeaveReason | 'takes-too-much' | 'no-inputs' | 'wrong-inputs' | 'deadline-passed'

export interface CouncilDriverOptions {
  readonly key: SigningKey
  readonly network: Mesh
  readonly store: Store
  readonly recomputer: Recomputer
  readonly clock: Clock
  readonly job: JobId
  readonly manifest: Manifest
  readonly manifestRecord: SignedRecord
  /** The submitter, whose job it is and who pays. */
  readonly submitter: PeerId
  /** Submitted with the key of this node, whose jobs take what they need of the disk. */
  readonly isOwn: boolean
  /** Where payments are made with this node's key; undefined for jobs of others. */
  readonly desk?: PayingDesk
  /** Null while a standby does not have them yet. */
  readonly shards: readonly ShardEntry[] | null
  /** From which the keys of the job's shards are derived; null: this node may not read it. */
  readonly secret: Uint8Array | null
  /** From which the draws of the job's stewards come; a blind job's, too. */
  readonly drawSecret: Uint8Array
  /** The first serial that this node has not used, as far as its own records do not tell: it may have left the job before. */
  readonly serial: number
  /** Submitted here just now. */
  readonly fresh: boolean
  readonly log: Logger
  /** Something that a status shows has changed. */
  readonly onChange: () => void
  readonly onEnd: () => void
  /** This node has no place among the job's stewards any more; `serial` is the first that it has not used. */
  readonly onLeft: (why: LetGoReason, serial: number) => void
  /** An estimate of what the job's records take in memory by now: said of each job of a stranger, after whatever it hears. */
  readonly onRecords: (bytes: number) => void
  /** The signer of this receipt was caught. */
  readonly onLie: (receipt: RecordId, because: 'equivocation' | 'recomputed') => void
}
