/**
 * The audit: checks that every accepted result of a report is one that its job's rules accept.
 *
 * Written apart from the steward and the tally, from the rules alone, so that a mistake there is not repeated here. In this
 * order, each in its file:
 *
 *   records.ts         signatures; who may sign what; each receipt's root opens to the results that are counted
 *   verdicts.ts        those who agreed are enough distinct owners, and say the same (findings.ts reads the results)
 *   order-checks.ts    no steward but the submitter's node chose these owners
 *   window-checks.ts   audited shards rest on windows whose drawn checks were passed
 *   write-offs.ts      what stewards do not owe any more
 *   budget.ts          leases promise what the job pays, and no more than its budget
 *   draws.ts           each vehicle was the one that the revealed secret draws
 *   abroad.ts          lists from abroad are those of their arcs, by the adverts in them
 *   admissions.ts      in a fleet, each vehicle counted for the owner that the fleet admitted it for
 *   payments.ts        what all of it comes to in money, and that the statements say the same
 *
 * Nothing in the report is left unaccounted for. Facts that only the steward can know, such as its own recomputation
 * of a disputed shard, are named and not trusted.
 */
import type { Cid, OwnerId, PeerId } from '../ids.ts'
import type { Agreement } from '../job/agreement.ts'
import type { Manifest } from '../job/manifest.ts'
import { enoughBy, orderOf } from '../job/order.ts'
import { furtherBlocks } from '../job/result-parts.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import { OutcomeCounts, type Outcomes } from '../verification/outcomes.ts'
import { checkAbroad } from './abroad.ts'
import { checkAdmissions } from './admissions.ts'
import { BudgetAudit } from './budget.ts'
import { checkDraws } from './draws.ts'
import { Findings } from './findings.ts'
import { checkOrder } from './order-checks.ts'
import { type AuditedPayments, PaymentAudit } from './payments.ts'
import { Problems } from './problems.ts'
import { AuditedRecords, type AuditInput, openReportedManifest } from './records.ts'
import { VerdictAudit } from './verdicts.ts'
import { WindowAudit } from './window-checks.ts'
import { WriteOffs } from './write-offs.ts'

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
  /** Stewards some of whose draws nobody can repeat: they were lost, and with them the candidates that they drew from. */
  readonly undrawn: readonly PeerId[]
  /** Vehicles of a fleet's job without a credential in the report: whose they are is their steward's word. */
  readonly unvouched: readonly PeerId[]
  /** The sum that the receipts come to; null for a job that pays nobody. */
  readonly payments: AuditedPayments | null
  /** How the pages came out whose results are in the report; null of a blind job, whose results only its submitter can read. */
  readonly outcomes: Outcomes | null
}

export function auditReport(input: AuditInput): AuditOutcome {
  const problems = new Problems()
  let manifest: Verified<Manifest> | undefined
  problems.attempt('the manifest', () => {
    manifest = openReportedManifest(input, problems)
  })
  return manifest === undefined ? nothingFound(input, problems) : auditJob(input, manifest, problems)
}

function auditJob(input: AuditInput, job: Verified<Manifest>, problems: Problems): AuditOutcome {
  const { shards, sha256 } = input
  const { payload: manifest } = job
  const records = new AuditedRecords(input, job, problems)
  const findings = new Findings(input, manifest)
  const { standing, contradicted } = new VerdictAudit(manifest, shards, records, findings, problems)
  const areEnough = enoughBy(orderOf(sha256, records.drawSecret, manifest))
  checkOrder(manifest, records, areEnough, problems)
  new WindowAudit(manifest, records, standing, sha256, areEnough).check(problems)
  const writeOffs = new WriteOffs(manifest, records)
  new BudgetAudit(manifest, shards, records, writeOffs).check(problems)
  const undrawn = checkDraws(records, manifest.stewards[0]!.peer, sha256, problems)
  checkAbroad(input, manifest, manifest.stewards[0]!.peer, records, problems)
  const unvouched = checkAdmissions(manifest.fleet, records, problems)
  checkCompleteness(input, records, standing, problems)
  const payments = new PaymentAudit(manifest.payment, records, writeOffs, sha256).check(problems)
  const verdicts = [...standing.values()]
  return {
    problems: problems.found,
    agreement: manifest.agreement,
    shards: shards.length,
    accepted: verdicts.filter((verdict) => verdict.outcome === 'accepted').length,
    failed: verdicts.filter((verdict) => verdict.outcome === 'failed').length,
    recomputed: verdicts.filter((verdict) => verdict.because === 'recomputed').length,
    receipts: records.claims.size,
    leases: records.leases.size,
    owners: new Set([...records.claims.values()].map((claim) => claim.owner)).size,
    contradicted: [...contradicted].sort(),
    undrawn: [...undrawn].sort(),
    unvouched: [...unvouched].sort(),
    payments,
    outcomes: manifest.blind === null ? outcomesOf(verdicts, findings, manifest) : null,
  }
}

function outcomesOf(
  verdicts: readonly ShardVerdict[],
  findings: Findings,
  { agreement }: Manifest,
): Outcomes {
  const counts = new OutcomeCounts()
  for (const { result, position } of verdicts)
    if (result !== null)
      for (const record of findings.records(result, position)) counts.add(record, agreement)
  return counts.view()
}

function nothingFound({ shards }: AuditInput, { found }: Problems): AuditOutcome {
  return {
    problems: found,
    agreement: null,
    shards: shards.length,
    accepted: 0,
    failed: 0,
    recomputed: 0,
    receipts: 0,
    leases: 0,
    owners: 0,
    contradicted: [],
    undrawn: [],
    unvouched: [],
    payments: null,
    outcomes: null,
  }
}

function checkCompleteness(
  { shards, report, block }: AuditInput,
  { claims, ends, cancellers, isCancelled }: AuditedRecords,
  standing: ReadonlyMap<number, ShardVerdict>,
  problems: Problems,
): void {
  const open = shards.filter((_, position) => !standing.has(position)).length
  if (ends.some(({ outcome }) => outcome === 'complete') && open > 0)
    problems.blame(`the job is called complete, and ${open} shards have no verdict`)
  if (!isCancelled)
    for (const steward of cancellers)
      problems.blame(`${steward} says that the job was cancelled, and its submitter says nothing of it`)
  const named = new Set<Cid>()
  for (const { results } of claims.values()) for (const result of results.values()) named.add(result)
  for (const { result } of standing.values()) if (result !== null) named.add(result)
  const unnamed = report.results.filter((result) => !named.has(result))
  if (unnamed.length === 0) return
  for (const result of [...named]) {
    const bytes = block(result)
    if (bytes !== undefined) for (const further of furtherBlocks(bytes).keys()) named.add(further)
  }
  for (const result of unnamed) if (!named.has(result)) problems.blame(`nobody claimed result ${result}`)
}
