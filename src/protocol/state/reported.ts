/**
 * The records of a job that its report has: those that count on this node, and those on which these rest.
 *
 * A steward that lies signs leases, allowances, verdicts and ends that nobody believes. They are among the job's records, so
 * that all stewards have the same, but they prove nothing, and the audit objects to them. So they are left out, but for
 * three kinds that are in the report with a note (../audit/report.ts), since it could not be checked without them:
 *
 *   a verdict that counts for some of its shards
 *   a verdict that names as agreeing what its own signer wrote off, and so has to be paid, whatever else it says
 *   what a steward promised beyond its allowance, where a verdict names a claim of it, which may have counted once, or where its vehicle
 *   contradicts itself, whose owner has no voice by that
 */
import type { Note } from '../audit/report.ts'
import type { LeaseId, PeerId, RecordId } from '../ids.ts'
import { isChange } from '../job/draw.ts'
import { acceptsAnother } from '../job/standing.ts'
import type { ShardVerdict, Verdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import { isAlwaysReported } from '../records.ts'
import type { JobState } from './job-state.ts'

/** By record, what its report says of it; null for one that counts as it stands. */
export type Reported = ReadonlyMap<RecordId, Note | null>

export function reportedOf(state: JobState): Reported {
  const reported = new Map<RecordId, Note | null>()
  const isSubmitters = ({ signer }: Verified) => signer === state.manifest.stewards[0]?.peer
  for (const { id } of state.decisions.ends) reported.set(id, null)
  const named = new Set([...namedLeases(state), ...[...state.equivocated()].map(({ id }) => id)])
  addMoney(state, named, reported)
  const writtenOff = leasesWrittenOff(state)
  const bases = new Set<RecordId>()
  for (const { kind, record } of state.all())
    if (kind === 'lease') {
      const { id, payload } = record
      if (!reported.has(id) && (named.has(id) || state.counts(id))) reported.set(id, null)
      if (reported.has(id)) addBasis(state, payload.draw.basis, bases)
    }
  for (const { kind, record } of state.all()) {
    const { id } = record
    if (isAlwaysReported(kind)) reported.set(id, null)
    if (kind === 'draw' && bases.has(id)) reported.set(id, null)
    if (kind === 'receipt' && (named.has(record.payload.lease) || state.counts(record.payload.lease)))
      reported.set(id, null)
    if (kind !== 'verdict') continue
    const counted = (state.verdicts.records.get(id)?.payload.shards ?? []).filter(
      (shard) => isSubmitters(record) || !isOverruled(id, shard, state),
    )
    if (counted.length > 0 || bindsSigner(record, state, writtenOff))
      reported.set(
        id,
        counted.length === record.payload.shards.length
          ? null
          : { shards: counted.map(({ position }) => position).sort(rising) },
      )
  }
  return reported
}

/** Adds the record that lists the candidates of a draw, and those that it changes. */
function addBasis(state: JobState, basis: RecordId, bases: Set<RecordId>): void {
  for (let id: RecordId | undefined = basis; id !== undefined && !bases.has(id); ) {
    bases.add(id)
    const entry = state.get(id)
    id = entry?.kind === 'draw' && isChange(entry.record.payload) ? entry.record.payload.before : undefined
  }
}

/**
 * Adds the allowances that count and the leases that promise something; and all that a steward signed beyond its
 * allowance, where a verdict names one of these leases, or is beyond it, too.
 */
function addMoney(
  { allowances }: JobState,
  named: ReadonlySet<LeaseId>,
  reported: Map<RecordId, Note | null>,
): void {
  const promises = [...allowances.promises()]
  const beyond = new Set<PeerId>()
  for (const { kind, record, counts } of promises)
    if (!counts && (kind === 'verdict' || named.has(record.id as LeaseId))) beyond.add(record.signer)
  for (const { kind, record, counts } of promises)
    if (kind === 'verdict') continue
    else if (counts) reported.set(record.id, null)
    else if (beyond.has(record.signer)) reported.set(record.id, 'unpaid')
}

/** The leases of which a steward wrote something off. */
function leasesWrittenOff(state: JobState): Set<LeaseId> {
  const leases = new Set<LeaseId>()
  for (const entry of state.all())
    if (entry.kind === 'allowance') for (const { lease } of entry.record.payload.writtenOff) leases.add(lease)
  return leases
}

/** Tells whether a verdict names as agreeing a receipt under a lease of its own signer of which something was written off. */
function bindsSigner(
  { signer, payload }: Verified<Verdict>,
  state: JobState,
  writtenOff: ReadonlySet<LeaseId>,
): boolean {
  if (writtenOff.size === 0) return false
  return payload.shards.some(({ agreeing }) =>
    agreeing.some((receipt) => {
      const entry = state.get(receipt)
      if (entry?.kind !== 'receipt') return false
      const { lease: id } = entry.record.payload
      const lease = state.get(id)
      return writtenOff.has(id) && lease?.record.signer === signer
    }),
  )
}

/**
 * Tells whether the job ended with another result for this shard, and nobody settled the two: the verdict was given apart, and
 * before its steward heard of the end.
 */
function isOverruled(id: RecordId, { position, result }: ShardVerdict, state: JobState): boolean {
  if (state.end() === undefined || result === null) return false
  const isSettled = state.verdicts.of(position).some(({ verdict }) => verdict.settles.includes(id))
  return acceptsAnother(state.standing(position), result) && !isSettled
}

/** The leases of receipts that a verdict names which counts. */
function namedLeases(state: JobState): Set<LeaseId> {
  const leases = new Set<LeaseId>()
  for (const { payload } of state.verdicts.records.values())
    for (const { agreeing, contradicting } of payload.shards)
      for (const receipt of [...agreeing, ...contradicting]) {
        const entry = state.get(receipt)
        if (entry?.kind === 'receipt') leases.add(entry.record.payload.lease)
      }
  return leases
}

function rising(a: number, b: number): number {
  return a - b
}
