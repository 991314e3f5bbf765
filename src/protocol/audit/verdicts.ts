/**
 * Checks that each verdict follows by the job's rules from the receipts that it names: enough distinct owners say the
 * same, and no receipt is left out that is known to say something else. Two stewards that could not hear each other
 * may both have decided a shard, and one that came back without its records may have decided it again: if their verdicts agree,
 * all stand; if they differ, a later verdict has to settle them. One that is settled by what it says itself goes on speaking against those that say something else.
 */
import type { Cid, OwnerId, RecordId } from '../ids.ts'
import { comparesBytes, describeAgreement, isTolerance, type Tolerance } from '../job/agreement.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Finding } from '../verification/examination.ts'
import type { Findings } from './findings.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords, Decision } from './records.ts'
import { equivocators, isSame, mostClaimed, type Voice, type Voiced } from './voices.ts'

export class VerdictAudit {
  /** The verdict that stands for each position. */
  readonly standing = new Map<number, ShardVerdict>()
  /** Owners whose claims a verdict contradicted, or who contradicted themselves. */
  readonly contradicted = new Set<OwnerId>()
  readonly #manifest: Manifest
  readonly #shards: readonly ShardEntry[]
  readonly #records: AuditedRecords
  readonly #findings: Findings
  readonly #problems: Problems
  readonly #decidedBy = new Map<number, Decision>()
  /** By position. */
  readonly #voiced: ReadonlyMap<number, readonly Voiced[]>

  constructor(
    manifest: Manifest,
    shards: readonly ShardEntry[],
    records: AuditedRecords,
    findings: Findings,
    problems: Problems,
  ) {
    this.#manifest = manifest
    this.#shards = shards
    this.#records = records
    this.#findings = findings
    this.#problems = problems
    for (const owner of equivocators(records)) this.contradicted.add(owner)
    const voiced: Voiced[] = []
    for (const decision of records.decisions)
      problems.attempt(`the verdict on shard ${decision.verdict.position}`, () => {
        const one = this.#place(decision)
        if (one !== undefined) voiced.push(one)
      })
    const all = [...voiced, ...this.#alikeThoughSettled(voiced)]
    this.#voiced = Map.groupBy(all, ({ verdict }) => verdict.position)
    const left = this.#contradict(all)
    for (const one of voiced) this.#check(one)
    for (const { contradicting } of left) for (const { owner } of contradicting) this.contradicted.add(owner)
  }

  /**
   * Stewards that were apart may each have decided a shard: alike, or one of them settled it. Undefined for a verdict that
   * another one settles.
   */
  #place(decision: Decision): Voiced | undefined {
    const { by, verdict } = decision
    const { position, shard, outcome } = verdict
    if (this.#records.isSettled(decision)) return undefined
    const name = `the verdict on shard ${position}`
    const other = this.#decidedBy.get(position)
    if (other !== undefined && other.verdict.outcome === outcome && other.verdict.result !== verdict.result)
      throw new Error(`shard ${position} is decided differently by ${other.by} and ${by}`)
    this.#decidedBy.set(position, decision)
    if (other === undefined || other.verdict.outcome === 'failed') this.standing.set(position, verdict)
    if (this.#shards[position]?.shard !== shard) throw new Error(`${name} is on another shard`)
    const agreeing = verdict.agreeing.map((id) => this.#voice(id, position, name))
    const contradicting = verdict.contradicting.map((id) => this.#voice(id, position, name))
    return { verdict, agreeing, contradicting, name }
  }

  /**
   * The verdicts in whose place another stands that says the same. They prove nothing, but somebody may have lost its voice by
   * them before. They do not speak against those that say the same, or that only ran out of something.
   */
  #alikeThoughSettled(voiced: readonly Voiced[]): Voiced[] {
    const standing = new Set(voiced.map(({ verdict }) => `${verdict.position}/${verdict.result}`))
    return this.#records.decisions.flatMap((decision) => {
      const { verdict } = decision
      const { position, result } = verdict
      if (!this.#records.isSettled(decision) || result === null || !standing.has(`${position}/${result}`))
        return []
      const name = `the verdict on shard ${position}`
      const voices = (ids: readonly RecordId[]) =>
        ids
          .filter((id) => this.#records.claims.get(id)?.results.has(position))
          .map((id) => this.#voice(id, position, name))
      const agreeing = new Map(
        voices(verdict.agreeing)
          .filter((claim) => claim.result === result || this.#areAlike(claim.result, result, position))
          .map((claim) => [claim.owner, claim]),
      )
      const contradicting = voices(verdict.contradicting).filter(
        (claim) => claim.result !== result && !this.#isExhausted(claim.result, position),
      )
      return [{ verdict, agreeing: [...agreeing.values()], contradicting, name }]
    })
  }

  #isExhausted(result: Cid, position: number): boolean {
    const finding = this.#findings.of(result, position)
    return finding?.state === 'good' && finding.exhausted
  }

  /**
   * An owner that some verdict contradicts has no voice in any other, whichever comes first in the report: two stewards
   * number their records apart. But a verdict that holds only because an owner has no voice does not take that voice.
   * So those come first that hold as they are, and then those that hold by what these take. Returns those that never do.
   */
  #contradict(voiced: readonly Voiced[]): readonly Voiced[] {
    let left = voiced.filter(({ verdict }) => verdict.outcome === 'accepted')
    while (left.length > 0) {
      const holding = left.filter((one) => this.#holds(one))
      for (const { contradicting } of holding)
        for (const { owner } of contradicting) this.contradicted.add(owner)
      if (holding.length === 0) break
      left = left.filter((one) => !holding.includes(one))
    }
    return left
  }

  /**
   * Tells whether those against it are no reason to refuse the verdict. Of stewards that were apart and say the same, one needs
   * to show that: what the other counts says so, too.
   */
  #holds({ verdict: { position, result } }: Voiced): boolean {
    return (this.#voiced.get(position) ?? []).some((one) => {
      const { outcome, because, result: other } = one.verdict
      if (outcome !== 'accepted' || other !== result) return false
      const [agree, against] = [one.agreeing.length, this.#against(one)]
      if (because === 'unanimous') return against === 0 && agree >= this.#manifest.assurance.replicas
      return because !== 'lead' || agree - against >= this.#manifest.assurance.lead
    })
  }

  #check(one: Voiced): void {
    const { verdict, contradicting, name } = one
    if (verdict.outcome === 'failed') {
      this.#checkOwed(one)
      return
    }
    this.#checkAcceptance(one)
    for (const { owner, result } of contradicting) {
      if (result === verdict.result) this.#blame(`${name} contradicts ${owner}, which says the same`)
      if (this.#isExhausted(result, verdict.position))
        this.#blame(`${name} contradicts ${owner}, whose vehicle only ran out of something`)
    }
  }

  /** A shard without a result may owe claims of enough owners that agree, more than all that say something else. */
  #checkOwed(one: Voiced): void {
    const { agreeing: owed, name } = one
    const { position, because } = one.verdict
    if (because === 'ended' && this.#records.ends.every(({ outcome }) => outcome === 'complete'))
      this.#blame(`${name} says that the job ended before it, and the job did not`)
    if (owed.length === 0) return
    const owners = new Set(owed.map(({ owner }) => owner))
    if (owners.size !== owed.length) this.#blame(`${name} counts an owner twice`)
    const { audits, replicas } = this.#manifest.assurance
    const enough = audits === null ? Math.min(2, replicas) : audits.replicas
    const against = this.#against(one)
    if (owners.size < enough || owners.size <= against)
      this.#blame(
        `${name} owes ${owners.size} claims, with ${against} against, where ${enough} have to agree`,
      )
    // The report of a steward that did not look at them may lack their results: what is there is compared.
    for (const [i, { result }] of owed.entries()) {
      const finding = this.#findings.of(result, position)
      if (finding === undefined) continue
      if (finding.state !== 'good' || finding.exhausted)
        this.#blame(`${name} owes a claim of ${result}, which is no result`)
      for (const other of owed.slice(0, i).map((claim) => claim.result))
        if (other !== result && this.#isKnownToDiffer(finding, other, position))
          this.#blame(`${name} owes claims of ${other} and of ${result}, which are not one answer`)
    }
  }

  #isKnownToDiffer(finding: Finding, other: Cid, position: number): boolean {
    const { agreement } = this.#manifest
    const found = this.#findings.of(other, position)
    return comparesBytes(agreement) || (found !== undefined && !isSame(finding, found, agreement))
  }

  #checkAcceptance(one: Voiced): void {
    const { agreeing, name } = one
    const { position, result, because } = one.verdict
    const owners = new Set(agreeing.map((claim) => claim.owner))
    if (owners.size !== agreeing.length) this.#blame(`${name} counts an owner twice`)
    if (because === 'no-owner-left' || because === 'too-many-losses' || because === 'ended') {
      this.#blame(`${name} accepts a result because of ${because}, which is a reason to fail`)
      return
    }
    if (because === 'recomputed') {
      this.#checkRecomputed(result!, agreeing, position, name)
      return
    }
    if (this.#findings.of(result!, position)?.state !== 'good') {
      this.#blame(`${name} accepts ${result}, which is no valid result in the report`)
      return
    }
    this.#checkAgreement(result!, agreeing, position, name)
    const { replicas, lead } = this.#manifest.assurance
    const against = this.#against(one)
    const holds = this.#holds(one)
    if (because === 'unanimous' && (owners.size < replicas || !holds))
      this.#blame(`${name} is not unanimous among ${replicas} owners: ${owners.size} for, ${against} against`)
    if (because === 'lead' && (owners.size < lead || !holds))
      this.#blame(`${name} leads by ${owners.size - against}, not ${lead}`)
  }

  /** Owners that lost their voice before, or whose result is none, are not against it. */
  #against({ verdict: { position }, contradicting }: Voiced): number {
    const valid = contradicting.filter(
      ({ owner, result }) =>
        !this.contradicted.has(owner) && this.#findings.of(result, position)?.state === 'good',
    )
    return new Set(valid.map(({ owner }) => owner)).size
  }

  #checkAgreement(result: Cid, agreeing: readonly Voice[], position: number, name: string): void {
    const { agreement } = this.#manifest
    if (isTolerance(agreement)) {
      this.#checkTolerance(agreement, result, agreeing, position, name)
      return
    }
    for (const claim of agreeing) {
      const isAlike = agreement === 'class-text' && this.#areAlike(claim.result, result, position)
      if (claim.result !== result && !isAlike)
        this.#blame(`${name} counts a claim of ${claim.result} for ${result}`)
    }
  }

  /** Each with each: two that are as good as a third need not be as good as each other. */
  #checkTolerance(
    tolerance: Tolerance,
    accepted: Cid,
    agreeing: readonly Voice[],
    position: number,
    name: string,
  ): void {
    const results = [...new Set(agreeing.map(({ result }) => result))]
    if (!results.includes(accepted))
      this.#blame(`${name} accepts ${accepted}, which nobody who agrees claims`)
    else if (accepted !== mostClaimed(agreeing))
      this.#blame(
        `${name} accepts ${accepted}, and more of those who agree, or an earlier lease, have another`,
      )
    for (const [i, one] of results.entries())
      for (const other of results.slice(0, i))
        if (!this.#areAlike(one, other, position))
          this.#blame(
            `${name} counts ${other} and ${one} as one answer; they are not ${describeAgreement(tolerance)}`,
          )
  }

  /** That it is the right one is the steward's word; all else about it can be checked. */
  #checkRecomputed(result: Cid, agreeing: readonly Voice[], position: number, name: string): void {
    const { agreement, assurance } = this.#manifest
    if (assurance.arbiter !== 'steward' && assurance.audits?.auditor !== 'steward')
      this.#blame(`${name} rests on a recomputation, and the job leaves that to no steward`)
    const recomputed = this.#findings.ofSteward(result, position)
    if (recomputed?.state !== 'good') {
      this.#blame(`${name} rests on a recomputation that is not in the report`)
      return
    }
    if (recomputed.exhausted)
      this.#blame(`${name} rests on a recomputation whose machine ran out of something`)
    for (const claim of agreeing) {
      if (claim.result === result) continue
      // A standby's report has the results that were accepted, and may lack others that say the same.
      const claimed = this.#findings.of(claim.result, position)
      const isAlike =
        !comparesBytes(agreement) && (claimed === undefined || isSame(claimed, recomputed, agreement))
      if (!isAlike) this.#blame(`${name} counts a claim of ${claim.result} for ${result}`)
    }
  }

  #voice(id: RecordId, position: number, name: string): Voice {
    const claim = this.#records.claims.get(id)
    const result = claim?.results.get(position)
    if (claim === undefined || result === undefined)
      throw new Error(`${name} counts receipt ${id}, which does not cover it`)
    return { ...claim, result }
  }

  #areAlike(one: Cid, other: Cid, position: number): boolean {
    const [a, b] = [this.#findings.of(one, position), this.#findings.of(other, position)]
    return a !== undefined && b !== undefined && isSame(a, b, this.#manifest.agreement)
  }

  #blame(problem: string): void {
    this.#problems.blame(problem)
  }
}
