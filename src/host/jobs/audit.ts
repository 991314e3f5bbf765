/** Auditing a report file: reads the CAR, checks every block against its name, and hands it to the audit. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { CarIndexer } from '@ipld/car'
import { type AuditOutcome, auditReport } from '../../protocol/audit/audit.ts'
import type { AuditedPayments } from '../../protocol/audit/payments.ts'
import { decodeReport, unpackRecords } from '../../protocol/audit/report.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid } from '../../protocol/ids.ts'
import { describeAgreement } from '../../protocol/job/agreement.ts'
import { isAbroad, openDrawBasis } from '../../protocol/job/draw.ts'
import { decodeShardList } from '../../protocol/job/lists.ts'
import { shardListBytesMax } from '../../protocol/limits.ts'
import { unitNamed } from '../../runtimes/registry.ts'
import { sha256 } from '../sha256.ts'
import { cidOf, codecOf } from '../store/cid.ts'
import { parseFileRoot, readFile } from '../store/files.ts'
import { verifyAhead } from './verify-ahead.ts'

export interface FileAudit {
  readonly ok: boolean
  readonly problems: readonly string[]
  readonly summary: readonly string[]
}

/**
 * Never throws because of the file's contents: finding their faults is its task. Throws when the file cannot be read.
 */
export async function auditFile(path: string): Promise<FileAudit> {
  const problems: string[] = []
  try {
    const outcome = await auditCar(path, problems)
    problems.push(...outcome.problems)
    return { ok: problems.length === 0, problems, summary: summaryOf(outcome) }
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code !== undefined &&
      (error as NodeJS.ErrnoException).syscall !== undefined
    )
      throw error
    problems.push(`the file is not a whole report: ${(error as Error).message}`)
    return { ok: false, problems, summary: [] }
  }
}

async function auditCar(path: string, problems: string[]): Promise<AuditOutcome> {
  const file = openSync(path, 'r')
  try {
    return await auditOpened(path, file, problems)
  } finally {
    closeSync(file)
  }
}

/** The blocks stay in the file, since their results may be longer than memory: where each is, is known after one pass. */
async function auditOpened(path: string, file: number, problems: string[]): Promise<AuditOutcome> {
  const car = await CarIndexer.fromIterable(createReadStream(path))
  const roots = await car.getRoots()
  const blocks = new Map<Cid, { readonly at: number; readonly bytes: number }>()
  const read = (place: { readonly at: number; readonly bytes: number }) => {
    const bytes = new Uint8Array(place.bytes)
    if (readSync(file, bytes, 0, place.bytes, place.at) !== place.bytes) throw new Error('it ends too early')
    return bytes
  }
  for await (const { cid, blockOffset: at, blockLength: bytes } of car) {
    const name = cid.toString() as Cid
    const actual = cidOf(codecOf(name), read({ at, bytes }))
    if (actual !== name) problems.push(`block ${name} was changed: its bytes are ${actual}`)
    if (blocks.has(name)) problems.push(`block ${name} is in the file twice`)
    blocks.set(name, { at, bytes })
  }
  const block = (cid: Cid) => {
    const place = blocks.get(cid)
    return place && read(place)
  }
  const root = block(`${roots[0]}` as Cid)
  if (roots.length !== 1 || root === undefined) throw new Error('its root is not in it')
  const report = decodeReport(root)
  const pages = report.recordPages.map((cid) => {
    const bytes = block(cid)
    if (bytes === undefined) throw new Error(`record page ${cid} is missing`)
    return unpackRecords(bytes)
  })
  const named = new Set<Cid>([
    `${roots[0]}` as Cid,
    ...report.recordPages,
    ...report.shardList,
    ...report.results,
    ...advertsIn(pages.flat()),
  ])
  for (const cid of blocks.keys()) if (!named.has(cid)) problems.push(`block ${cid} is no part of the report`)
  const listRoot = report.shardList[0]
  if (listRoot === undefined) throw new Error('it has no shard list')
  const list = block(listRoot)
  if (list === undefined) throw new Error(`shard list ${listRoot} is missing`)
  const { bytes } = parseFileRoot(listRoot, list)
  const shards = decodeShardList(await readFile({ file: listRoot, bytes }, block, shardListBytesMax))
  const records = pages.flat()
  const verify = await verifyAhead(records.map(({ record }) => record))
  return auditReport({ report, records, shards, block, sha256, verify })
}

/** The blocks with the adverts of lists from abroad. What is no list is found to be none elsewhere. */
function advertsIn(records: ReturnType<typeof unpackRecords>): Cid[] {
  return records.flatMap(({ kind, record }) => {
    if (kind !== 'draw') return []
    try {
      const { payload } = openDrawBasis(record, sha256, () => true)
      return isAbroad(payload) ? [payload.census.adverts] : []
    } catch (error) {
      if (error instanceof ProtocolError) return []
      throw error
    }
  })
}

function summaryOf(outcome: AuditOutcome): string[] {
  const { shards, accepted, failed, recomputed, receipts, leases, owners, contradicted, undrawn } = outcome
  const drawn =
    undrawn.length === 0
      ? 'each drawn by the revealed secret'
      : 'drawn by the revealed secret where their candidates are known'
  const lines = [
    `${accepted} of ${shards} shards accepted, ${failed} failed`,
    `${receipts} receipts of ${owners} owners, ${leases} leases, ${drawn}`,
  ]
  if (outcome.agreement !== null)
    lines.push(`results count as one answer when they are ${describeAgreement(outcome.agreement)}`)
  const { outcomes } = outcome
  if (outcomes !== null && outcomes.withError > 0)
    lines.push(
      `${outcomes.withError} of ${outcomes.pages} pages ended in an error: ${codes(outcomes.errors)}`,
    )
  if (outcomes !== null && outcomes.withWarning > 0)
    lines.push(
      `${outcomes.withWarning} of ${outcomes.pages} pages with a warning: ${codes(outcomes.warnings)}`,
    )
  if (recomputed > 0)
    lines.push(`${recomputed} disputed shards were settled by the steward's own recomputation`)
  if (contradicted.length > 0) lines.push(`contradicted by the verdicts: ${contradicted.join(', ')}`)
  if (undrawn.length > 0)
    lines.push(`candidates of some draws are missing, since these stewards were lost: ${undrawn.join(', ')}`)
  if (outcome.payments !== null) lines.push(...paymentLines(outcome.payments))
  if (outcome.unvouched.length > 0)
    lines.push(`no credential shows whose these vehicles are: ${outcome.unvouched.join(', ')}`)
  return lines
}

function codes(counts: NonNullable<AuditOutcome['outcomes']>['errors']): string {
  return counts.map(({ code, count }) => `${code} × ${count}`).join(', ')
}

function paymentLines({
  currency,
  unit,
  micros,
  operatorMicros,
  payees,
  statements,
}: AuditedPayments): string[] {
  const owners = new Set(payees.map(({ owner }) => owner)).size
  return [
    `${decimal(micros)} ${currency} owed to ${owners} owners for ${payees.reduce((sum, { units }) => sum + units, 0n)} ${unitNamed(unit).many}, ` +
      `${decimal(operatorMicros)} of it the operator's; ${statements} statements compared`,
  ]
}

/** Micros as a decimal number, without a float in between. */
function decimal(micros: bigint): string {
  return `${micros / 1_000_000n}.${`${micros % 1_000_000n}`.padStart(6, '0')}`
}
