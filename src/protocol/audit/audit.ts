/**
 * The audit: is every accepted result of a report what its job's rules accept?
 *
 * Written apart from the steward and the tally, from the rules alone, so that a mistake there is not repeated
 * here. It checks signatures, that each vehicle was the one that the revealed seed draws, that each receipt's
 * root opens to the results that were counted, that those who agreed are enough distinct owners, that leases promise
 * what the job pays and no more than its budget, and that nothing in the report is left unaccounted for. What only the steward can know (its own recomputation of a
 * disputed shard) is named, not trusted.
 */
import { equals } from 'uint8arrays'
import { z } from 'zod'
import { ProtocolError } from '../errors.ts'
import type { Cid, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import {
  type Agreement,
  describeAgreement,
  isTolerance,
  type Tolerance,
  withinTolerance,
} from '../job/agreement.ts'
import { type Allowance, openAllowance } from '../job/allowance.ts'
import { type DrawBasis, drawVehicle, hasBit, openDrawBasis } from '../job/draw.ts'
import { openHandover, type Succession, successionOf } from '../job/handover.ts'
import { openHolding } from '../job/holding.ts'
import { checkReceipt, type Lease, openingSchema, openLease, openReceipt } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import { type Manifest, openManifest, resultEngine } from '../job/manifest.ts'
import { type JobEnd, openEnd, openReveal, openVerdict, type ShardVerdict } from '../job/verdict.ts'
import { checkOrder, isSampled, openWindow, type Window } from '../job/window.ts'
import { openStatement } from '../ledger/statement.ts'
import { type Charter, type Credential, openCharter, openCredential } from '../membership/fleet.ts'
import { decodeCbor, type Sha256 } from '../record/block.ts'
import type { Verified, Verify } from '../record/record.ts'
import { examineResult, examineSealedResult, type Finding } from '../verification/examination.ts'
import { BudgetAudit } from './budget.ts'
import { type AuditedPayments, PaymentAudit } from './payments.ts'
import type { Report, ReportedRecord } from './report.ts'

export interface AuditInput {
  readonly report: Report
  readonly records: readonly ReportedRecord[]
  readonly shards: readonly ShardEntry[]
  /** A block of the report whose hash was checked; undefined when it is not in it. */
  readonly block: (cid: Cid) => Uint8Array | undefined
  readonly sha256: Sha256
  readonly verify: Verify
}

export interface AuditOutcome {
  /** One sentence each; empty when everything holds. */
  readonly problems: readonly string[]
  /** How results were compared; null without a manifest. */
  readonly agreement: Agreement | null
  readonly shards: number
  readonly accepted: number
  readonly failed: number
  /** Accepted on the steward's word: it recomputed them. */
  readonly recomputed: number
  readonly receipts: number
  readonly leases: number
  readonly owners: number
  readonly contradicted: readonly OwnerId[]
  /** Stewards that died before they revealed the seed of their draws, which nobody can repeat therefore. */
  readonly unrevealed: readonly PeerId[]
  /** Vehicles of a fleet's job without a credential in the report: whose they are is their steward's word. */
  readonly unvouched: readonly PeerId[]
  /** What the receipts come to; null for a job that pays nobody. */
  readonly payments: AuditedPayments | null
}

interface Claim {
  readonly vehicle: PeerId
  readonly owner: OwnerId
  readonly isa: string | null
  readonly results: ReadonlyMap<number, Cid>
}

interface Decision {
  readonly record: RecordId
  readonly by: PeerId
  readonly verdict: ShardVerdict
}

export function auditReport(input: AuditInput): AuditOutcome {
  return new Auditor(input).run()
}

class Auditor {
  readonly #input: AuditInput
  readonly #problems: string[] = []
  readonly #bases = new Map<RecordId, DrawBasis>()
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #claims = new Map<RecordId, Claim>()
  readonly #verdicts = new Map<number, ShardVerdict>()
  readonly #decisions: Decision[] = []
  readonly #decidedBy = new Map<number, Decision>()
  /** Record and position of verdicts in whose place another stands. */
  readonly #settled = new Set<string>()
  readonly #findings = new Map<string, Finding | undefined>()
  readonly #contradicted = new Set<OwnerId>()
  /** By steward, owner and position. */
  readonly #windows = new Map<string, Verified<Window>>()
  readonly #passed = new Map<RecordId, boolean>()
  readonly #unrevealed = new Set<PeerId>()
  readonly #charters: Verified<Charter>[] = []
  readonly #credentials: Verified<Credential>[] = []
  readonly #unvouched = new Set<PeerId>()
  #payments: PaymentAudit
  #budget: BudgetAudit
  #manifest: Verified<Manifest> | undefined
  #succession: Succession | undefined
  /** Of the stewards that revealed theirs. */
  readonly #seeds = new Map<PeerId, Uint8Array>()
  #end: Verified<JobEnd> | undefined

  constructor(input: AuditInput) {
    this.#input = input
    this.#payments = new PaymentAudit(null, input.sha256)
    this.#budget = new BudgetAudit(null, [], input.shards)
  }

  run(): AuditOutcome {
    this.#attempt('the manifest', () => this.#openManifest())
    if (this.#manifest !== undefined) {
      for (const [i, record] of this.#input.records.entries())
        this.#attempt(`record ${i} (${record.kind})`, () => this.#open(record))
      for (const decision of this.#decisions)
        this.#attempt(`the verdict on shard ${decision.verdict.position}`, () => this.#checkVerdict(decision))
      for (const decision of this.#decisions)
        this.#attempt(`the verdict on shard ${decision.verdict.position}`, () => this.#checkWindows(decision))
      this.#budget.finish((problem) => this.#blame(problem))
      this.#checkDraws()
      this.#checkOwners()
      this.#checkCompleteness()
    }
    const payments = this.#payments.finish((problem) => this.#blame(problem))
    const verdicts = [...this.#verdicts.values()]
    return {
      problems: this.#problems,
      agreement: this.#manifest?.payload.agreement ?? null,
      shards: this.#input.shards.length,
      accepted: verdicts.filter((verdict) => verdict.outcome === 'accepted').length,
      failed: verdicts.filter((verdict) => verdict.outcome === 'failed').length,
      recomputed: verdicts.filter((verdict) => verdict.because === 'recomputed').length,
      receipts: this.#claims.size,
      leases: this.#leases.size,
      owners: new Set([...this.#claims.values()].map((claim) => claim.owner)).size,
      contradicted: [...this.#contradicted].sort(),
      unrevealed: [...this.#unrevealed].sort(),
      unvouched: [...this.#unvouched].sort(),
      payments,
    }
  }

  #openManifest(): void {
    const { records, report, sha256, verify } = this.#input
    const first = records[0]
    if (first?.kind !== 'manifest') throw new Error('the report does not begin with a manifest')
    const manifest = openManifest(first.record, sha256, verify)
    if (manifest.id !== report.job)
      throw new Error(`the manifest is of job ${manifest.id}, not ${report.job}`)
    const { count, pages } = manifest.payload.shards
    const listed = this.#input.shards.reduce((sum, shard) => sum + shard.pages, 0)
    if (report.shardList[0] !== manifest.payload.shards.file)
      this.#blame('the shard list is not the manifest’s')
    if (this.#input.shards.length !== count || listed !== pages)
      this.#blame(
        `the shard list has ${listed} pages in ${this.#input.shards.length} shards, not ${pages} in ${count}`,
      )
    this.#manifest = manifest
    this.#payments = new PaymentAudit(manifest.payload.payment, sha256)
    this.#budget = new BudgetAudit(manifest.payload.payment, manifest.payload.stewards, this.#input.shards)
    const handovers = records
      .filter(({ kind }) => kind === 'handover')
      .map(({ record }) => openHandover(record, sha256, verify))
    this.#succession = successionOf(manifest.id, manifest.payload, handovers)
  }

  #open({ kind, record, opening }: ReportedRecord): void {
    const { sha256, verify } = this.#input
    switch (kind) {
      case 'manifest':
        return
      case 'draw': {
        const basis = this.#fromSteward(openDrawBasis(record, sha256, verify))
        this.#bases.set(basis.id, basis.payload)
        return
      }
      case 'lease': {
        const lease = this.#fromSteward(openLease(record, sha256, verify))
        const misplaced = lease.payload.positions.some(
          (position, i) => this.#input.shards[position]?.shard !== lease.payload.shards[i],
        )
        if (misplaced) throw new Error('it names shards that the job does not have there')
        const { blind } = this.#manifest!.payload
        const { vehicle, owner } = lease.payload
        if (blind?.candidates.some((known) => known.peer === vehicle && known.owner === owner) === false)
          throw new Error(`the job is blind, and its submitter made no keys for ${vehicle}`)
        this.#leases.set(lease.id, lease)
        this.#payments.lease(lease)
        this.#budget.lease(lease)
        return
      }
      case 'receipt':
        this.#openReceipt(record, opening)
        return
      case 'window': {
        const window = this.#fromSteward(openWindow(record, sha256, verify))
        for (const position of window.payload.positions)
          this.#windows.set(`${window.signer}/${window.payload.owner}/${position}`, window)
        return
      }
      case 'verdict': {
        const verdict = this.#fromSteward(openVerdict(record, sha256, verify))
        this.#payments.verdict(verdict)
        this.#budget.verdict(verdict)
        for (const shard of verdict.payload.shards) {
          for (const settled of shard.settles) this.#settled.add(`${settled}/${shard.position}`)
          this.#decisions.push({ record: verdict.id, by: verdict.signer, verdict: shard })
        }
        return
      }
      case 'end': {
        const end = this.#fromSteward(openEnd(record, sha256, verify))
        this.#seeds.set(end.signer, end.payload.seed)
        if (this.#end === undefined || isBefore(end, this.#end)) this.#end = end
        return
      }
      case 'reveal': {
        const reveal = this.#fromSteward(openReveal(record, sha256, verify))
        this.#seeds.set(reveal.signer, reveal.payload.seed)
        return
      }
      case 'statement':
        this.#payments.statement(this.#fromSteward(openStatement(record, sha256, verify)))
        return
      case 'holding':
        this.#fromSteward(openHolding(record, sha256, verify))
        return
      case 'handover': {
        const handover = openHandover(record, sha256, verify)
        if (!this.#succession!.handovers.some(({ id }) => id === handover.id))
          throw new Error('it does not follow from the manifest')
        return
      }
      case 'allowance':
        this.#checkAllowance(this.#fromSteward(openAllowance(record, sha256, verify)))
        return
      case 'charter':
        this.#charters.push(openCharter(record, sha256, verify))
        return
      case 'credential':
        this.#credentials.push(openCredential(record, sha256, verify))
        return
      case 'access':
      case 'owner':
      case 'advert':
        throw new Error(`a ${kind} is no part of a job`)
    }
  }

  #checkAllowance(allowance: Verified<Allowance>): void {
    this.#budget.allowance(allowance)
    this.#payments.allowance(allowance)
  }

  /**
   * In a fleet the owner under which a vehicle counted must be the one that the fleet admitted it for: with some key
   * that the chain of its charters has led to. Whether it was in force at the time, only the stewards can say.
   */
  #checkOwners(): void {
    const { fleet } = this.#manifest!.payload
    if (fleet === null) return
    const keys = new Set<PeerId>([fleet])
    for (const { signer, payload } of this.#charters.toSorted((a, b) => a.serial - b.serial))
      if (keys.has(signer)) for (const key of payload.keys) keys.add(key)
    const admitted = new Map<PeerId, OwnerId>()
    for (const { signer, payload } of this.#credentials)
      if (keys.has(signer)) admitted.set(payload.peer, payload.owner)
      else this.#blame(`the credential of ${payload.peer} is not signed by a key of the fleet`)
    for (const { vehicle, owner } of this.#claims.values()) {
      const truly = admitted.get(vehicle)
      if (truly === undefined) this.#unvouched.add(vehicle)
      else if (truly !== owner)
        this.#blame(`${vehicle} counted for owner ${owner}, and the fleet admitted it for ${truly}`)
    }
  }

  #fromSteward<Payload>(record: Verified<Payload>): Verified<Payload> {
    if (record.job !== this.#manifest!.id) throw new Error(`it is of job ${record.job}`)
    if (!this.#succession!.signers.has(record.signer))
      throw new Error(`${record.signer} is not a steward of this job`)
    return record
  }

  #openReceipt(record: ReportedRecord['record'], encoded: Uint8Array | null): void {
    const { sha256, verify } = this.#input
    const receipt = openReceipt(record, sha256, verify)
    if (encoded === null) throw new Error('it has no opening')
    const opening = openingSchema.parse(decodeCbor('opening', encoded, encoded.byteLength))
    const lease = this.#leases.get(receipt.payload.lease)
    if (lease === undefined) throw new Error(`its lease ${receipt.payload.lease} is not in the report`)
    checkReceipt(sha256, lease, receipt, opening)
    const results = new Map(
      receipt.payload.covers.map((place, i) => [lease.payload.positions[place]!, opening.results[i]!]),
    )
    this.#payments.receipt(receipt)
    this.#budget.receipt(receipt)
    this.#claims.set(receipt.id, {
      vehicle: lease.payload.vehicle,
      owner: lease.payload.owner,
      isa: lease.payload.isa,
      results,
    })
  }

  /** Stewards that were apart may each have decided a shard: alike, or one of them settled it. */
  #checkVerdict({ record, by, verdict }: Decision): void {
    const { position, shard, outcome, because } = verdict
    if (this.#settled.has(`${record}/${position}`)) return
    const name = `the verdict on shard ${position}`
    const other = this.#decidedBy.get(position)
    if (other?.by === by) throw new Error(`shard ${position} is decided twice`)
    if (other !== undefined && other.verdict.outcome === outcome && other.verdict.result !== verdict.result)
      throw new Error(`shard ${position} is decided differently by ${other.by} and ${by}`)
    this.#decidedBy.set(position, { record, by, verdict })
    if (other === undefined || other.verdict.outcome === 'failed') this.#verdicts.set(position, verdict)
    if (this.#input.shards[position]?.shard !== shard) throw new Error(`${name} is on another shard`)
    const agreeing = verdict.agreeing.map((id) => this.#claimOn(id, position, name))
    const contradicting = verdict.contradicting.map((id) => this.#claimOn(id, position, name))
    if (outcome === 'accepted') this.#checkAcceptance(verdict, agreeing, contradicting, name)
    if (outcome === 'failed') return
    for (const { owner } of contradicting) this.#contradicted.add(owner)
    if (because === 'recomputed' && this.#finding(verdict.result!, position, true) === undefined)
      this.#blame(`${name} rests on a recomputation that is not in the report`)
  }

  #checkAcceptance(
    verdict: ShardVerdict,
    agreeing: readonly (Claim & { result: Cid })[],
    contradicting: readonly (Claim & { result: Cid })[],
    name: string,
  ): void {
    const { assurance, agreement } = this.#manifest!.payload
    const { position, result, because } = verdict
    const owners = new Set(agreeing.map((claim) => claim.owner))
    if (owners.size !== agreeing.length) this.#blame(`${name} counts an owner twice`)
    if (because === 'recomputed') return
    const accepted = this.#finding(result!, position, false)
    if (accepted?.state !== 'good') {
      this.#blame(`${name} accepts ${result}, which is no valid result in the report`)
      return
    }
    if (isTolerance(agreement)) this.#checkTolerance(agreement, result!, agreeing, position, name)
    for (const claim of isTolerance(agreement) ? [] : agreeing) {
      const finding = this.#finding(claim.result, position, false)
      const sameText = finding?.state === 'good' && finding.text === accepted.text
      const comparable = agreement === 'class-text' && sameText
      const sameClass = agreeing.every((other) => other.isa !== claim.isa || other.result === claim.result)
      if (claim.result !== result && !(comparable && sameClass))
        this.#blame(`${name} counts a claim of ${claim.result} for ${result}`)
    }
    const valid = contradicting.filter(
      (claim) =>
        !this.#contradicted.has(claim.owner) &&
        this.#finding(claim.result, position, false)?.state === 'good',
    )
    const against = new Set(valid.map((claim) => claim.owner)).size
    if (because === 'unanimous' && (owners.size < assurance.replicas || against > 0))
      this.#blame(
        `${name} is not unanimous among ${assurance.replicas} owners: ${owners.size} for, ${against} against`,
      )
    if (because === 'lead' && owners.size - against < assurance.lead)
      this.#blame(`${name} leads by ${owners.size - against}, not ${assurance.lead}`)
  }

  /** Each with each: two that are as good as a third need not be as good as each other. */
  #checkTolerance(
    tolerance: Tolerance,
    accepted: Cid,
    agreeing: readonly { readonly result: Cid }[],
    position: number,
    name: string,
  ): void {
    const results = [...new Set(agreeing.map(({ result }) => result))]
    if (!results.includes(accepted))
      this.#blame(`${name} accepts ${accepted}, which nobody who agrees claims`)
    const contents = results.map((result) => {
      const finding = this.#finding(result, position, false)
      return finding?.state === 'good' ? finding.content : undefined
    })
    for (const [i, content] of contents.entries())
      for (let j = 0; j < i; j += 1) {
        const other = contents[j]
        if (content === undefined || other === undefined || !withinTolerance(tolerance, content, other))
          this.#blame(
            `${name} counts ${results[j]} and ${results[i]} as one answer; they are not ${describeAgreement(tolerance)}`,
          )
      }
  }

  /** A shard that fewer than unanimous owners stand for: enough of them stand for it in windows that have passed. */
  #checkWindows({ record, by, verdict }: Decision): void {
    const { position, because, agreeing } = verdict
    if (because !== 'audited' || this.#settled.has(`${record}/${position}`)) return
    const { audits } = this.#manifest!.payload.assurance
    if (audits === null) throw new Error(`shard ${position} was audited, and the job has no audits`)
    const passed = new Set<OwnerId>()
    for (const id of agreeing) {
      const owner = this.#claims.get(id)?.owner
      const window = owner === undefined ? undefined : this.#windows.get(`${by}/${owner}/${position}`)
      if (owner !== undefined && window?.payload.receipts.includes(id) && this.#hasPassed(window))
        passed.add(owner)
    }
    if (passed.size < audits.replicas)
      this.#blame(
        `the verdict on shard ${position} rests on ${passed.size} windows that passed, not ${audits.replicas}`,
      )
  }

  #hasPassed(window: Verified<Window>): boolean {
    const known = this.#passed.get(window.id)
    if (known !== undefined) return known
    const { audits, replicas } = this.#manifest!.payload.assurance
    const { owner, positions, receipts } = window.payload
    const signed = new Set(receipts.map((id) => this.#claims.get(id)).flatMap((claim) => claim?.owner ?? []))
    const seed = this.#seeds.get(window.signer)
    if (seed === undefined) this.#unrevealed.add(window.signer)
    // A dead steward's draw cannot be repeated: then any positions that are checked count.
    const order = seed === undefined ? positions : checkOrder(this.#input.sha256, seed, window.id, positions)
    let checked = 0
    let isSound = isSampled(positions.length, audits!, replicas) && signed.size === 1 && signed.has(owner)
    for (const position of order) {
      if (checked === audits!.checks) break
      const verdict = this.#verdicts.get(position)
      if (verdict === undefined || verdict.outcome === 'failed') continue
      const owners = new Set(verdict.agreeing.flatMap((id) => this.#claims.get(id)?.owner ?? []))
      const isChecked =
        owners.has(owner) && (owners.size > audits!.replicas || verdict.because === 'recomputed')
      if (isChecked) checked += 1
      else if (seed !== undefined) isSound = false
    }
    const passed = isSound && checked === audits!.checks
    this.#passed.set(window.id, passed)
    return passed
  }

  #claimOn(id: RecordId, position: number, name: string): Claim & { result: Cid } {
    const claim = this.#claims.get(id)
    const result = claim?.results.get(position)
    if (claim === undefined || result === undefined)
      throw new Error(`${name} counts receipt ${id}, which does not cover it`)
    return { ...claim, result }
  }

  /** What a result holds; undefined when its bytes are not in the report. */
  #finding(result: Cid, position: number, anyEngine: boolean): Finding | undefined {
    const { pages } = this.#input.shards[position]!
    const key = `${result}/${pages}/${anyEngine}`
    if (!this.#findings.has(key)) {
      const bytes = this.#input.block(result)
      const engine = anyEngine ? '' : resultEngine(this.#manifest!.payload)
      const isBlind = this.#manifest!.payload.blind !== null
      const { agreement } = this.#manifest!.payload
      const finding =
        bytes &&
        (isBlind
          ? examineSealedResult(bytes, engine)
          : examineResult(this.#input.sha256, bytes, pages, engine, agreement))
      this.#findings.set(key, finding)
    }
    return this.#findings.get(key)
  }

  /** With a steward's seed revealed, each of its draws can be repeated. One that died cannot reveal its seed. */
  #checkDraws(): void {
    const { sha256 } = this.#input
    if (this.#end === undefined) {
      this.#blame('the job has no end, so its draws cannot be repeated')
      return
    }
    for (const [peer, seed] of this.#seeds) {
      const { stewards, handovers } = this.#succession!
      const takers = handovers.map(({ payload }) => payload.taker)
      const place = [...stewards, ...takers].find((steward) => steward.peer === peer)
      if (place === undefined || !equals(place.drawCommitment, sha256(seed)))
        this.#blame(`the seed of ${peer} is not the one that it committed to`)
    }
    const indices = new Set<string>()
    for (const lease of this.#leases.values()) {
      const { index } = lease.payload.draw
      const key = `${lease.signer}/${index}`
      if (indices.has(key)) this.#blame(`draw ${index} of ${lease.signer} was used for two leases`)
      indices.add(key)
      const seed = this.#seeds.get(lease.signer)
      if (seed === undefined) this.#unrevealed.add(lease.signer)
      else this.#checkDraw(lease, seed)
    }
  }

  #checkDraw({ id, payload }: Verified<Lease>, seed: Uint8Array): void {
    const { draw, vehicle, owner } = payload
    const basis = this.#bases.get(draw.basis)
    if (basis === undefined) {
      this.#blame(`lease ${id} was drawn from candidates that are not in the report`)
      return
    }
    const some = basis.candidates.some((_, i) => hasBit(draw.eligible, i))
    const drawn = some
      ? basis.candidates[drawVehicle(this.#input.sha256, seed, draw.index, basis, draw.eligible)]
      : undefined
    if (drawn?.peer !== vehicle || drawn.owner !== owner)
      this.#blame(`lease ${id} went to ${vehicle}, whom the seed does not draw`)
  }

  #checkCompleteness(): void {
    const { shards, report } = this.#input
    const open = shards.filter((_, position) => !this.#verdicts.has(position)).length
    if (this.#end?.payload.outcome === 'complete' && open > 0)
      this.#blame(`the job is called complete, and ${open} shards have no verdict`)
    const named = new Set<Cid>()
    for (const { results } of this.#claims.values()) for (const result of results.values()) named.add(result)
    for (const { result } of this.#verdicts.values()) if (result !== null) named.add(result)
    for (const result of report.results)
      if (!named.has(result)) this.#blame(`nobody claimed result ${result}`)
  }

  #attempt(what: string, check: () => void): void {
    try {
      check()
    } catch (error) {
      if (
        !(error instanceof ProtocolError || error instanceof z.ZodError) &&
        (error as Error).name !== 'Error'
      )
        throw error
      this.#blame(`${what}: ${(error as Error).message}`)
    }
  }

  #blame(problem: string): void {
    this.#problems.push(problem)
  }
}

/** Of two ends the better one counts; of two alike, the one with the lower (epoch, id). */
function isBefore(a: Verified<JobEnd>, b: Verified<JobEnd>): boolean {
  const order = ['complete', 'cancelled', 'failed']
  const [first, second] = [a, b].map(({ payload }) => order.indexOf(payload.outcome))
  if (first !== second) return first! < second!
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.id < b.id)
}
