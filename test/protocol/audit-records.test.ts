/** What the audit objects to in single records of a report, and in what they rest on. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import type { PeerId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { Charter, Credential } from '../../src/protocol/membership/fleet.ts'
import type { RecordBody } from '../../src/protocol/record/record.ts'
import type { RecordKind } from '../../src/protocol/records.ts'
import { cidNamed, nameOfPeer, ownerNamed, peerNamed, placeOf, seed, sha256 } from '../support/core-fakes.ts'
import { owner, steward, vehicle, WrittenReport } from '../support/core-report.ts'
import { handoverBody } from '../support/handovers.ts'

/** One shard, read alike by two owners. */
function honest(changes: Partial<Manifest> = {}): WrittenReport {
  const report = new WrittenReport(1, changes)
  const result = report.result('read')
  const receipts = [0, 1].map((index) => report.work(index, [0], result))
  report.verdict(0, result, receipts)
  report.end()
  return report
}

function isBlamed(report: WrittenReport, ...problems: RegExp[]): void {
  const found = report.problems
  assert.equal(found.length, problems.length, found.join('\n'))
  for (const [i, problem] of problems.entries()) assert.match(found[i]!, problem)
}

const anotherJob = cidNamed('another job')

/** A record of each kind that stewards sign, that a steward of the job could have signed in this report. */
const stewardsRecords: Readonly<
  Partial<Record<RecordKind, (report: WrittenReport, more: Partial<RecordBody>) => void>>
> = {
  draw: (report, more) => report.add('draw', more.signer ?? steward, { candidates: [] }, more),
  lease: (report, more) => report.lease(2, [0], {}, more),
  window: (report, more) =>
    report.add(
      'window',
      more.signer ?? steward,
      { owner: owner(0), positions: [0], receipts: [cidNamed('receipt')] },
      more,
    ),
  verdict: (report, more) => {
    const verdict = report.verdict(0, report.results[0]!, [], { outcome: 'failed', result: null }, more)
    report.verdict(0, report.results[0]!, [], { outcome: 'failed', result: null, settles: [verdict] }, more)
  },
  end: (report, more) => report.end(more.signer ?? steward, more),
  statement: (report, more) =>
    report.add(
      'statement',
      more.signer ?? steward,
      {
        vehicle: vehicle(0),
        owner: owner(0),
        currency: 'EUR',
        closed: false,
        units: 0,
        micros: 0,
        paidMicros: 0,
        receipts: 0,
        root: new Uint8Array(32),
      },
      more,
    ),
  holding: (report, more) =>
    report.add('holding', more.signer ?? steward, { inputs: true, verdicts: [] }, more),
  allowance: (report, more) =>
    report.add('allowance', more.signer ?? steward, { writtenOff: [], given: [] }, more),
}

test('an honest report has no problem', () => {
  isBlamed(honest())
})

for (const [kind, write] of Object.entries(stewardsRecords)) {
  test(`a steward’s ${kind} of another job does not count in this one`, () => {
    const report = honest()
    write(report, { job: anotherJob })
    const problems = report.problems.filter((problem) => problem.includes(`it is of job ${anotherJob}`))
    assert.ok(problems.length > 0, report.problems.join('\n'))
    for (const problem of report.problems) assert.match(problem, new RegExp(`\\(${kind}\\): it is of job`))
  })

  test(`a ${kind} that no steward of the job signed does not count`, () => {
    const report = honest()
    write(report, { signer: vehicle(2) })
    assert.ok(report.problems.length > 0)
    for (const problem of report.problems)
      assert.match(problem, new RegExp(`\\(${kind}\\): v2\\.+ is not a steward of this job`))
  })
}

for (const kind of ['access', 'owner', 'advert'] as const)
  test(`a record of kind ${kind} is no part of a job`, () => {
    const report = honest()
    // Its content does not matter: a charter's is what was once taken here.
    report.add(kind, steward, { name: 'f', keys: [steward], registrars: [], operatorPpm: 0, revoked: [] })
    isBlamed(report, new RegExp(`\\(${kind}\\): a record of kind ${kind} is no part of a job`))
  })

test('a report begins with the manifest of the job that it is of', () => {
  const headless = honest()
  headless.records.shift()
  isBlamed(headless, /does not begin with a manifest/)
  const other = honest()
  other.reportedJob = anotherJob
  isBlamed(other, /the manifest is of job .*, not /)
  assert.deepEqual([other.audit().accepted, other.audit().agreement], [0, null])
})

test('the shard list is the manifest’s, with its shards and pages', () => {
  const other = honest()
  other.shardList = cidNamed('another list')
  isBlamed(other, /the shard list is not the manifest’s/)
  const longer = honest()
  longer.shards[0] = { ...longer.shards[0]!, pages: 2 }
  assert.match(longer.problems[0]!, /has 2 pages in 1 shards, not 1 in 1/)
  const more = honest()
  more.shards.push({ ...more.shards[0]!, pages: 0 })
  assert.match(more.problems[0]!, /has 1 pages in 2 shards, not 1 in 1/)
})

test('a lease is of shards that the job has at these positions, each once', () => {
  const misplaced = honest()
  misplaced.lease(2, [0], { shards: [cidNamed('another shard')] })
  isBlamed(misplaced, /\(lease\): it names shards that the job does not have there/)
  const longer = honest()
  longer.lease(2, [0], { shards: [longer.shards[0]!.shard, cidNamed('a shard too many')] })
  isBlamed(longer, /\(lease\): it names shards that the job does not have there/)
})

test('in a blind job leases go only to those for whom the submitter made keys', () => {
  const candidates = [0, 1].map((i) => ({ peer: vehicle(i), owner: owner(i) }))
  const blind = { key: new Uint8Array(32), candidates, keys: { file: cidNamed('keys'), bytes: 1 } }
  const report = new WrittenReport(1, { blind })
  report.lease(0, [0])
  report.lease(2, [0])
  report.lease(2, [0], { owner: owner(0) })
  report.lease(1, [0], { owner: owner(2) })
  const made = report.problems.filter((problem) => problem.includes('made no keys for'))
  assert.equal(made.length, 3, report.problems.join('\n'))
})

test('a receipt comes with its opening, and after its lease', () => {
  const closed = honest()
  closed.records.splice(3, 1, { ...closed.records[3]!, opening: null })
  assert.match(closed.problems[0]!, /\(receipt\): it has no opening/)
  const early = honest()
  early.records.push(...early.records.splice(2, 1))
  assert.match(early.problems[0]!, /\(receipt\): its lease .* is not in the report/)
})

test('what was signed otherwise does not count', () => {
  const report = honest()
  for (const [i, { kind, record, opening }] of report.records.entries())
    if (i > 0) {
      const signature = record.signature.slice()
      signature[0]! ^= 1
      report.records[i] = { kind, record: { body: record.body, signature }, opening }
    }
  const kinds = report.records.slice(1).map(({ kind }) => kind)
  for (const [i, kind] of kinds.entries())
    assert.match(report.problems[i]!, new RegExp(`\\(${kind}\\): wrong-signature`))
})

/** `by` hands the place of `lost` over to this node. */
function handOver(report: WrittenReport, by: PeerId, taker: string, serial = 0, epoch = 1): void {
  const choices = { job: report.job, signer: nameOfPeer(by), lost: nameOfPeer(steward), taker, epoch, serial }
  const { payload, ...more } = handoverBody(choices)
  report.add('handover', by, payload, { epoch, serial, steward: more.steward })
}

test('a steward that took over by a handover decides; one that no steward made one does not', () => {
  const report = honest()
  handOver(report, steward, 'taker')
  report.lease(2, [0], {}, { signer: peerNamed('taker') })
  isBlamed(report)
  const forged = honest()
  handOver(forged, vehicle(2), 'taker')
  forged.lease(2, [0], {}, { signer: peerNamed('taker') })
  isBlamed(forged, /\(handover\): it does not follow from the manifest/, /taker\.+ is not a steward/)
})

test('a handover that is none is named, and the rest of the report is checked all the same', () => {
  const report = honest()
  report.add('handover', steward, { previous: report.job }, { epoch: 1 })
  report.verdict(0, report.results[0]!, [])
  isBlamed(report, /\(handover\): malformed/, /not unanimous among 2 owners: 0 for/)
})

test('an end reveals the secret of the draws that the manifest commits to, and no other', () => {
  const report = honest()
  report.records.pop()
  report.add('end', steward, {
    outcome: 'complete',
    reason: 'over',
    secret: sha256(fromString('afterwards')),
  })
  isBlamed(report, /its secret of the draws is not the one/, /the job has no end/)
})

test('a taker’s draws are repeated like those of every steward', () => {
  const report = honest()
  handOver(report, steward, 'taker')
  const { lease } = report.lease(2, [0], {}, { signer: peerNamed('taker') })
  isBlamed(report)
  report.lease(3, [0], { vehicle: lease.vehicle, owner: lease.owner }, { signer: peerNamed('taker') })
  isBlamed(report, /went to v2\.+, whom the secret does not draw/)
})

test('a steward’s draws are all in the report', () => {
  const report = honest()
  const { lease } = report.lease(2, [0])
  isBlamed(report)
  report.lease(3, [0], {
    draw: { ...lease.draw, eligible: Uint8Array.of(1 << 3), index: lease.draw.index + 2 },
  })
  isBlamed(report, /draw 3 of steward\.+ is not in the report, and later ones are/)
})

test('a steward that was lost may have taken candidates and leases with it', () => {
  const lost = peerNamed('standby')
  const report = honest({ stewards: ['steward', 'standby'].map(placeOf) })
  const { lease } = report.lease(2, [0])
  const draw = { ...lease.draw, basis: cidNamed('lost'), index: 7 }
  const handed = { ...lease, draw }
  const id = report.add('lease', lost, handed)
  const { problems, undrawn } = report.audit()
  assert.deepEqual([problems, undrawn], [[], [lost]])
  const receipt = report.receipt({ id, lease: handed }, [report.results[0]!])
  report.verdict(0, report.results[0]!, [receipt], { because: 'lead' })
  assert.match(
    report.problems.join('\n'),
    /shard 0 rests on lease .*, whose candidates are not in the report/,
  )
})

test('a draw counts once, from candidates that are in the report', () => {
  const twice = honest()
  const { lease } = twice.lease(2, [0])
  twice.lease(2, [0], { draw: lease.draw, costMs: 2 })
  isBlamed(twice, /draw 2 of steward\.+ was used for two leases/)
  const unknown = honest()
  unknown.lease(2, [0], { draw: { ...lease.draw, basis: cidNamed('candidates') } })
  isBlamed(unknown, /was drawn from candidates that are not in the report/)
  const forAnother = honest()
  forAnother.lease(2, [0], { owner: owner(3) })
  isBlamed(forAnother, /went to v2\.+, whom the secret does not draw/)
  const sameOwner = new WrittenReport(1, {}, [owner(0), owner(0)])
  const drawn = sameOwner.lease(0, [0])
  sameOwner.lease(1, [0], { owner: owner(0), draw: { ...drawn.lease.draw, index: 1 } })
  sameOwner.add('end', steward, { outcome: 'cancelled', reason: 'enough', secret: seed })
  isBlamed(sameOwner, /went to v1\.+, whom the secret does not draw/)
})

test('each steward numbers its own draws', () => {
  const report = new WrittenReport(1, { stewards: [placeOf('steward'), placeOf('other')] })
  const { lease } = report.lease(0, [0])
  report.lease(0, [0], { draw: lease.draw }, { signer: peerNamed('other') })
  report.add('end', steward, { outcome: 'cancelled', reason: 'enough', secret: seed })
  isBlamed(report)
})

test('a job that any of its stewards calls complete has a verdict for every shard', () => {
  const report = new WrittenReport(1, { stewards: [placeOf('steward'), placeOf('other')] })
  report.add('end', steward, { outcome: 'cancelled', reason: 'enough', secret: seed })
  isBlamed(report)
  report.end(peerNamed('other'))
  isBlamed(report, /is called complete, and 1 shards have no verdict/)
})

test('a job that a standby calls cancelled was so only where its submitter says it, and of this job', () => {
  const written = (changes?: Partial<RecordBody>) => {
    const report = new WrittenReport(1, { stewards: [placeOf('steward'), placeOf('other')] })
    if (changes !== undefined) {
      const body = { ...cancellationOf(report.job, report.manifest, steward), ...changes }
      report.add('cancellation', body.signer, {}, body)
    }
    report.add('end', peerNamed('other'), { outcome: 'cancelled', reason: 'enough', secret: seed })
    return report
  }
  const alone = /other\.+ says that the job was cancelled, and its submitter says nothing of it/
  isBlamed(written({}))
  isBlamed(written(), alone)
  isBlamed(written({ job: anotherJob }), /it is of job/, alone)
  isBlamed(written({ signer: peerNamed('other') }), /other\.+ is not the submitter of this job/, alone)
})

test('a job without an end is no proof', () => {
  const report = honest()
  report.records.pop()
  isBlamed(report, /the job has no end/)
})

test('a result that nobody claimed is no part of a report; one that was recomputed is', () => {
  const report = honest()
  report.result('whose is this')
  isBlamed(report, /nobody claimed result/)
})

test('keys that a fleet’s charters lead to admit vehicles, and no others do', () => {
  const fleet = peerNamed('fleet')
  const charter = (report: WrittenReport, signer: string, keys: readonly string[], serial: number) =>
    report.add(
      'charter',
      peerNamed(signer),
      { name: 'f', keys: keys.map(peerNamed), registrars: [], operatorPpm: 0, revoked: [] } satisfies Charter,
      { job: null, serial },
    )
  const admit = (report: WrittenReport, index: number, by: string, name = owner(index)) =>
    report.add(
      'credential',
      peerNamed(by),
      { peer: vehicle(index), vehicle: `v${index}`, owner: name } satisfies Credential,
      { job: null },
    )
  const report = honest({ fleet })
  // In whichever order they stand in the report.
  charter(report, 'second', ['third'], 2)
  charter(report, 'fleet', ['second'], 1)
  admit(report, 0, 'second')
  admit(report, 1, 'third')
  isBlamed(report)
  const stolen = honest({ fleet })
  charter(stolen, 'thief', ['thief'], 1)
  admit(stolen, 0, 'thief')
  isBlamed(stolen, /not signed by a key of the fleet/)
  assert.deepEqual(stolen.audit().unvouched, [vehicle(0), vehicle(1)])
  const other = honest({ fleet })
  admit(other, 0, 'fleet', ownerNamed('f'.repeat(64)))
  isBlamed(other, /counted for owner 0+, and the fleet admitted it for f+/)
})
