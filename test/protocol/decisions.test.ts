/** Which verdicts and ends of other stewards count on a node, and what they must rest on. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Verdicts } from '../../src/protocol/job/standing.ts'
import type { Verdict } from '../../src/protocol/job/verdict.ts'
import { waitingVerdictsMax } from '../../src/protocol/limits.ts'
import { encodeBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import { checked } from '../../src/protocol/records.ts'
import { RecordedView } from '../../src/protocol/state/job-view.ts'
import { SoughtResults } from '../../src/protocol/state/sought-results.ts'
import { bodyOf, cidNamed, drawSecret, ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'
import { JobBench } from '../support/job-bench.ts'

test('a verdict of another steward counts once its receipts are here and their results were looked at', () => {
  const bench = new JobBench()
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  bench.verdict('b', 'x', claims)
  assert.equal(bench.stands(), 'open')
  assert.deepEqual(bench.look(), ['x'])
  assert.equal(bench.stands(), 'x')
})

test('it waits for receipts that come later, and for results that nobody delivers it waits for ever', () => {
  const ahead = new JobBench()
  const later = new JobBench({ serial: 10 })
  const claims = [ahead.claim('b', 'v1', 'x'), ahead.claim('b', 'v2', 'x')]
  later.verdict('b', 'x', claims)
  later.look()
  assert.equal(later.stands(), 'open')
  assert(later.state.decisions.isLooking)
  for (const entry of ahead.records) later.state.admit(entry)
  later.look({ missing: ['x'] })
  assert.equal(later.stands(), 'open')
  later.state.decisions.askAgain()
  later.look()
  assert.equal(later.stands(), 'x')
})

test('a result that did not come is asked for ever more seldom, and twice a minute at last', () => {
  const bench = new JobBench()
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  bench.look({ missing: ['x'] })
  const asked: number[] = []
  for (let look = 1; look <= 120; look += 1) {
    bench.state.decisions.askAgain()
    if (bench.look({ missing: ['x'] }).length > 0) asked.push(look)
  }
  assert.deepEqual(asked, [1, 3, 7, 15, 31, 61, 91])
  assert.equal(bench.stands(), 'open')
  bench.state.decisions.askAgain()
  bench.look()
  assert.equal(bench.stands(), 'x')
})

test('a result that did not come is sought for a while, and again when another steward is reached', () => {
  const bench = new JobBench()
  const { decisions } = bench.state
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  assert(!decisions.isSeeking, 'it is asked for the first time')
  const askedUntilRest = () => {
    let asked = bench.look({ missing: ['x'] }).length
    for (let looks = 0; decisions.isSeeking; looks += 1) {
      assert(looks < 100)
      decisions.askAgain()
      asked += bench.look({ missing: ['x'] }).length
    }
    return asked
  }
  assert.equal(askedUntilRest(), 6)
  decisions.askAgain(true)
  assert(decisions.isSeeking)
  assert.equal(askedUntilRest(), 6)
})

test('what a steward says without enough owners does not count', () => {
  const nothing = new JobBench()
  nothing.verdict('b', 'x', [])
  const alone = new JobBench()
  alone.verdict('b', 'x', [alone.claim('b', 'v1', 'x')])
  const oneOwner = new JobBench()
  oneOwner.verdict('b', 'x', [oneOwner.claim('b', 'v1', 'x'), oneOwner.claim('b', 'v1x', 'x')])
  const other = new JobBench()
  other.verdict('b', 'z', [other.claim('b', 'v1', 'x'), other.claim('b', 'v2', 'x')])
  const invalid = new JobBench()
  invalid.verdict('b', 'x', [invalid.claim('b', 'v1', 'x'), invalid.claim('b', 'v2', 'x')])
  for (const bench of [nothing, alone, oneOwner, other, invalid]) {
    bench.look({ invalid: bench === invalid ? ['x'] : [] })
    assert.equal(bench.stands(), 'open')
  }
})

test('a verdict that names one owner’s result, and counts others that lead against it, does not count', () => {
  const led = (result: string) => {
    const bench = new JobBench({ assurance: { replicas: 4, lead: 2 } })
    const said = ['x', 'x', 'x', 'z'].map((read, i) => bench.claim('b', `v${i}`, read))
    const agreeing = result === 'x' ? said.slice(0, 3) : said
    bench.verdict('b', result, agreeing, { because: 'lead' })
    bench.look()
    return bench.stands()
  }
  assert.equal(led('x'), 'x')
  assert.equal(led('z'), 'open')
})

test('a verdict on another shard than the list has there counts for nothing', () => {
  const bench = new JobBench({ shards: 2 })
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  bench.verdict('b', 'x', claims, { shard: bench.shards[1]!.shard })
  bench.look()
  assert.equal(bench.stands(), 'open')
})

test('a claim that speaks against it counts though the verdict does not name it', () => {
  const bench = new JobBench()
  bench.claim('b', 'v3', 'z')
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  assert.deepEqual(bench.look(), ['x', 'z'])
  assert.equal(bench.stands(), 'open')
})

test('a claim that nobody delivers, or that is no result, speaks against nobody', () => {
  for (const look of [{ missing: ['z'] }, { invalid: ['z'] }]) {
    const bench = new JobBench()
    bench.claim('b', 'v3', 'z')
    bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
    bench.look(look)
    assert.equal(bench.stands(), 'x')
  }
})

test('two answers that are each enough by themselves open the shard again, until one verdict names all claims', () => {
  const bench = new JobBench()
  const mine = [bench.claim('a', 'v1', 'x'), bench.claim('a', 'v2', 'x')]
  const own = bench.verdict('a', 'x', mine)
  assert.equal(bench.stands(), 'x')
  const theirs = [bench.claim('b', 'v3', 'z'), bench.claim('b', 'v4', 'z')]
  const opposed = bench.verdict('b', 'z', theirs)
  bench.look()
  assert.equal(bench.stands(), 'apart')
  assert(bench.state.decisions.takeReopened())
  const settles = [own.id, opposed.id]
  bench.verdict('a', 'x', mine, { because: 'recomputed', contradicting: theirs, settles })
  assert.equal(bench.stands(), 'x')
  // Said again, by claims that were judged already, it opens nothing.
  bench.verdict('b', 'z', theirs)
  bench.look()
  assert.equal(bench.stands(), 'x')
})

test('a recomputation of another steward is its word, and counts where enough owners say the same', () => {
  const bench = new JobBench({ assurance: { arbiter: 'steward' } })
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x')], {
    because: 'recomputed',
    contradicting: [bench.claim('b', 'v2', 'z')],
  })
  bench.look()
  assert.equal(bench.stands(), 'open')
  const agreed = new JobBench({ assurance: { arbiter: 'steward' } })
  agreed.verdict('b', 'x', [agreed.claim('b', 'v1', 'x'), agreed.claim('b', 'v2', 'x')], {
    because: 'recomputed',
  })
  agreed.look()
  assert.equal(agreed.stands(), 'x')
})

test('what another steward says counts once a verdict that counts says the same, and all whom it counts do', () => {
  const says = (...claimed: string[]) => {
    // The result of the one that it calls a liar comes to nobody any more.
    const bench = new JobBench({ assurance: { arbiter: 'steward' } })
    const theirs = claimed.map((result, i) => bench.claim('b', `v${i + 5}`, result))
    bench.verdict('b', 'x', theirs, { because: 'recomputed', contradicting: [bench.claim('b', 'v2', 'z')] })
    bench.look({ missing: ['z'] })
    const waits = bench.state.verdicts.agreeing(0, cidNamed('x')).size
    bench.verdict('a', 'x', [bench.claim('a', 'v3', 'x'), bench.claim('a', 'v4', 'x')])
    bench.look({ missing: ['z'] })
    return [waits, bench.state.verdicts.agreeing(0, cidNamed('x')).size]
  }
  assert.deepEqual(says('x'), [0, 3], 'nobody has worked for nothing')
  assert.deepEqual(says('x', 'y'), [0, 2], 'one of them says something else')
})

test('a verdict that calls an owner a liar counts only as it says it, though more owners here say the same', () => {
  const bench = new JobBench()
  const liar = bench.claim('b', 'v1', 'z')
  const honest = ['v2', 'v3', 'v4', 'v5'].map((name) => bench.claim('b', name, 'x'))
  bench.verdict('b', 'x', honest.slice(0, 2), { contradicting: [liar] })
  bench.look()
  assert.equal(bench.stands(), 'open', 'by what it names, it is not unanimous')
  bench.verdict('b', 'x', honest, { because: 'lead', contradicting: [liar] })
  bench.look()
  assert.equal(bench.stands(), 'x')
})

test('a verdict waits for the results of those that it calls liars', () => {
  const bench = new JobBench()
  const liar = bench.claim('b', 'v1', 'z')
  const honest = ['v2', 'v3', 'v4', 'v5'].map((name) => bench.claim('b', name, 'x'))
  bench.verdict('b', 'x', honest, { because: 'lead', contradicting: [liar] })
  bench.look({ missing: ['z'] })
  assert.equal(bench.stands(), 'open')
  bench.state.decisions.askAgain()
  bench.look()
  assert.equal(bench.stands(), 'x')
})

test('what this node and the submitter’s signed counts at once, and silences those whom it contradicts', () => {
  const bench = new JobBench({ self: 'c', shards: 2 })
  const liar = bench.claim('b', 'v3', 'z', [0])
  bench.verdict('a', 'x', [bench.claim('b', 'v1', 'x', [0])], { contradicting: [liar] })
  assert.equal(bench.stands(), 'x')
  bench.claim('b', 'v3', 'z', [1])
  const claims = [bench.claim('b', 'v1', 'y', [1]), bench.claim('b', 'v2', 'y', [1])]
  bench.verdict('b', 'y', claims, { position: 1 })
  bench.look()
  assert.equal(bench.stands(1), 'y')
})

test('an end of another steward follows from its verdicts or from the deadline, and cancels on nobody’s word but the submitter’s', () => {
  const bench = new JobBench()
  bench.end('b', 'cancelled')
  bench.end('b', 'failed')
  bench.end('b', 'complete')
  bench.state.decisions.review(0)
  assert.equal(bench.state.end(), undefined)
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  bench.verdict('b', 'x', claims)
  bench.look()
  assert.equal(bench.state.end()?.payload.outcome, 'complete')
  const late = new JobBench()
  late.end('b', 'failed')
  late.end('b', 'cancelled')
  late.state.decisions.review(late.manifest.deadlineMs - 1)
  assert.equal(late.state.end(), undefined)
  late.state.decisions.review(late.manifest.deadlineMs)
  assert.equal(late.state.end()?.payload.outcome, 'failed')
})

test('what a steward calls cancelled is so once the submitter’s cancellation is here, whichever comes first', () => {
  for (const isFirst of [true, false]) {
    const bench = new JobBench()
    if (isFirst) bench.cancellation()
    const { id } = bench.end('b', 'cancelled')
    bench.state.decisions.review(0)
    assert.equal(bench.state.end()?.id, isFirst ? id : undefined)
    bench.cancellation()
    bench.state.decisions.review(0)
    assert.equal(bench.state.end()?.id, id)
    assert.deepEqual(
      bench.newState('c').restore(bench.records).decisions.isCancelled,
      true,
      'and so it is after a restart',
    )
  }
})

test('no cancellation gets in but the one of this job, signed with the key of its submitter', () => {
  const wrong: Parameters<JobBench['cancellation']>[0][] = [
    { job: cidNamed('another job') },
    { signer: peerNamed('a') },
    { signer: peerNamed('b') },
    { serial: 1 },
    { epoch: 1 },
    { steward: peerNamed('b') },
    { expiresMs: 1 },
  ]
  for (const changes of wrong) {
    const bench = new JobBench()
    bench.cancellation(changes)
    bench.end('b', 'cancelled')
    bench.state.decisions.review(0)
    assert.deepEqual([bench.state.size, bench.state.end()], [1, undefined], JSON.stringify(changes))
  }
  const bench = new JobBench()
  bench.cancellation()
  bench.cancellation()
  assert.equal(bench.state.size, 1)
})

test('a cancellation after the end changes nothing', () => {
  const bench = new JobBench()
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  bench.look()
  const { id } = bench.end('b', 'complete')
  bench.state.decisions.review(0)
  bench.cancellation()
  bench.end('c', 'cancelled')
  bench.state.decisions.review(0)
  assert.equal(bench.state.end()?.id, id)
  assert.equal(bench.stands(), 'x')
})

test('no steward calls a job failed of which every shard is accepted, not even after its deadline', () => {
  const bench = new JobBench()
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  bench.look()
  bench.end('b', 'failed')
  bench.state.decisions.review(bench.manifest.deadlineMs)
  assert.equal(bench.state.end(), undefined)
  bench.end('b', 'complete')
  bench.state.decisions.review(bench.manifest.deadlineMs)
  assert.equal(bench.state.end()?.payload.outcome, 'complete')
})

test('an end of another steward counts once every draw that it made before is here, each once', () => {
  for (const [next, counts] of [
    [1, true],
    [0, false],
    [2, false],
  ] as const) {
    const bench = new JobBench()
    const claims = [bench.claim('b', 'v1', 'x')]
    bench.draws.set('b', next)
    claims.push(bench.claim('b', 'v2', 'x'))
    bench.verdict('b', 'x', claims)
    bench.end('b', 'complete')
    bench.look()
    bench.state.decisions.review(0)
    assert.equal(bench.state.end() !== undefined, counts, `${next}`)
    assert.equal(bench.stands(), 'x')
  }
})

test('a verdict that calls an owner a liar which says the same does not count', () => {
  const bench = new JobBench({ self: 'c' })
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  bench.verdict('b', 'x', claims, { contradicting: [bench.claim('b', 'v3', 'x')] })
  bench.look()
  assert.equal(bench.stands(), 'open')
  bench.verdict('b', 'x', claims)
  bench.look()
  assert.equal(bench.stands(), 'x')
  // Enough others are for it to lead in spite of that owner, and it is no liar for all that.
  const led = new JobBench({ self: 'c' })
  const many = ['v1', 'v2', 'v3', 'v4'].map((name) => led.claim('b', name, 'x'))
  led.verdict('b', 'x', many, { because: 'lead', contradicting: [led.claim('b', 'v5', 'x')] })
  led.look()
  assert.equal(led.stands(), 'open')
})

test('an end that reveals another secret than the one of the draws counts for nothing, whoever signs it', () => {
  for (const signer of ['a', 'b'] as const) {
    const bench = new JobBench()
    bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
    bench.look()
    bench.end(signer, 'complete', sha256(drawSecret))
    bench.state.decisions.review(bench.manifest.deadlineMs)
    assert.equal(bench.state.end(), undefined)
  }
})

test('a complete end that follows from what is here stands before a cancelled one', () => {
  const bench = new JobBench()
  bench.end('a', 'cancelled')
  bench.end('b', 'complete')
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  bench.look()
  assert.equal(bench.state.end()?.payload.outcome, 'complete')
})

test('after the end nothing counts that contradicts what stands', () => {
  const bench = new JobBench()
  bench.verdict('a', 'x', [])
  bench.end('a', 'complete')
  const claims = [bench.claim('b', 'v3', 'z'), bench.claim('b', 'v4', 'z')]
  const earlier = bench.verdict('b', 'z', claims, { settles: [] })
  bench.look()
  assert.equal(bench.stands(), 'x')
  assert(!bench.state.verdicts.records.has(earlier.id))
})

test('claims that were checked once fill no window for others', () => {
  const audits = { replicas: 1, checks: 5, windowShards: 100, auditor: 'owners' } as const
  const [old, fresh] = [50, 20]
  const checked = Array.from({ length: old }, (_, i) => i)
  const forged = Array.from({ length: fresh }, (_, i) => old + i)
  const accepted = (windows: readonly (readonly number[])[]) => {
    const bench = new JobBench({ shards: old + fresh, assurance: { replicas: 3, audits } })
    const good = bench.claim('b', 'v1', 'x', checked)
    const check = bench.claim('b', 'v2', 'x', checked)
    const lie = bench.claim('b', 'v1', 'y', forged)
    for (const positions of windows) bench.window('b', 'v1', positions, [good, lie])
    for (const position of checked) bench.verdict('b', 'x', [good, check], { position, because: 'audited' })
    for (const position of forged) bench.verdict('b', 'y', [lie], { position, because: 'audited' })
    bench.look()
    bench.look()
    return forged.filter((position) => bench.stands(position) === 'y').length
  }
  const stuffed = accepted(forged.map((position) => [...checked, position]))
  assert(
    stuffed <= 1,
    `${stuffed} of ${fresh}: no window counts but the first, which has no check for its new one`,
  )
})

test('an audited verdict counts when the drawn checks of its windows were passed, and the first window counts', () => {
  const audits = { replicas: 1, checks: 1, windowShards: 100, auditor: 'owners' } as const
  const shards = 8
  const positions = Array.from({ length: shards }, (_, position) => position)
  const audited = { because: 'audited' } as const
  const passed = (windows: number) => (checked: number) => {
    const bench = new JobBench({ shards, assurance: { replicas: 3, audits } })
    const receipt = bench.claim('b', 'v1', 'x', positions)
    const check = bench.claim('b', 'v2', 'x', [checked])
    for (let i = 0; i < windows; i += 1) bench.window('b', 'v1', positions, [receipt])
    for (const position of positions) {
      const agreeing = position === checked ? [receipt, check] : [receipt]
      bench.verdict('b', 'x', agreeing, { position, ...audited })
    }
    bench.look()
    return positions.filter((position) => bench.stands(position) === 'x').length
  }
  const outcomes = positions.map(passed(1))
  // Closed again and again, until the draw is kinder: a claim stays in the window in which it was first.
  for (const windows of [2, 3, 4]) assert.deepEqual(positions.map(passed(windows)), outcomes)
  assert.deepEqual(
    outcomes.toSorted((a, b) => a - b),
    [0, 0, 0, 0, 0, 0, 0, shards],
    'one position is drawn, and only its check passes the window',
  )
})

test('what counted before a restart counts after it, without looking again', () => {
  const bench = new JobBench()
  const claims = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')]
  const { id } = bench.verdict('b', 'x', claims)
  const forged = bench.verdict('c', 'z', [])
  bench.look()
  const again = bench.newState('a')
  again.decisions.recall([{ verdict: id, positions: [0] }])
  again.restore(bench.records)
  assert.equal(bench.stands(0, again), 'x')
  assert.deepEqual(again.decisions.takeWanted(), [])
  assert(!again.verdicts.records.has(forged.id))
})

test('a result that came while no verdict waited for it is known to the next one', () => {
  const before = new SoughtResults()
  const want = { position: 0, pages: 1, result: cidNamed('x'), signer: peerNamed('b') }
  assert.equal(before.look(want), 'asked')
  before.takeWanted()
  const after = new SoughtResults()
  after.follow(before)
  const finding = { state: 'good', text: 'x', exhausted: false } as const
  after.examined({ result: want.result, pages: 1, finding })
  assert.deepEqual(after.look(want), finding)
})

test('of one steward a bounded number of ends waits', () => {
  const bench = new JobBench()
  for (let i = 0; i < 100; i += 1) bench.end('b', 'complete')
  bench.end('c', 'complete')
  assert.equal([...bench.state.decisions.waitingEnds].length, 9)
})

test('of one steward a bounded number of verdicts waits on a shard', () => {
  const bench = new JobBench()
  for (let i = 0; i < 3 * waitingVerdictsMax; i += 1)
    bench.verdict('b', `x${i}`, [bench.records[0]?.record.id ?? bench.job])
  assert.equal([...bench.state.decisions.waiting()].length, waitingVerdictsMax)
})

/** Below all serials of steward c so far. */
let lowest = 1_000_000

/** Steward c has signed as much as it may, and signs so many draws one after another, each before all others. */
function* giveWay({ state, job }: JobBench, times: number): Generator<void> {
  const drawOf = (serial: number) => {
    const candidates = Array.from({ length: 2 ** 12 }, () => 0) // about a MiB in memory
    const body = bodyOf('draw', peerNamed('c'), { candidates } as never, { job, serial })
    return checked('draw', { ...body, id: recordId(sha256, encodeBody(body)) })
  }
  for (let serial = 2_000_000; state.admit(drawOf(serial)); ) serial += 1
  for (let left = times; left > 0; left -= 1) {
    lowest -= 1
    const entry = drawOf(lowest)
    assert.equal(state.judge(entry), 'gives-way')
    const last = state.inTurn('draw').findLast(({ record }) => record.signer === peerNamed('c'))
    assert(state.admitFirst(entry))
    assert.deepEqual(state.takeDropped(), [last!.record.id])
    yield
  }
}

test('a verdict that counted goes on counting when records of another steward give way', () => {
  const bench = new JobBench()
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'x')])
  bench.look()
  assert.equal(bench.stands(), 'x')
  const { state } = bench
  state.decisions.takeCounted()
  for (const _ of giveWay(bench, 3)) {
    assert.equal(bench.stands(), 'x')
    assert.deepEqual(state.decisions.takeWanted(), [], 'and nobody is asked for its results again')
    assert.deepEqual(state.decisions.takeCounted().verdicts, [], 'nor is it news')
  }
})

test('what was asked for, found or missed before records gave way is not asked for anew', () => {
  const bench = new JobBench()
  bench.verdict('b', 'x', [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', 'y')])
  const { state } = bench
  for (const _ of giveWay(bench, 2)) assert.deepEqual([...state.decisions.waiting()].length, 1)
  const wanted = state.decisions.takeWanted()
  assert.equal(wanted.length, 2, 'nobody had taken the requests yet')
  for (const _ of giveWay(bench, 2)) assert.deepEqual(state.decisions.takeWanted(), [], 'both are under way')
  const missing = wanted.map(({ result, pages }) => ({
    result,
    pages,
    finding: { state: 'missing' as const },
  }))
  state.decisions.examined(missing)
  for (const _ of giveWay(bench, 2)) assert.deepEqual(state.decisions.takeWanted(), [], 'both were missed')
  state.decisions.askAgain()
  const again = state.decisions.takeWanted()
  assert.deepEqual(
    again.map(({ tries }) => tries),
    [1, 1],
  )
})

test('an owner that a verdict contradicted stays contradicted where another verdict that says the same settles it', () => {
  const contradicted = (settling: string) => {
    const bench = new JobBench()
    const [one, other] = [bench.claim('a', 'v1', 'x'), bench.claim('a', 'v2', 'x')]
    const liar = bench.claim('a', 'v3', 'z')
    const first = bench.verdict('a', 'x', [one], { because: 'recomputed', contradicting: [liar] })
    bench.verdict('a', settling, [one, other], { settles: [first.id] })
    return new RecordedView(bench.state, bench.shards).view().contradicted
  }
  assert.deepEqual(contradicted('x'), [ownerNamed('3'.repeat(64))])
  assert.deepEqual(contradicted('y'), [])
})

test('of verdicts made apart that say the same, the same one stands on every node, whichever came first', () => {
  const said = ['b', 'c'].map((name, i) => {
    const bench = new JobBench({ self: 'b', serial: 10 * i })
    const claims = ['v1', 'v2'].map((vehicle) => bench.claim(name, vehicle, 'x'))
    return bench.verdict(name, 'x', claims)
  })
  const stands = (verdicts: typeof said) => {
    const all = new Verdicts()
    for (const verdict of verdicts) all.add(verdict as Verified<Verdict>)
    const standing = all.standing(0, false)
    return standing.state === 'stands' && standing.verdict.agreeing
  }
  assert.deepEqual(stands(said), stands(said.toReversed()))
})

test('a verdict counts though it contradicts a claim under a lease that this node shut out, as far as it says itself that this is one against it', () => {
  const leads = (vehicles: readonly string[], units: number[]) => {
    const bench = new JobBench()
    const claims = vehicles.map((vehicle) => bench.claim('b', vehicle, 'x'))
    const lie = bench.claim('c', 'v3', 'z', [0], { units })
    bench.state.shutOut(bench.records.findLast(({ kind }) => kind === 'lease')!.record.id)
    bench.verdict('b', 'x', claims, { because: 'lead', contradicting: [lie] })
    return [bench.look(), bench.stands()]
  }
  const four = ['v1', 'v2', 'v4', 'v5']
  assert.deepEqual(leads(four, [1]), [['x', 'z'], 'x'])
  assert.equal(leads(four.slice(0, 3), [1])[1], 'open', 'by its own word it leads by two, and not by three')
  assert.equal(leads(four, [1_000])[1], 'open', 'a lease that no honest node believes contradicts nobody')
})

test('a verdict that contradicts a claim under a lease that this node shut out is not unanimous, unless that owner lies elsewhere', () => {
  const stands = (isLiar: boolean) => {
    const bench = new JobBench({ shards: 2 })
    const claims = ['v1', 'v2'].map((vehicle) => bench.claim('b', vehicle, 'x'))
    const lie = bench.claim('c', 'v3', 'z')
    bench.state.shutOut(bench.records.findLast(({ kind }) => kind === 'lease')!.record.id)
    if (isLiar) {
      const other = bench.claim('a', 'v3', 'q', [1])
      bench.verdict('a', 'p', [bench.claim('a', 'v1', 'p', [1])], {
        ...{ position: 1, because: 'recomputed', contradicting: [other] },
      })
    }
    bench.verdict('b', 'x', claims, { because: 'unanimous', contradicting: [lie] })
    bench.look()
    return bench.stands()
  }
  assert.deepEqual([stands(false), stands(true)], ['open', 'x'])
})
