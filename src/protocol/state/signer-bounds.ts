/**
 * Signer bounds: how much each steward may sign for a job, so that none fills the memory and the disks of the others.
 *
 * Each has a bound in bytes, by an estimate of what its records take in memory with all that they list, and bounds in the
 * number of draws and of shards that its leases name. A lease counts with one full receipt; how many it may have says the
 * lease (leased.ts). What a steward signed first counts first: of its records in the order of their serials, each is within
 * the bound that fits beside those before it, and of two under one serial the one with the lower id comes first. That depends on
 * nothing that others sign but handovers, so which records hold follows from their set alone, whatever comes first; a record
 * that comes late may make others give way. Both of two records under one serial hold, where they fit: else a steward could
 * take back, by signing a serial once more, what others already rest on.
 *
 * An honest steward signs a few records for each shard and each lease that was declined, and leaves off leasing before it is
 * at its bound (`hasRoomToLease`). The next one has a bound of its own. The submitter's node has more, since it is its job.
 *
 * A manifest may speak of a million shards in a few bytes. So the bound counts those of the list that is here: before it has
 * come, a record beyond the bound of a job without shards is refused, and comes again with the next comparison.
 */
import { compareText } from '../../base/bytes.ts'
import type { PeerId, RecordId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import { handoverShare, leaseShardsMax, lostReplicasMax } from '../limits.ts'
import { type JobRecord, namesIn, signedByOf } from '../records.ts'
import {
  recordBytesLeast,
  recordEntryBytes,
  shardRecordBytesMax,
  signerBytesMax,
  submitterBoundFactor,
  takerShareFactor,
  takerShareLeast,
} from '../sizes.ts'

/** Lists of candidates, and changes of one, that a standby signs for one job, and one for each shard: a newcomer is on record once it may be drawn. */
export const signerDrawsMax = 1_024
/** Shards that its leases name: 128 full leases that were declined, and each shard as often as it is executed or lost. */
export const signerPositionsMax = 128 * leaseShardsMax

/** Why a record does not hold: its signer has signed too much before it, at least while the list of shards is not here. */
export type Excess = 'too-much' | 'without-list'

interface Amount {
  readonly bytes: number
  readonly draws: number
  /** Shards that leases name. */
  readonly positions: number
}

interface Kept extends Amount {
  readonly id: RecordId
  readonly serial: number
}

interface Account {
  readonly records: Map<RecordId, Kept>
  total: Amount
  /** Use: the highest serial of all that are kept. */
  highest: number
}

function newAccount(): Account {
  return { records: new Map(), total: nothing, highest: -1 }
}

const nothing: Amount = { bytes: 0, draws: 0, positions: 0 }

/** Stewards sign it, and the bound of their records is about it; handovers have one of their own (job/handover.ts). */
export function isBounded({ kind }: JobRecord): boolean {
  return signedByOf(kind) === 'steward' && kind !== 'handover'
}

export class SignerBounds {
  readonly #manifest: Manifest
  readonly #self: PeerId | undefined
  readonly #accounts = new Map<PeerId, Account>()
  /** Shards of the list that is here. */
  #shards: number | undefined
  #bytes = 0

  /** `self` has no bound here: it knows what it does. */
  constructor(manifest: Manifest, self: PeerId | undefined, shards?: number) {
    this.#manifest = manifest
    this.#self = self
    this.#shards = shards
  }

  /** An estimate of what all records of stewards take in memory, with their receipts. */
  get bytes(): number {
    return this.#bytes
  }

  /** The list of shards is here, and has so many. */
  knowShards(count: number): void {
    this.#shards = count
  }

  /** For the same job, without any record. */
  anew(): SignerBounds {
    return new SignerBounds(this.#manifest, this.#self, this.#shards)
  }

  /**
   * Judges a record of a steward, handovers left out. Returns the records that give way to it, mostly none. `share`: the
   * steward's share of handovers (job/handover.ts).
   */
  judge(entry: JobRecord, share: number): Excess | readonly RecordId[] {
    const { id, signer, serial } = entry.record
    const account = this.#accounts.get(signer) ?? newAccount()
    const kept: Kept = { id, serial, ...amountOf(entry) }
    const max = this.#maxOf(signer, share)
    if (signer === this.#self || fits(plus(account.total, kept), max)) return []
    const excess = this.#shards === undefined ? 'without-list' : 'too-much'
    if (serial > account.highest) return excess
    const beyond = beyondBound([...account.records.values(), kept], max)
    return beyond.includes(id) ? excess : beyond
  }

  /** Takes a record that nothing has to give way to. */
  add(entry: JobRecord): void {
    const { id, signer, serial } = entry.record
    const account = this.#accounts.get(signer) ?? newAccount()
    this.#accounts.set(signer, account)
    const kept: Kept = { id, serial, ...amountOf(entry) }
    account.records.set(id, kept)
    account.total = plus(account.total, kept)
    this.#bytes += kept.bytes
    account.highest = Math.max(account.highest, serial)
  }

  /** Returns which records of stewards, in any order, are within the bounds. */
  within(entries: readonly JobRecord[], shareOf: (signer: PeerId) => number): Set<RecordId> {
    const bounds = this.anew()
    const inTurn = entries.toSorted(
      ({ record: a }, { record: b }) => a.serial - b.serial || compareText(a.id, b.id),
    )
    const within = new Set<RecordId>()
    for (const entry of inTurn) {
      if (within.has(entry.record.id)) continue
      if (typeof bounds.judge(entry, shareOf(entry.record.signer)) === 'string') continue
      bounds.add(entry)
      within.add(entry.record.id)
    }
    return within
  }

  /** The records that have to go where stewards have these shares from now on. */
  beyond(shareOf: (signer: PeerId) => number): RecordId[] {
    return [...this.#accounts].flatMap(([signer, { records, total }]) => {
      const max = this.#maxOf(signer, shareOf(signer))
      return signer === this.#self || fits(total, max) ? [] : beyondBound([...records.values()], max)
    })
  }

  /** Tells whether this steward keeps an eighth of its bound for verdicts and all else, if it leases on. */
  hasRoomToLease(signer: PeerId, share: number): boolean {
    const total = this.#accounts.get(signer)?.total ?? nothing
    return fits(total, scaled(this.#maxOf(signer, share), 7 / 8))
  }

  #maxOf(signer: PeerId, share: number): Amount {
    const bound = boundOf(this.#manifest, this.#shards)
    if (signer === this.#manifest.stewards[0]?.peer) return scaled(bound, submitterBoundFactor)
    const part = (takerShareFactor * share) / (handoverShare + 1)
    return scaled(bound, Math.max(takerShareLeast, Math.min(1, part)))
  }
}

/** The bound of a standby that the manifest names, where the list of so many shards is here. */
export function boundOf({ assurance }: Pick<Manifest, 'assurance'>, shards = 0): Amount {
  return {
    bytes: signerBytesMax + shards * shardRecordBytesMax * (assurance.replicas + 1),
    draws: signerDrawsMax + shards,
    positions: signerPositionsMax + shards * (2 * assurance.replicas + lostReplicasMax),
  }
}

/** A record's amount: bytes by an estimate of what it takes in memory, rather above it. */
export function amountOf(entry: JobRecord): Amount {
  return {
    bytes: bytesOf(entry),
    draws: entry.kind === 'draw' ? 1 : 0,
    positions: entry.kind === 'lease' ? entry.record.payload.positions.length : 0,
  }
}

function bytesOf(entry: JobRecord): number {
  const own = recordBytesLeast + recordEntryBytes * namesIn(entry)
  // With one receipt for all its shards, which takes about the same.
  return entry.kind === 'lease' ? 2 * own + entry.record.payload.draw.eligible.byteLength : own
}

/** Those of one steward's records that do not fit beside the ones before them. */
function beyondBound(kept: readonly Kept[], max: Amount): RecordId[] {
  let total = nothing
  return kept
    .toSorted((a, b) => a.serial - b.serial || compareText(a.id, b.id))
    .filter((one) => {
      const next = plus(total, one)
      if (!fits(next, max)) return true
      total = next
      return false
    })
    .map(({ id }) => id)
}

function plus(total: Amount, more: Amount): Amount {
  return {
    bytes: total.bytes + more.bytes,
    draws: total.draws + more.draws,
    positions: total.positions + more.positions,
  }
}

function scaled({ bytes, draws, positions }: Amount, factor: number): Amount {
  return { bytes: bytes * factor, draws: draws * factor, positions: positions * factor }
}

function fits({ bytes, draws, positions }: Amount, max: Amount): boolean {
  return bytes <= max.bytes && draws <= max.draws && positions <= max.positions
}
