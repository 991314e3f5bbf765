/**
 * Checks the report of a complete job, as an honest steward would write it: it passes the audit, and what the steward
 * shows is what the audit finds. The two are written apart, so that a mistake of one shows as a difference.
 */
import { type AuditOutcome, auditReport } from '../protocol/audit/audit.ts'
import type { Note, ReportedRecord } from '../protocol/audit/report.ts'
import type { Reported } from '../protocol/council/view.ts'
import type { Cid } from '../protocol/ids.ts'
import { resultEngine } from '../protocol/job/manifest.ts'
import { encodeResult } from '../protocol/job/result.ts'
import { encodeCbor } from '../protocol/record/block.ts'
import { encodeBody, type Verified } from '../protocol/record/record.ts'
import { byDependency, type JobRecord, type RecordKind } from '../protocol/records.ts'
import { cheapHash } from './chance.ts'
import type { Shown } from './shown-checker.ts'
import type { SimJob } from './sim-job.ts'

/** In the virtual world nobody signs. */
const signature = new Uint8Array(64)

/** The audits of one job's reports. Stewards whose records and notes are the same write the same report: it is audited once. */
export class ReportAudits {
  readonly #job: SimJob
  readonly #has: (result: Cid) => boolean
  readonly #blocks: ReadonlyMap<Cid, Uint8Array>
  readonly #made = new Map<string, AuditOutcome>()

  /** `has`: whether this result is here. `blocks`: those with the adverts of lists from abroad. */
  constructor(job: SimJob, has: (result: Cid) => boolean, blocks: ReadonlyMap<Cid, Uint8Array>) {
    this.#job = job
    this.#has = has
    this.#blocks = blocks
  }

  /** Returns the audit's problems, and where it differs from what is shown. */
  problems(story: readonly JobRecord[], inReport: Reported, shown: Shown): readonly string[] {
    const records = story.filter(({ record }) => inReport.has(record.id)).sort(byDependency)
    const key = records.map(({ record: { id } }) => `${id} ${JSON.stringify(inReport.get(id))}`).join()
    let audit = this.#made.get(key)
    if (audit === undefined) {
      audit = auditOf(this.#job, records, inReport, this.#has, this.#blocks)
      this.#made.set(key, audit)
    }
    return [...audit.problems, ...differences(audit, shown)]
  }
}

function auditOf(
  { manifest, shards }: SimJob,
  records: readonly JobRecord[],
  inReport: Reported,
  has: (result: Cid) => boolean,
  blocks: ReadonlyMap<Cid, Uint8Array>,
): AuditOutcome {
  const named = new Set<Cid>()
  for (const { kind, opening, record } of records)
    if (kind === 'receipt') for (const result of opening.results) named.add(result)
    else if (kind === 'verdict')
      for (const { result, position } of record.payload.shards)
        if (result !== null && isNoted(inReport.get(record.id), position)) named.add(result)
  const results = [...named].filter(has)
  const engine = resultEngine(manifest.payload)
  return auditReport({
    report: {
      job: manifest.id,
      recordPages: [],
      shardList: [manifest.payload.shards.file],
      results,
    },
    records: [
      reported('manifest', manifest, null, null),
      ...records.map(({ kind, record, opening }) =>
        reported(kind, record, opening && encodeCbor(opening), inReport.get(record.id) ?? null),
      ),
    ],
    shards,
    block: (cid) => blocks.get(cid) ?? (has(cid) ? blockOf(engine, cid) : undefined),
    sha256: cheapHash,
    verify: () => true,
  })
}

function differences(audit: AuditOutcome, shown: Shown): string[] {
  const { shards, contradicted, payment } = shown.view()
  const facts = [
    ['accepted', audit.accepted, shards.verified],
    // Those that the job ended before are shown as returned.
    ['failed', audit.failed, shards.failed + shards.returned],
    ['contradicted', audit.contradicted.join(), contradicted.join()],
    ['owed', `${audit.payments?.micros ?? 0}`, `${payment?.owedMicros ?? 0}`],
  ] as const
  return facts
    .filter(([, audited, said]) => audited !== said)
    .map(([what, audited, said]) => `${what}: the audit finds ${audited}, and ${said} is shown`)
}

/** A verdict may count for some of its shards. */
function isNoted(note: Note | null | undefined, position: number): boolean {
  return typeof note !== 'object' || note === null || note.shards.includes(position)
}

/** The bytes behind the name of a result: another name has others. */
function blockOf(engine: string, text: Cid): Uint8Array {
  return encodeResult({ engine, records: [{ output: new TextEncoder().encode('{}'), text, error: null }] })
}

function reported(
  kind: RecordKind,
  record: Verified,
  opening: Uint8Array | null,
  note: Note | null,
): ReportedRecord {
  const { id: _, ...body } = record
  const signed = { body: encodeBody(body), signature }
  return { kind, record: signed, opening, ...(note === null ? {} : { note }) }
}
