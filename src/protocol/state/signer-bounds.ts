/**
 * Signer bounds: how much each steward may sign for a job, so that none fills the memory and the disks of the others.
 *
 * Each has a bound in bytes, by an estimate of what its records take in memory with all that they list; on the disk they
 * take less. The receipts of its leases count as its own. What a steward signed first counts first: its records hold in
 * the order of its serials, up to the bound, and of two under one serial the one with the lower id. So which of them
 * hold follows from their set alone, whatever comes first; a record that comes late may make others give way.
 *
 * An honest steward signs a few records for each shard and each lease that was declined, and leaves off leasing before it is
 * at its bound (`hasRoomToLease`). The next one has a bound of its own. The submitter's node has more, since it is its job.
 */
import type { PeerId, RecordId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import {
  handoverShare,
  shardRecordBytesMax,
  signerBytesMax,
  submitterBoundFactor,
  takerShareLeast,
} from '../limits.ts'
import type { JobRecord } from '../records.ts'
import { recordBytesLeast, recordEntryBytes } from '../sizes.ts'

/** Why a record does not hold: its signer has signed too much before it, or another record under its serial. */
export type Excess = 'too-much' | 'serial-taken'

/** The records of one steward under one serial: its own, and the receipts of that, if it is a lease. */
interface Kept {
  readonly ids: RecordId[]
  bytes: number
}

interface Signed {
  readonly bySerial: Map<number, Kept>
  bytes: number
}

export class SignerBounds {
  readonly #manifest: Manifest
  readonly #self: PeerId | undefined
  readonly #signed = new Map<PeerId, Signed>()

  /** What `self` signs has no bound here: it knows what it does. */
  constructor(manifest: Manifest, self: PeerId | undefined) {
    this.#manifest = manifest
    this.#self = self
  }

  /**
   * Judges a record of this steward, or a receipt of one of its leases, under the serial of that. Returns the records
   * that give way to it, mostly none. `share`: the steward's share of handovers (job/handover.ts).
   */
  judge(entry: JobRecord, signer: PeerId, serial: number, share: number): Excess | readonly RecordId[] {
    const signed = this.#signed.get(signer)
    const known = signed?.bySerial.get(serial)
    const isReceipt = entry.kind === 'receipt'
    const replaced = isReceipt ? undefined : known
    if (replaced !== undefined && replaced.ids[0]! < entry.record.id) return 'serial-taken'
    const givingWay = [...(replaced?.ids ?? [])]
    if (signer === this.#self || signed === undefined) return givingWay
    const max = this.#bytesMax(signer, share)
    let bytes = signed.bytes - (replaced?.bytes ?? 0) + bytesOf(entry)
    if (bytes <= max) return givingWay
    // Beyond the bound, which no honest steward comes to: what was signed last gives way.
    for (const last of [...signed.bySerial.keys()].sort((a, b) => b - a)) {
      if (last <= serial || bytes <= max) break
      const kept = signed.bySerial.get(last)!
      bytes -= kept.bytes
      givingWay.push(...kept.ids)
    }
    return bytes <= max ? givingWay : 'too-much'
  }

  /** Takes a record that nothing has to give way to. */
  add(entry: JobRecord, signer: PeerId, serial: number): void {
    const signed = this.#signed.get(signer) ?? { bySerial: new Map<number, Kept>(), bytes: 0 }
    this.#signed.set(signer, signed)
    const kept = signed.bySerial.get(serial) ?? { ids: [], bytes: 0 }
    signed.bySerial.set(serial, kept)
    const bytes = bytesOf(entry)
    kept.ids.push(entry.record.id)
    kept.bytes += bytes
    signed.bytes += bytes
  }

  /** Tells whether this steward keeps an eighth of its bound for verdicts and all else, if it leases on. */
  hasRoomToLease(signer: PeerId, share: number): boolean {
    return (this.#signed.get(signer)?.bytes ?? 0) < (this.#bytesMax(signer, share) * 7) / 8
  }

  #bytesMax(signer: PeerId, share: number): number {
    const { assurance, shards, stewards } = this.#manifest
    const ofManifest = signerBytesMax + shards.count * shardRecordBytesMax * (assurance.replicas + 1)
    if (signer === stewards[0]?.peer) return ofManifest * submitterBoundFactor
    return ofManifest * Math.max(takerShareLeast, Math.min(1, share / (handoverShare + 1)))
  }
}

/** An estimate of what a record takes in memory, rather above it. */
export function bytesOf(entry: JobRecord): number {
  return recordBytesLeast + recordEntryBytes * namesIn(entry)
}

/** The names that it lists. */
function namesIn(entry: JobRecord): number {
  switch (entry.kind) {
    case 'draw':
      return 2 * entry.record.payload.candidates.length
    case 'lease':
      return 2 * entry.record.payload.positions.length
    case 'receipt':
      return 2 * entry.opening.results.length
    case 'window':
      return 2 * entry.record.payload.receipts.length
    case 'verdict':
      return entry.record.payload.shards.reduce(
        (sum, { agreeing, contradicting, settles }) =>
          sum + 4 + agreeing.length + contradicting.length + settles.length,
        0,
      )
    case 'holding':
      return entry.record.payload.verdicts.length
    case 'allowance': {
      const { given, writtenOff } = entry.record.payload
      return given.length + writtenOff.reduce((sum, { places }) => sum + 1 + places.length, 0)
    }
    case 'handover':
    case 'end':
      return 8
  }
}
