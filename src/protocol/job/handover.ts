/**
 * Handovers: how a job's stewards change while it runs.
 *
 * The manifest fixes the first stewards. One that is lost for good is replaced by a record that an acting steward
 * signs and that names the record before it, so that later stewards come from a chain that begins in the manifest.
 * The taker signs by its acts: it holds the job's inputs (holding.ts) and signs its leases. Two stewards that cannot
 * hear each other may each replace the same one: both takers are stewards then, in the order of (epoch, id).
 */
import { z } from 'zod'
import { compareText } from '../../base/bytes.ts'
import type { JobId, PeerId, RecordId } from '../ids.ts'
import { handoverRecordsMax, handoversMax } from '../limits.ts'
import { cidSchema, peerIdSchema, recordType, type Verified } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import { type Manifest, type StewardPlace, stewardPlaceSchema } from './manifest.ts'

export interface Handover {
  /** The handover before this one; the job itself for the first. The record's epoch is one more than its. */
  readonly previous: RecordId
  /**
   * The steward that is replaced: it was silent for too long. If it comes back it is a steward still, but it counts
   * no more.
   */
  readonly lost: PeerId
  readonly taker: StewardPlace
}

const handoverSchema: z.ZodType<Handover> = z.strictObject({
  previous: cidSchema,
  lost: peerIdSchema,
  taker: stewardPlaceSchema,
})

export const handoverType = recordType('handover', handoverSchema, recordBytesMax.handover)
export const { open: openHandover } = handoverType

export interface Succession {
  /** Everybody who is or was a steward of the job, in the order in which they act. */
  readonly stewards: readonly StewardPlace[]
  /** The handovers that hold, in their order: as many as an offer carries. */
  readonly chain: readonly Verified<Handover>[]
  readonly lost: ReadonlySet<PeerId>
  /**
   * All handovers that follow from the manifest, those included that have no room in the chain; and all stewards that
   * these and the manifest name. Both only grow with what is known, whatever comes first, so they say which records
   * belong to the job: one that pushed others out would leave two stewards with different records for ever.
   */
  readonly handovers: readonly Verified<Handover>[]
  readonly signers: ReadonlySet<PeerId>
}

/**
 * The stewards of a job, from its manifest and any set of handovers: those that do not follow from the manifest, by a
 * signer who was a steward before them, are left out. The order in which they are given does not matter.
 */
export function successionOf(
  job: JobId,
  manifest: Manifest,
  handovers: Iterable<Verified<Handover>>,
): Succession {
  const stewards = [...manifest.stewards]
  const signers = new Set(stewards.map(({ peer }) => peer))
  const lost = new Set<PeerId>()
  const epochs = new Map<RecordId, number>([[job, 0]])
  const chain: Verified<Handover>[] = []
  const all: Verified<Handover>[] = []
  const ordered = [...handovers].sort((a, b) => a.epoch - b.epoch || compareText(a.id, b.id))
  for (const handover of ordered) {
    const { previous, taker } = handover.payload
    const follows = epochs.get(previous) === handover.epoch - 1
    if (
      handover.job !== job ||
      !follows ||
      !signers.has(handover.signer) ||
      !signers.has(handover.payload.lost)
    )
      continue
    if (epochs.has(handover.id) || handover.epoch > handoversMax) continue
    epochs.set(handover.id, handover.epoch)
    all.push(handover)
    const isNew = !signers.has(taker.peer)
    signers.add(taker.peer)
    if (chain.length >= handoverRecordsMax) continue
    chain.push(handover)
    lost.add(handover.payload.lost)
    if (isNew) stewards.push(taker)
  }
  return { stewards, chain, lost, handovers: all, signers }
}
