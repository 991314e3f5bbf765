/** The fold of a job's records, beside the audit, which is written apart from it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { auditReport } from '../../src/protocol/audit/audit.ts'
import type { AuditInput } from '../../src/protocol/audit/records.ts'
import { ProtocolError } from '../../src/protocol/errors.ts'
import { unitsOwed } from '../../src/protocol/job/lease.ts'
import { type Manifest, resultEngine } from '../../src/protocol/job/manifest.ts'
import { decidedClaims, JobClaims } from '../../src/protocol/ledger/claims.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import { byDependency, type Checked, isMoney, type JobRecord } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import { RecordedView } from '../../src/protocol/state/job-view.ts'
import { reportedOf } from '../../src/protocol/state/reported.ts'
import { examineResult } from '../../src/protocol/verification/examination.ts'
import { drawSecret, peerNamed, sha256 } from '../support/core-fakes.ts'
import { JobBench } from '../support/job-bench.ts'
import { stories, type Told, tell } from '../support/job-stories.ts'

const runs = { numRuns: 200 }

interface Folded {
  readonly state: JobState
  /** Records that never get in, however often they come. */
  readonly refused: readonly JobRecord[]
}

/** Takes the records in this order, and those that were refused again, as comparisons do until nothing more gets in. */
function fold({ job, manifest, shards, audit }: Told, records: readonly JobRecord[]): Folded {
  const state = new JobState(job, manifest, sha256, { submitter: peerNamed('submitter'), drawSecret })
  state.knowShards(shards)
  let waiting = records
  for (;;) {
    const refused = waiting.filter((entry) => !admits(state, entry))
    if (refused.length === waiting.length) break
    waiting = refused
  }
  lookAtResults(state, manifest, audit)
  return { state, refused: waiting }
}

/** As a node does that fetches what the verdicts of others rest on. */
function lookAtResults({ decisions }: JobState, manifest: Manifest, audit: AuditInput): void {
  for (let wanted = decisions.takeWanted(); wanted.length > 0; wanted = decisions.takeWanted())
    decisions.examined(
      wanted.map(({ result, pages, signer: from }) => {
        const bytes = audit.block(result)!
        const { agreement } = manifest
        return {
          result,
          pages,
          from,
          finding: examineResult(sha256, bytes, pages, resultEngine(manifest), agreement),
        }
      }),
    )
  decisions.review(0)
}

function admits(state: JobState, entry: JobRecord): boolean {
  try {
    return state.admit(entry) || state.has(entry.record.id)
  } catch (error) {
    assert(error instanceof ProtocolError, `${error}`)
    return false
  }
}

function viewOf({ shards }: Told, state: JobState) {
  const { payment, executions, contradicted, end, shards: counts } = new RecordedView(state, shards).view()
  const leases = [...state.leases()].map(({ record }) => record.id).sort()
  return { payment, executions, contradicted, end, counts, leases }
}

/** What the ledger pays, by vehicle and owner. */
function paidBy({ job, records }: Told, state: JobState): Map<string, number> {
  const claims = new JobClaims(
    { job, submitter: job as never, fleet: null, currency: 'EUR' },
    {
      counts: (lease) => state.counts(lease),
      isOpen: (lease, place, units) => state.allowances.isOpen(lease, place, units),
    },
  )
  const known = records.filter(({ record }) => state.has(record.id)).toSorted(byDependency)
  for (const entry of known) if (isMoney(entry)) claims.learn(entry)
  const { verdicts, ends } = state.decisions
  for (const entry of decidedClaims({ verdicts: [...verdicts.records.values()], ends })) claims.learn(entry)
  const paid = new Map<string, number>()
  for (const { claim, outcome } of claims.current()) {
    const payee = `${claim.vehicle}/${claim.owner}`
    if (outcome === 'paid') paid.set(payee, (paid.get(payee) ?? 0) + claim.ownerMicros)
  }
  return paid
}

test('what a job’s records come to does not depend on their order, honest or not', () => {
  const turns = fc.array(fc.nat(), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(fc.oneof(stories(true), stories(true, true)), turns, (story, dice) => {
      const told = tell(story)
      const records = told.records
        .map((entry, i) => ({ entry, turn: (dice[i % dice.length]! * (i + 1)) % 997 }))
        .sort((a, b) => a.turn - b.turn)
        .map(({ entry }) => entry)
      const [one, other] = [fold(told, told.records), fold(told, records)]
      assert.deepEqual(viewOf(told, other.state), viewOf(told, one.state))
      assert.equal(other.state.size, one.state.size)
      assert.deepEqual(paidBy(told, other.state), paidBy(told, one.state))
    }),
    runs,
  )
})

test('an honest job’s records all get in, and come to what the audit says', () => {
  let found = 0
  fc.assert(
    fc.property(stories(false), (story) => {
      const told = tell(story)
      const { state, refused } = fold(told, told.records)
      assert.deepEqual(refused, [])
      const audit = auditReport(told.audit)
      const { counts, contradicted } = viewOf(told, state)
      assert.equal(counts.verified, audit.accepted)
      assert.equal(counts.failed, audit.failed)
      assert.deepEqual(contradicted, audit.contradicted)
      assert.equal([...state.leases()].length, audit.leases)
      assert.equal(state.inTurn('receipt').length, audit.receipts)
      const payees = audit.payments!.payees.map(({ vehicle, owner, micros }) => [
        `${vehicle}/${owner}`,
        micros,
      ])
      const paid = [...paidBy(told, state)].map(([payee, micros]) => [payee, BigInt(micros)])
      assert.deepEqual(new Map(paid as [string, bigint][]), new Map(payees as [string, bigint][]))
      found += counts.verified
    }),
    runs,
  )
  assert(found > 0, 'some stories have verdicts')
})

/** The report that a node writes where this state is. */
function reportOf({ audit, records }: Told, state: JobState): AuditInput {
  const reported = reportedOf(state)
  const named = new Set(
    records.flatMap(({ record, opening }) => (reported.has(record.id) ? (opening?.results ?? []) : [])),
  )
  return {
    ...audit,
    report: { ...audit.report, results: audit.report.results.filter((result) => named.has(result)) },
    records: audit.records.flatMap((entry) => {
      if (entry.kind === 'manifest') return [entry]
      const note = reported.get(recordId(sha256, entry.record.body))
      return note === undefined ? [] : [note === null ? entry : { ...entry, note }]
    }),
  }
}

test('a steward owes what it counts of its own leases, whatever it writes off, by fold, ledger and audit alike', () => {
  let [held, anew, beyond, freed] = [0, 0, 0, 0]
  const isSeen = () => held > 0 && anew > 0 && beyond > 0 && freed > 0
  // Some four of 500 stories write off more than there is; now and then none does.
  for (let round = 0; round < 4 && !isSeen(); round += 1)
    fc.assert(
      fc.property(stories(false, true), (story) => {
        const told = tell({ ...story, ends: [{ by: 0, outcome: 'cancelled' }] })
        const { state } = fold(told, told.records)
        const audit = auditReport(reportOf(told, state))
        assert.deepEqual(audit.problems, [])
        const payees = audit.payments!.payees.map(({ vehicle, owner, micros }) => [
          `${vehicle}/${owner}`,
          Number(micros),
        ])
        assert.deepEqual(paidBy(told, state), new Map(payees as [string, number][]))
        const { owedMicros, promisedMicros } = viewOf(told, state).payment!
        assert.equal(owedMicros, Number(audit.payments!.micros))
        assert(owedMicros <= promisedMicros && promisedMicros <= story.budgetMicros)
        for (const { lease, place, units, verdict, writeOff } of countedThough(told)) {
          const isOpen = state.allowances.isOpen(lease, place, units)
          if (writeOff.serial > verdict.serial) assert(isOpen)
          held += Number(writeOff.serial > verdict.serial)
          anew += Number(writeOff.serial < verdict.serial && isOpen)
          beyond += Number(!isOpen)
          freed += Number(isOpen && !state.allowances.isOpen(lease, place, units + 1))
        }
      }),
      { numRuns: 500 },
    )
  assert(isSeen(), `${held}, ${anew}, ${beyond}, ${freed}`)
})

/** The places that steward b wrote off, and that verdicts of its own name as agreeing. */
function* countedThough({ records }: Told) {
  const all = <Kind extends JobRecord['kind']>(kind: Kind) =>
    records.flatMap((entry) => (entry.kind === kind ? [entry.record as Checked<Kind>['record']] : []))
  for (const writeOff of all('allowance'))
    for (const { lease: id } of writeOff.payload.writtenOff)
      for (const receipt of all('receipt').filter(({ payload }) => payload.lease === id))
        for (const verdict of all('verdict').filter(({ signer }) => signer === writeOff.signer))
          for (const { position, agreeing } of verdict.payload.shards) {
            const { payload } = all('lease').find((lease) => lease.id === id)!
            const place = payload.positions.indexOf(position)
            const units = unitsOwed(payload, receipt.payload, place)
            if (agreeing.includes(receipt.id) && place >= 0)
              yield { lease: id, place, units, verdict, writeOff }
          }
}

test('a job without an end has none for both, and one that is called complete too early has none here', () => {
  let [endless, early] = [0, 0]
  fc.assert(
    fc.property(stories(true), (story) => {
      const told = tell(story)
      const { state } = fold(told, told.records)
      const { problems } = auditReport(told.audit)
      const outcome = state.end()?.payload.outcome
      const says = (part: string) => problems.some((problem) => problem.includes(part))
      if (says('the job has no end')) assert.equal(outcome, undefined, problems.join('\n'))
      const isEarly = says('is called complete')
      const submitter = told.manifest.stewards[0]!.peer
      if (isEarly && state.end()?.signer !== submitter) assert.notEqual(outcome, 'complete')
      endless += Number(outcome === undefined)
      early += Number(isEarly)
    }),
    runs,
  )
  assert(endless > 0 && early > 0)
})

test('what no honest node signs or shows is refused where the records themselves say so, and the audit objects to it', () => {
  let found = 0
  fc.assert(
    fc.property(stories(true), (story) => {
      const told = tell(story)
      const { refused } = fold(told, told.records)
      const { problems } = auditReport(told.audit)
      const forged = story.wrongs.filter((wrong) => !/^(decided|leased)/.test(wrong))
      assert.equal(refused.length, forged.length)
      if (refused.length > 0) assert.notDeepEqual(problems, [])
      found += refused.length
    }),
    runs,
  )
  assert(found > 0, 'some stories have records that are refused')
})

/** The ids of records that the audit objects to by their number in the report. */
function objectedTo({ audit }: Told, problems: readonly string[]): Set<string> {
  const numbers = problems.flatMap((problem) => /^record (\d+) /.exec(problem)?.[1] ?? [])
  return new Set(numbers.map((number) => recordId(sha256, audit.records[Number(number)]!.record.body)))
}

test('a lease counts unless the audit objects to it, and so do the claims of its receipts', () => {
  let refused = 0
  fc.assert(
    fc.property(stories(true), (story) => {
      const told = tell(story)
      const { state } = fold(told, told.records)
      const { problems, undrawn } = auditReport(told.audit)
      // Without an end the audit lacks the secret of the draws, and objects to that.
      const hasNoEnd = problems.some((problem) => problem.startsWith('the job has no end'))
      const objected = objectedTo(told, problems)
      for (const { kind, record } of told.records) {
        if (kind !== 'lease' || record.job !== told.job) continue
        const says = (problem: string) => problem.includes(`lease ${record.id} `)
        const isOver = problems.some((problem) => problem.startsWith(`${record.signer} promised `))
        const isBlamed = objected.has(record.id) || problems.some(says)
        const isUndrawn =
          undrawn.includes(record.signer) && state.candidatesOf(record.payload.draw.basis) === undefined
        const counts = state.counts(record.id)
        if (isBlamed || isUndrawn) assert(!counts, problems.join('\n'))
        else if (!isOver && !hasNoEnd) assert(counts, `${record.id} is honest`)
        refused += Number(!counts)
        const claims = [...state.leases()].filter((lease) => lease.record.id === record.id)
        assert.equal(claims.length, Number(counts))
      }
      const { promisedMicros, owedMicros, budgetMicros } = viewOf(told, state).payment!
      assert(promisedMicros <= budgetMicros && owedMicros <= promisedMicros)
    }),
    runs,
  )
  assert(refused > 0, 'some leases do not count')
})

test('a lease has its claims on each of its shards, however far apart they are in the list', () => {
  const bench = new JobBench({ shards: 40 })
  const claims = ['v1', 'v2'].map((vehicle) => bench.claim('b', vehicle, 'x', [0, 15, 16, 39]))
  for (const position of [0, 15, 16, 39])
    assert.deepEqual(
      bench.state.decisions.claimsOn(position).map(({ receipt }) => receipt),
      claims,
      `shard ${position}`,
    )
})

test('a record that is here keeps no bytes, and is the same as another node signed it', () => {
  const bench = new JobBench()
  const id = bench.claim('b', 'v1', 'x')
  const kept = bench.state.get(id)!
  assert(!('signed' in kept))
  const [signed] = bench.records.filter(({ record }) => record.id === id)
  assert(signed !== undefined && 'signed' in signed)
  assert.deepEqual([kept.record.id, kept.record.payload], [id, signed.record.payload])
})
