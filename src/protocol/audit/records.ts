/**
 * A report's records, each opened and checked by itself: that it is signed, of this job, by one of its stewards, and that
 * what it names is there. Later checks look at them together.
 */
import { equals } from 'uint8arrays'
import type { Cid, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { type Allowance, openAllowance } from '../job/allowance.ts'
import { openCancellation } from '../job/cancellation.ts'
import { openDrawBasis } from '../job/draw.ts'
import { type Handover, openHandover, type Succession, successionOf } from '../job/handover.ts'
import { openHolding } from '../job/holding.ts'
import {
  checkReceipt,
  type Lease,
  openingSchema,
  openLease,
  openReceipt,
  type Receipt,
} from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import { type Manifest, openManifest } from '../job/manifest.ts'
import { type JobEnd, openEnd, openVerdict, type ShardVerdict, type Verdict } from '../job/verdict.ts'
import { openWindow } from '../job/window.ts'
import { openStatement, type Statement } from '../ledger/statement.ts'
import { type Charter, type Credential, openCharter, openCredential } from '../membership/fleet.ts'
import { decodeCbor, type Sha256 } from '../record/block.ts'
import type { SignedRecord, Verified, Verify } from '../record/record.ts'
import type { RecordKind } from '../records.ts'
import { AuditedWindows } from './audited-windows.ts'
import { AuditedBases } from './bases.ts'
import type { Problems } from './problems.ts'
import type { Note, Report, ReportedRecord } from './report.ts'

export interface AuditInput {
  readonly report: Report
  readonly records: readonly ReportedRecord[]
  readonly shards: readonly ShardEntry[]
  /** A block of the report whose hash was checked; undefined when it is not in it. */
  readonly block: (cid: Cid) => Uint8Array | undefined
  readonly sha256: Sha256
  readonly verify: Verify
  /** Adverts from elsewhere, to be held against lists from abroad (abroad.ts). */
  readonly witnesses?: readonly SignedRecord[]
}

/** One receipt's claims, with the owner for whom they count. */
export interface Claim {
  readonly vehicle: PeerId
  readonly owner: OwnerId
  /** The lease that it came from. */
  readonly lease: Verified<Lease>
  /** By position. */
  readonly results: ReadonlyMap<number, Cid>
  /** By position, what the receipt says that the result took; empty where units are not counted. */
  readonly units: ReadonlyMap<number, NonNullable<Receipt['units']>[number]>
}

/** One steward's decision about one shard, as its record has it. */
export interface Decision {
  readonly record: RecordId
  readonly by: PeerId
  readonly verdict: ShardVerdict
}

/** Throws when the report is of no job: then there is nothing to check it against. */
export function openReportedManifest(
  { records, report, shards, sha256, verify }: AuditInput,
  problems: Problems,
): Verified<Manifest> {
  const first = records[0]
  if (first?.kind !== 'manifest') throw new Error('the report does not begin with a manifest')
  const manifest = openManifest(first.record, sha256, verify)
  if (manifest.id !== report.job) throw new Error(`the manifest is of job ${manifest.id}, not ${report.job}`)
  const { file, count, pages } = manifest.payload.shards
  const listed = shards.reduce((sum, shard) => sum + shard.pages, 0)
  if (report.shardList[0] !== file) problems.blame('the shard list is not the manifest’s')
  if (shards.length !== count || listed !== pages)
    problems.blame(`the shard list has ${listed} pages in ${shards.length} shards, not ${pages} in ${count}`)
  return manifest
}

export class AuditedRecords {
  readonly bases: AuditedBases
  readonly leases = new Map<LeaseId, Verified<Lease>>()
  readonly receipts: Verified<Receipt>[] = []
  readonly claims = new Map<RecordId, Claim>()
  readonly verdicts: Verified<Verdict>[] = []
  readonly decisions: Decision[] = []
  readonly windows = new AuditedWindows()
  readonly allowances: Verified<Allowance>[] = []
  readonly statements: Verified<Statement>[] = []
  readonly ends: JobEnd[] = []
  /** The submitter's own cancellation is in the report. */
  isCancelled = false
  /** The stewards that ended the job. */
  readonly enders = new Set<PeerId>()
  /** Those of them that say it was cancelled, the submitter's own node left out. */
  readonly cancellers = new Set<PeerId>()
  /** From which all draws of the job come; undefined when no end reveals it. */
  drawSecret: Uint8Array | undefined
  readonly charters: Verified<Charter>[] = []
  readonly credentials: Verified<Credential>[] = []
  readonly succession: Succession
  readonly #input: AuditInput
  readonly #manifest: Verified<Manifest>
  /** Leases and allowances that are said to be beyond their signers' allowances. */
  readonly unpaid = new Map<RecordId, Verified<Lease> | Verified<Allowance>>()
  /** All that verdicts say, also where a note says that they do not count: their signers are bound by it. */
  readonly said: Verified<Verdict>[] = []
  /** Record and position of verdicts in whose place another stands. */
  readonly #settled = new Set<string>()

  /** Records that do not hold are blamed, and left out. */
  constructor(input: AuditInput, manifest: Verified<Manifest>, problems: Problems) {
    this.#input = input
    this.#manifest = manifest
    this.bases = new AuditedBases(input.sha256)
    this.succession = successionOf(manifest.id, manifest.payload, handoversOf(input))
    for (const [i, record] of input.records.entries())
      problems.attempt(`record ${i} (${record.kind})`, () => this.#open(record))
  }

  /** The candidates that a lost steward drew from are not here: nothing may rest on such a lease, and it promises nothing. */
  isUndrawn({ signer, payload }: Verified<Lease>): boolean {
    const isKept = this.enders.has(signer) || signer === this.#manifest.payload.stewards[0]?.peer
    return !isKept && !this.bases.has(payload.draw.basis)
  }

  isSettled({ record, verdict }: Decision): boolean {
    return this.#settled.has(`${record}/${verdict.position}`)
  }

  /** Throws for a kind of record that no job has: the report would prove something else by it. */
  #open({ kind, record, opening, note }: ReportedRecord): void {
    const { sha256, verify } = this.#input
    if (note !== undefined && !mayHaveNote(kind, note))
      throw new Error(`a ${kind} has a note that it may not have`)
    switch (kind) {
      case 'manifest':
        return
      case 'draw': {
        this.bases.add(this.#fromSteward(openDrawBasis(record, sha256, verify)))
        return
      }
      case 'lease':
        this.#addLease(this.#fromSteward(openLease(record, sha256, verify)), note)
        return
      case 'receipt':
        this.#addReceipt(openReceipt(record, sha256, verify), opening)
        return
      case 'window':
        this.windows.add(this.#fromSteward(openWindow(record, sha256, verify)))
        return
      case 'verdict':
        this.#addVerdict(this.#fromSteward(openVerdict(record, sha256, verify)), note)
        return
      case 'end': {
        const { payload, signer } = this.#fromSteward(openEnd(record, sha256, verify))
        if (!equals(sha256(payload.secret), this.#manifest.payload.drawCommitment))
          throw new Error('its secret of the draws is not the one that the manifest commits to')
        this.drawSecret = payload.secret
        this.ends.push(payload)
        this.enders.add(signer)
        if (payload.outcome === 'cancelled' && signer !== this.#manifest.payload.stewards[0]?.peer)
          this.cancellers.add(signer)
        return
      }
      case 'cancellation': {
        const { job, signer } = openCancellation(record, sha256, verify)
        if (job !== this.#manifest.id) throw new Error(`it is of job ${job}`)
        if (signer !== this.#manifest.signer) throw new Error(`${signer} is not the submitter of this job`)
        this.isCancelled = true
        return
      }
      case 'statement':
        this.statements.push(this.#fromSteward(openStatement(record, sha256, verify)))
        return
      case 'holding':
        this.#fromSteward(openHolding(record, sha256, verify))
        return
      case 'handover': {
        const { id } = openHandover(record, sha256, verify)
        if (!this.succession.handovers.some((known) => known.id === id))
          throw new Error('it does not follow from the manifest')
        return
      }
      case 'allowance':
        this.#addAllowance(this.#fromSteward(openAllowance(record, sha256, verify)), note)
        return
      case 'charter':
        this.charters.push(openCharter(record, sha256, verify))
        return
      case 'credential':
        this.credentials.push(openCredential(record, sha256, verify))
        return
      default:
        throw new Error(`a record of kind ${kind} is no part of a job`)
    }
  }

  #addLease(lease: Verified<Lease>, note: Note | undefined): void {
    if (note !== undefined) this.#fromAnotherSteward(lease)
    const { positions, shards, vehicle, owner } = lease.payload
    const isPlaced = positions.every((position, i) => this.#input.shards[position]?.shard === shards[i])
    if (!isPlaced || positions.length !== shards.length)
      throw new Error('it names shards that the job does not have there')
    if (new Set(positions).size !== positions.length) throw new Error('it names a shard twice')
    const { blind } = this.#manifest.payload
    if (blind?.candidates.some((known) => known.peer === vehicle && known.owner === owner) === false)
      throw new Error(`the job is blind, and its submitter made no keys for ${vehicle}`)
    if (note === 'unpaid') this.unpaid.set(lease.id, lease)
    this.leases.set(lease.id, lease)
  }

  #addAllowance(allowance: Verified<Allowance>, note: Note | undefined): void {
    if (note === undefined) this.allowances.push(allowance)
    else this.unpaid.set(allowance.id, this.#fromAnotherSteward(allowance))
  }

  #addReceipt(receipt: Verified<Receipt>, encoded: Uint8Array | null): void {
    if (encoded === null) throw new Error('it has no opening')
    const opening = openingSchema.parse(decodeCbor('opening', encoded, encoded.byteLength))
    const lease = this.leases.get(receipt.payload.lease)
    if (lease === undefined) throw new Error(`its lease ${receipt.payload.lease} is not in the report`)
    checkReceipt(this.#input.sha256, lease, receipt, opening)
    const { vehicle, owner, positions } = lease.payload
    const results = new Map(
      receipt.payload.covers.map((place, i) => [positions[place]!, opening.results[i]!]),
    )
    const { covers, units = [] } = receipt.payload
    const counted = new Map(units.map((count, i) => [positions[covers[i]!]!, count]))
    this.receipts.push(receipt)
    this.claims.set(receipt.id, { vehicle, owner, lease, results, units: counted })
  }

  #addVerdict(whole: Verified<Verdict>, note: Note | undefined): void {
    const record = typeof note === 'object' ? partOf(this.#fromAnotherSteward(whole), note.shards) : whole
    this.said.push(whole)
    this.verdicts.push(record)
    for (const verdict of record.payload.shards) {
      for (const settled of verdict.settles) this.#settled.add(`${settled}/${verdict.position}`)
      this.decisions.push({ record: record.id, by: record.signer, verdict })
    }
  }

  /** The submitter answers for all that its own node signed; of others it need not believe everything. */
  #fromAnotherSteward<Payload>(record: Verified<Payload>): Verified<Payload> {
    if (record.signer === this.#manifest.payload.stewards[0]?.peer)
      throw new Error('the submitter’s own node signed it, so it counts as it stands')
    return record
  }

  #fromSteward<Payload>(record: Verified<Payload>): Verified<Payload> {
    if (record.job !== this.#manifest.id) throw new Error(`it is of job ${record.job}`)
    if (!this.succession.signers.has(record.signer))
      throw new Error(`${record.signer} is not a steward of this job`)
    return record
  }
}

function mayHaveNote(kind: RecordKind, note: Note): boolean {
  if (typeof note === 'object') return kind === 'verdict'
  return kind === 'lease' || (kind === 'allowance' && note === 'unpaid')
}

/** The part of a verdict that is about these shards. */
function partOf(record: Verified<Verdict>, positions: readonly number[]): Verified<Verdict> {
  const shards = record.payload.shards.filter(({ position }) => positions.includes(position))
  if (shards.length !== positions.length)
    throw new Error('it says nothing of a shard for which it is to count')
  return { ...record, payload: { shards } }
}

/** A handover that cannot be opened makes nobody a steward; it is blamed in its turn. */
function handoversOf({ records, sha256, verify }: AuditInput): Verified<Handover>[] {
  return records
    .filter(({ kind }) => kind === 'handover')
    .flatMap(({ record }) => {
      try {
        return openHandover(record, sha256, verify)
      } catch {
        return []
      }
    })
}
