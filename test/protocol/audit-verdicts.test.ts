/** What the audit objects to in verdicts, and in the windows that audited ones rest on. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromString } from 'uint8arrays'
import type { Cid, RecordId } from '../../src/protocol/ids.ts'
import { type Agreement, isTolerance } from '../../src/protocol/job/agreement.ts'
import type { Assurance, Audits } from '../../src/protocol/job/manifest.ts'
import { resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeSealedResult } from '../../src/protocol/job/result.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { checkOrder } from '../../src/protocol/job/window.ts'
import { cborCid } from '../../src/protocol/record/block.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import { cidNamed, peerNamed, placeOf, seed, sha256 } from '../support/core-fakes.ts'
import { owner, steward, vehicle, WrittenReport } from '../support/core-report.ts'

function isBlamed(report: WrittenReport, ...problems: RegExp[]): void {
  const found = report.problems
  assert.equal(found.length, problems.length, found.join('\n'))
  for (const [i, problem] of problems.entries()) assert.match(found[i]!, problem)
}

interface Vote {
  /** Each of another owner: what they read, in their order. */
  readonly agree: readonly string[]
  readonly disagree?: readonly string[]
  readonly because?: ShardVerdict['because']
  readonly assurance?: Partial<Assurance>
}

/** One shard on which vehicles say this; the verdict accepts what the first of them says. */
function voted({ agree, disagree = [], because = 'unanimous', assurance = {} }: Vote): WrittenReport {
  const report = new WrittenReport(1, { assurance })
  const say = (text: string, i: number) => report.work(i, [0], report.result(text))
  const agreeing = agree.map(say)
  const contradicting = disagree.map((text, i) => say(text, agree.length + i))
  report.verdict(0, report.results[0]!, agreeing, { because, contradicting })
  report.end()
  return report
}

test('unanimous means: so many owners for it, and none against', () => {
  isBlamed(voted({ agree: ['a', 'a'] }))
  isBlamed(voted({ agree: ['a'] }), /not unanimous among 2 owners: 1 for, 0 against/)
  isBlamed(voted({ agree: ['a', 'a', 'a'], disagree: ['b'] }), /3 for, 1 against/)
})

test('a lead is over all who say something else', () => {
  isBlamed(voted({ agree: ['a', 'a', 'a'], because: 'lead' }))
  isBlamed(voted({ agree: ['a', 'a', 'a', 'a'], disagree: ['b'], because: 'lead' }))
  isBlamed(voted({ agree: ['a', 'a', 'a'], disagree: ['b'], because: 'lead' }), /leads by 2, not 3/)
  // Whoever is against it twice is one.
  const report = new WrittenReport(1)
  const result = report.result('a')
  const agreeing = [0, 1, 2, 3].map((i) => report.work(i, [0], result))
  const contradicting = ['b', 'c'].map((text) => report.work(4, [0], report.result(text)))
  report.verdict(0, result, agreeing, { because: 'lead', contradicting })
  report.end()
  isBlamed(report)
})

test('an owner that was contradicted before, or has no valid result, is not against a verdict', () => {
  const report = new WrittenReport(2)
  const [good, bad] = [report.result('good'), report.result('bad')]
  const liar = report.work(4, [0, 1], bad)
  const honest = [0, 1, 2, 3].map((i) => report.work(i, [0, 1], good))
  report.verdict(0, good, honest, { because: 'lead', contradicting: [liar] })
  report.verdict(1, good, honest.slice(0, 2), { contradicting: [liar] })
  report.end()
  isBlamed(report)
  assert.deepEqual(report.audit().contradicted, [owner(4)])
  const invalid = new WrittenReport(1)
  const result = invalid.result('good')
  const nonsense = invalid.block(cidNamed('nonsense'), fromString('nonsense'))
  const contradicting = [invalid.work(2, [0], nonsense)]
  const agreeing = [0, 1].map((i) => invalid.work(i, [0], result))
  invalid.verdict(0, result, agreeing, { contradicting })
  invalid.end()
  isBlamed(invalid)
})

test('an owner has no voice once it is contradicted, wherever in the report the verdict is that does it', () => {
  const report = new WrittenReport(2)
  const [good, bad] = [report.result('good'), report.result('bad')]
  const liar = report.work(4, [0, 1], bad)
  const honest = [0, 1, 2, 3].map((i) => report.work(i, [0, 1], good))
  // Two stewards number their records apart, so the verdict that takes the voice may come second.
  report.verdict(1, good, honest.slice(0, 2), { contradicting: [liar] })
  report.verdict(0, good, honest, { because: 'lead', contradicting: [liar] })
  report.end()
  isBlamed(report)
  assert.deepEqual(report.audit().contradicted, [owner(4)])
})

/** A liar is contradicted by a verdict on shard 0, which another settles that says this; shard 1 is unanimous but for the liar. */
function settledAway(settling: string, { isContradicted = true, rests = true } = {}): WrittenReport {
  const stewards = [placeOf('steward'), placeOf('other')]
  const report = new WrittenReport(2, { stewards, assurance: { arbiter: 'steward' } })
  const good = report.result('good')
  const liar = report.work(4, [0, 1], report.result('bad'))
  const honest = [0, 1].map((i) => report.work(i, [0, 1], good))
  const contradicting = isContradicted ? [liar] : []
  const settles = [report.verdict(0, good, honest, { because: 'recomputed', contradicting })]
  const result = report.result(settling)
  const others = [2, 3].map((i) => report.work(i, [0], result))
  report.verdict(0, result, others, { settles }, { signer: peerNamed('other') })
  if (rests) report.verdict(1, good, honest, { contradicting: [liar] })
  report.end()
  return report
}

test('an owner that a verdict contradicted stays without a voice, where another verdict that says the same settles it', () => {
  isBlamed(settledAway('good'))
  assert.deepEqual(settledAway('good').audit().contradicted, [owner(4)])
  isBlamed(
    settledAway('good', { isContradicted: false }),
    /shard 1 is not unanimous among 2 owners: 2 for, 1 against/,
  )
  isBlamed(settledAway('something else'), /shard 1 is not unanimous among 2 owners: 2 for, 1 against/)
  assert.deepEqual(settledAway('good', { rests: false }).audit().contradicted, [owner(4)])
  assert.deepEqual(settledAway('something else', { rests: false }).audit().contradicted, [])
})

test('of stewards that were apart and say the same, one needs to show that nobody with a voice is against it', () => {
  const report = new WrittenReport(1, twoStewards)
  const [good, bad] = [report.result('good'), report.result('bad')]
  const liar = report.work(4, [0], bad)
  const honest = [0, 1, 2, 3].map((i) => report.work(i, [0], good))
  // One of them knew that the liar is one by a verdict of its own that proves nothing to others.
  report.verdict(0, good, honest.slice(0, 2), { contradicting: [liar] }, { signer: other })
  report.end()
  assert.match(report.problems.join('\n'), /shard 0 is not unanimous among 2 owners: 2 for, 1 against/)
  report.verdict(0, good, honest, { because: 'lead', contradicting: [liar] })
  isBlamed(report)
  // That it settles the one which shows it takes nothing away from that.
  const settling = new WrittenReport(1, twoStewards)
  const result = settling.result('good')
  const claims = [0, 1].map((i) => settling.work(i, [0], result))
  const against = settling.work(4, [0], settling.result('bad'))
  const settles = [settling.verdict(0, result, claims)]
  settling.verdict(0, result, claims, { contradicting: [against], settles }, { signer: other })
  settling.end()
  isBlamed(settling)
})

test('two verdicts that each hold only because of the other do not', () => {
  const report = new WrittenReport(2)
  const [good, bad] = [report.result('good'), report.result('bad')]
  const [one, other] = [0, 2].map((i) => [i, i + 1].map((j) => report.work(j, [0, 1], i === 0 ? good : bad)))
  report.verdict(0, good, one!, { contradicting: other! })
  report.verdict(1, bad, other!, { contradicting: one! })
  report.end()
  isBlamed(report, /shard 0 is not unanimous among 2 owners: 2 for, 2/, /shard 1 .* 2 for, 2 against/)
})

test('a shard that failed contradicts nobody', () => {
  const report = new WrittenReport(1)
  const contradicting = [0, 1].map((i) => report.work(i, [0], report.result(`${i}`)))
  report.verdict(0, null, [], { outcome: 'failed', because: 'too-many-losses', contradicting })
  report.end()
  isBlamed(report)
  const { contradicted, accepted, failed } = report.audit()
  assert.deepEqual([contradicted, accepted, failed], [[], 0, 1])
})

test('two vehicles of one owner are one voice', () => {
  const report = voted({ agree: ['a', 'a'] })
  report.records.pop()
  report.records.pop()
  const again = report.work(2, [0], report.results[0]!, { owner: owner(0) })
  const first = report.work(0, [0], report.results[0]!)
  report.verdict(0, report.results[0]!, [first, again])
  report.end()
  const problems = report.problems.join('\n')
  assert.match(problems, /counts an owner twice/)
  assert.match(problems, /not unanimous among 2 owners: 1 for/)
})

test('a reason to fail is no reason to accept', () => {
  for (const because of ['no-owner-left', 'too-many-losses'] as const)
    isBlamed(voted({ agree: ['a'], because }), new RegExp(`accepts a result because of ${because}`))
})

test('a verdict counts receipts that cover its shard, and is on the shard that the job has there', () => {
  const report = new WrittenReport(2)
  const result = report.result('a')
  const elsewhere = [0, 1].map((i) => report.work(i, [1], result))
  report.verdict(1, result, elsewhere)
  report.verdict(0, result, elsewhere)
  report.end()
  isBlamed(report, /shard 0: .* counts receipt .*, which does not cover it/)
  const unknown = voted({ agree: ['a', 'a'] })
  unknown.records.splice(-2, 1)
  unknown.verdict(0, unknown.results[0]!, [cidNamed('no receipt')])
  isBlamed(unknown, /counts receipt .*, which does not cover it/)
  const against = voted({ agree: ['a', 'a'] })
  against.records.splice(-2, 1)
  against.verdict(0, null, [], {
    outcome: 'failed',
    because: 'too-many-losses',
    contradicting: [cidNamed('no receipt')],
  })
  isBlamed(against, /counts receipt .*, which does not cover it/)
  const other = new WrittenReport(1)
  const agreeing = [0, 1].map((i) => other.work(i, [0], other.result('a')))
  other.verdict(0, other.results[0]!, agreeing, { shard: cidNamed('another shard') })
  other.end()
  isBlamed(other, /is on another shard/)
})

test('a result that is accepted is in the report, and is one', () => {
  const missing = voted({ agree: ['a', 'a'] })
  missing.forget(missing.results[0]!)
  isBlamed(missing, /accepts .*, which is no valid result in the report/)
  const otherEngine = new WrittenReport(1)
  const result = otherEngine.result('a', undefined, 'another engine')
  const agreeing = [0, 1].map((i) => otherEngine.work(i, [0], result))
  otherEngine.verdict(0, result, agreeing)
  otherEngine.end()
  isBlamed(otherEngine, /no valid result in the report/)
})

interface Claimed {
  readonly isa?: string | null
  readonly text: string
  readonly output?: string
}

/** Vehicles with these results, leased in this order; the first one's is accepted. */
function claimed(agreement: Agreement, claims: readonly Claimed[], accepted = 0): WrittenReport {
  const report = new WrittenReport(1, { agreement })
  const results = claims.map(({ text, output }) => report.result(text, output))
  const agreeing = claims.map(({ isa = null }, i) => report.work(i, [0], results[i]!, { isa }))
  report.verdict(0, results[accepted]!, agreeing)
  report.end()
  return report
}

/** An output with this text, and something beside it that nobody compares. */
const outputOf = (text: string, confidence: number) => JSON.stringify({ text, confidence })

test('what counts for a result is that result, or the same text where the job compares texts', () => {
  const one = { text: 'a', output: outputOf('a', 1) }
  const other = { text: 'a', output: outputOf('a', 2) }
  isBlamed(claimed('class-text', [one, other]))
  isBlamed(claimed('bytes', [one, other]), /counts a claim of .* for /)
  isBlamed(claimed('class-text', [one, { text: 'b', output: outputOf('b', 2) }]), /counts a claim of .* for /)
  const nonsense = new WrittenReport(1, { agreement: 'class-text' })
  const invalid = nonsense.block(cidNamed('nonsense'), fromString('nonsense'))
  const read = nonsense.result('a')
  nonsense.verdict(0, read, [nonsense.work(0, [0], read), nonsense.work(1, [0], invalid)])
  nonsense.end()
  isBlamed(nonsense, /counts a claim of .* for /)
  const unread = claimed('class-text', [one, other])
  unread.forget(unread.results[1]!)
  isBlamed(unread, /counts a claim of .* for /)
})

test('the instruction-set class that a vehicle names changes nothing', () => {
  const [one, other] = [1, 2].map((confidence) => ({ text: 'a', output: outputOf('a', confidence) }))
  for (const [first, second] of [
    ['avx', 'avx'],
    ['avx', 'arm'],
    [null, 'my own'],
  ] as const) {
    const claims = [
      { ...one!, isa: first },
      { ...other!, isa: second },
    ]
    isBlamed(claimed('class-text', claims))
    isBlamed(claimed('bytes', claims), /counts a claim of .* for /)
  }
})

test('an output whose text is not the text that it was compared by is named, whether it is accepted or only counted', () => {
  const honest = { text: 'a', output: outputOf('a', 1) }
  for (const output of [
    outputOf('forged', 1),
    '{"confidence":1}',
    '{}',
    '[]',
    'null',
    '"a"',
    'no JSON',
    '',
  ]) {
    const forged = { text: 'a', output }
    isBlamed(claimed('class-text', [forged, honest]), /accepts .*, which is no valid result in the report/)
    isBlamed(claimed('class-text', [honest, forged]), /counts a claim of .* for /)
  }
})

test('under a tolerance one of those who agree is accepted, and all of them are in the report', () => {
  const agreement: Agreement = { relation: 'text-distance', editsMax: 1 }
  assert.ok(isTolerance(agreement))
  const claims = ['cat', 'car', 'cap'].map((text) => ({ text }))
  isBlamed(claimed(agreement, claims))
  isBlamed(claimed(agreement, [claims[0]!, claims[1]!, { text: 'bar' }]), /as one answer/)
  // Two that are as good as the first, and not as each other.
  const chained = ['cat', 'ca', 'cats'].map((text) => ({ text }))
  isBlamed(claimed(agreement, chained), /as one answer/)
  const unread = claimed(agreement, claims.slice(0, 2))
  unread.forget(unread.results[1]!)
  isBlamed(unread, /as one answer/)
  const between = new WrittenReport(1, { agreement })
  const agreeing = ['cat', 'cap'].map((text, i) => between.work(i, [0], between.result(text)))
  between.verdict(0, between.result('car'), agreeing)
  between.end()
  isBlamed(between, /accepts .*, which nobody who agrees claims/)
})

test('under a tolerance the result is the one that most claim, and of equals the one that was leased first', () => {
  const agreement: Agreement = { relation: 'text-distance', editsMax: 1 }
  const [cat, car] = [{ text: 'cat' }, { text: 'car' }]
  isBlamed(claimed(agreement, [cat, car], 0))
  isBlamed(claimed(agreement, [cat, car], 1), /an earlier lease, have another/)
  isBlamed(claimed(agreement, [cat, car, car], 1))
  isBlamed(
    claimed(agreement, [cat, car, car], 0),
    /more of those who agree, or an earlier lease, have another/,
  )
})

const byTheSteward: Partial<Assurance> = { arbiter: 'steward' }

/** A dispute that a steward settled by running the shard itself. */
function settled(
  text: string,
  { assurance = byTheSteward, agreement = 'bytes' as Agreement, engine = 'exact', texts = ['a', 'b'] } = {},
): WrittenReport {
  const report = new WrittenReport(1, { assurance, agreement })
  const [right, wrong] = texts.map((said, i) => report.work(i, [0], report.result(said)))
  const result = text === texts[0] ? report.results[0]! : report.result(text, undefined, engine)
  report.verdict(0, result, [right!], { because: 'recomputed', contradicting: [wrong!] })
  report.end()
  return report
}

test('a recomputation is taken on the steward’s word where the job lets it decide, and counted as such', () => {
  const report = settled('a')
  isBlamed(report)
  assert.equal(report.audit().recomputed, 1)
  assert.deepEqual(report.audit().contradicted, [owner(1)])
  const audits: Audits = { replicas: 1, checks: 1, windowShards: 2, auditor: 'steward' }
  isBlamed(settled('a', { assurance: { arbiter: 'owners', audits } }))
  const notAllowed: Partial<Assurance> = { arbiter: 'owners' }
  isBlamed(settled('a', { assurance: notAllowed }), /the job leaves that to no steward/)
})

test('a recomputation is in the report, and who agrees with it says the same', () => {
  const missing = settled('a')
  missing.forget(missing.results[0]!)
  isBlamed(missing, /rests on a recomputation that is not in the report/)
  isBlamed(settled('c'), /counts a claim of .* for /)
  const agreement = 'class-text'
  isBlamed(settled('c', { agreement }), /counts a claim of .* for /)
  // The exact engine says the same in other bytes.
  const exact = new WrittenReport(1, { assurance: byTheSteward, agreement })
  const right = exact.work(0, [0], exact.result('a'))
  exact.verdict(0, exact.result('a', undefined, 'the exact engine'), [right], { because: 'recomputed' })
  exact.end()
  isBlamed(exact)
  // Where bytes count, the same text in other bytes is not the same.
  const otherBytes = new WrittenReport(1, { assurance: byTheSteward })
  const claimed = otherBytes.work(0, [0], otherBytes.result('a', 'other bytes'))
  otherBytes.verdict(0, otherBytes.result('a'), [claimed], { because: 'recomputed' })
  otherBytes.end()
  isBlamed(otherBytes, /counts a claim of .* for /)
  const within: Agreement = { relation: 'text-distance', editsMax: 1 }
  isBlamed(settled('aa', { agreement: within }))
  isBlamed(settled('aaa', { agreement: within }), /counts a claim of .* for /)
  // A standby's report may lack a result that was compared elsewhere.
  const lacking = settled('c', { agreement })
  lacking.forget(lacking.results[0]!)
  isBlamed(lacking)
})

test('that a machine ran out of something proves nothing: neither a steward’s nor a vehicle’s', () => {
  for (const code of ['crash', 'cpu-limit', 'memory-limit', 'stack-limit', 'time-limit']) {
    const report = new WrittenReport(1, { assurance: byTheSteward })
    const right = [0, 1].map((i) => report.work(i, [0], report.result('a')))
    report.verdict(0, report.failure(code), [], { because: 'recomputed', contradicting: right })
    report.end()
    isBlamed(report, /rests on a recomputation whose machine ran out of something/)
    const accused = new WrittenReport(1, { assurance: byTheSteward })
    const exhausted = accused.work(0, [0], accused.failure(code))
    const agreeing = [accused.work(1, [0], accused.result('a'))]
    const found = { because: 'recomputed', contradicting: [exhausted] } as const
    accused.verdict(0, accused.results[1]!, agreeing, found)
    accused.end()
    isBlamed(accused, /contradicts .*, whose vehicle only ran out of something/)
  }
})

test('results of a blind job are read as far as they are not sealed', () => {
  const blind = { key: new Uint8Array(32), candidates: [], keys: { file: cidNamed('keys'), bytes: 1 } }
  const candidates = [0, 1].map((i) => ({ peer: vehicle(i), owner: owner(i) }))
  const report = new WrittenReport(1, { blind: { ...blind, candidates } })
  const engine = resultEngine(report.manifest)
  const bytes = encodeSealedResult({ engine, exhausted: false, sealed: fromString('sealed') })
  const result = report.block(cborCid(sha256, bytes), bytes)
  report.verdict(
    0,
    result,
    [0, 1].map((i) => report.work(i, [0], result)),
  )
  report.end()
  isBlamed(report)
})

/** A shard that failed although these claims on it are said to agree. */
function owing(
  texts: readonly string[],
  against: readonly string[] = [],
  because: ShardVerdict['because'] = 'ended',
  assurance: Partial<Assurance> = { replicas: 3 },
): WrittenReport {
  const report = new WrittenReport(1, { assurance })
  const say = (text: string, i: number) => report.work(i, [0], report.result(text))
  const agreeing = texts.map(say)
  const contradicting = against.map((text, i) => say(text, texts.length + i))
  report.verdict(0, null, agreeing, { outcome: 'failed', because, contradicting })
  report.add('end', steward, { outcome: 'cancelled', reason: 'enough', secret: seed })
  return report
}

test('a shard without a result owes claims of enough owners that agree, and of nobody else', () => {
  isBlamed(owing(['a', 'a']))
  isBlamed(owing(['a', 'a'], ['b'], 'no-owner-left'))
  isBlamed(owing(['a']), /owes 1 claims, with 0 against, where 2 have to agree/)
  isBlamed(owing(['a', 'a'], ['b', 'c']), /owes 2 claims, with 2 against/)
  isBlamed(owing(['a', 'b']), /owes claims of .* and of .*, which are not one answer/)
  const audits: Audits = { replicas: 1, checks: 1, windowShards: 10, auditor: 'owners' }
  isBlamed(owing(['a'], [], 'ended', { audits }))
  isBlamed(owing(['a'], ['b'], 'ended', { audits }), /owes 1 claims, with 1 against/)
  const invalid = owing([])
  const nonsense = invalid.block(cidNamed('nonsense'), fromString('nonsense'))
  const claims = [0, 1].map((i) => invalid.work(i, [0], nonsense))
  invalid.records.splice(
    invalid.records.findIndex(({ kind }) => kind === 'verdict'),
    1,
  )
  invalid.verdict(0, null, claims, { outcome: 'failed', because: 'ended' })
  isBlamed(invalid, /owes a claim of .*, which is no result/, /owes a claim of .*, which is no result/)
})

test('a job that is complete has no shard that it ended before', () => {
  const report = new WrittenReport(1)
  report.verdict(0, null, [], { outcome: 'failed', because: 'ended' })
  report.end()
  isBlamed(report, /says that the job ended before it, and the job did not/)
  isBlamed(
    voted({ agree: ['a', 'a'], because: 'ended' }),
    /accepts a result because of ended, which is a reason to fail/,
  )
})

const twoStewards = { stewards: [placeOf('steward'), placeOf('other')] }
const other = peerNamed('other')

/** Two stewards apart, each of which decided the shard, the second with this result. */
function apart(second: string): { report: WrittenReport; verdicts: RecordId[]; receipts: RecordId[] } {
  const report = new WrittenReport(1, twoStewards)
  const receipts = ['a', 'a', second, second].map((text, i) => report.work(i, [0], report.result(text)))
  const [first, last] = [report.results[0]!, report.results.at(-1)!]
  const verdicts = [
    report.verdict(0, first, receipts.slice(0, 2)),
    report.verdict(0, last, receipts.slice(2), {}, { signer: other }),
  ]
  report.end()
  return { report, verdicts, receipts }
}

test('of verdicts made apart those that agree stand, and those that differ need one that settles them', () => {
  isBlamed(apart('a').report)
  isBlamed(apart('b').report, /shard 0 is decided differently by steward\.+ and other/)
  const { report, verdicts, receipts } = apart('b')
  const because = 'lead'
  const more = [4].map((i) => report.work(i, [0], report.results[0]!))
  const agreeing = [...receipts.slice(0, 2), ...more]
  report.verdict(0, report.results[0]!, agreeing, { because, settles: verdicts })
  isBlamed(report)
  // What was settled does not count, whatever is wrong with it.
  const forged = new WrittenReport(1, twoStewards)
  const result = forged.result('a')
  const wrong = forged.verdict(0, result, [], {}, { signer: other })
  const right = [0, 1].map((i) => forged.work(i, [0], result))
  forged.verdict(0, result, right, { settles: [wrong] })
  forged.end()
  isBlamed(forged)
  const unsettled = new WrittenReport(1, twoStewards)
  unsettled.verdict(0, unsettled.result('a'), [], {}, { signer: other })
  const fine = [0, 1].map((i) => unsettled.work(i, [0], unsettled.results[0]!))
  unsettled.verdict(0, unsettled.results[0]!, fine)
  unsettled.end()
  assert.match(unsettled.problems.join('\n'), /not unanimous among 2 owners: 0 for/)
})

test('a steward that came back without its records may decide a shard again, and must say the same', () => {
  const report = voted({ agree: ['a', 'a'] })
  const [result] = report.results as [Cid]
  const again = [2, 3].map((i) => report.work(i, [0], result))
  report.verdict(0, result, again)
  isBlamed(report)
  report.verdict(0, result, [])
  isBlamed(report, /not unanimous among 2 owners: 0 for/)
  const differing = voted({ agree: ['a', 'a'] })
  const other = differing.result('b')
  differing.verdict(
    0,
    other,
    [2, 3].map((i) => differing.work(i, [0], other)),
  )
  isBlamed(differing, /shard 0 is decided differently by/)
})

test('whoever says two things of one place contradicts itself, whatever verdicts say of it', () => {
  const report = voted({ agree: ['a', 'a'] })
  assert.deepEqual(report.audit().contradicted, [])
  const lease = report.lease(2, [0])
  for (const text of ['a', 'b']) report.receipt(lease, [report.result(text)])
  assert.deepEqual(report.audit().contradicted, [owner(2)])
})

test('a shard that one steward gave up and another verified is verified', () => {
  const report = new WrittenReport(1, twoStewards)
  const result = report.result('a')
  report.verdict(0, null, [], { outcome: 'failed', because: 'too-many-losses' }, { signer: other })
  report.verdict(
    0,
    result,
    [0, 1].map((i) => report.work(i, [0], result)),
  )
  report.end()
  isBlamed(report)
  assert.deepEqual([report.audit().accepted, report.audit().failed], [1, 0])
})

// --- audits -----------------------------------------------------------------------------------------------------

const audits: Audits = { replicas: 1, checks: 1, windowShards: 10, auditor: 'owners' }

interface Windowed {
  /** Positions in which another owner checked. Undefined: the one that the seed draws. */
  readonly checked?: readonly number[] | ((order: readonly number[]) => readonly number[])
  /** Of the first one's window. */
  readonly positions?: readonly number[]
  /** Whose claims the window is said to hold. */
  readonly windowOf?: number
  readonly failed?: readonly number[]
  readonly recomputed?: readonly number[]
  readonly signer?: 'other'
  readonly jobAudits?: Audits | null
  readonly isNamed?: boolean
  readonly alsoOf?: number
}

/** Four shards, all by one owner, whose claims make a window; some were checked by a second owner. */
function windowed(story: Windowed = {}): WrittenReport {
  const { positions = [0, 1, 2, 3], windowOf = 0, failed = [], recomputed = [] } = story
  const { isNamed = true, alsoOf } = story
  const jobAudits = story.jobAudits === undefined ? audits : story.jobAudits
  const report = new WrittenReport(4, {
    ...twoStewards,
    assurance: { audits: jobAudits, arbiter: recomputed.length > 0 ? 'steward' : 'owners' },
  })
  const signer = story.signer === 'other' ? other : steward
  const result = report.result('a')
  const claims = report.work(0, [0, 1, 2, 3], result)
  const strangers = alsoOf === undefined ? [] : [report.work(alsoOf, [0], result)]
  const receipts = [...(isNamed ? [claims] : [cidNamed('another receipt')]), ...strangers]
  const window = report.add('window', signer, { owner: owner(windowOf), positions, receipts })
  const order = checkOrder(sha256, seed, window, positions)
  const chosen = story.checked ?? ((drawn: readonly number[]) => drawn.slice(0, 1))
  const checked = typeof chosen === 'function' ? chosen(order) : chosen
  for (const position of [0, 1, 2, 3]) {
    const agreeing = [claims, ...(checked.includes(position) ? [report.work(1, [position], result)] : [])]
    const isFailed = failed.some((i) => order[i] === position)
    const isRecomputed = recomputed.some((i) => order[i] === position)
    const because = isRecomputed ? 'recomputed' : agreeing.length > 1 ? 'unanimous' : 'audited'
    if (isFailed)
      report.verdict(position, null, [], { outcome: 'failed', because: 'too-many-losses' }, { signer })
    else report.verdict(position, result, agreeing, { because }, { signer })
  }
  report.end()
  return report
}

test('a claim that was checked is in one window of its steward, and a shard in one place of it', () => {
  const stuffed = (windowsOf: (forged: readonly number[]) => readonly (readonly number[])[]) => {
    const assurance = { replicas: 3, audits: { ...audits, checks: 5, windowShards: 100 } } as const
    const report = new WrittenReport(30, { assurance: { ...assurance, arbiter: 'owners' } })
    const [honest, lie] = [report.result('honest'), report.result('forged')]
    const checked = Array.from({ length: 20 }, (_, i) => i)
    const forged = Array.from({ length: 10 }, (_, i) => 20 + i)
    const receipts = [report.work(0, checked, honest), report.work(0, forged, lie)]
    const check = report.work(1, checked, honest)
    for (const positions of windowsOf(forged))
      report.add('window', steward, { owner: owner(0), positions, receipts })
    for (const position of checked)
      report.verdict(position, honest, [receipts[0]!, check], { because: 'audited' })
    for (const position of forged) report.verdict(position, lie, [receipts[1]!], { because: 'audited' })
    report.end()
    return report.audit().problems.length
  }
  const checked = Array.from({ length: 20 }, (_, i) => i)
  assert(stuffed((forged) => forged.map((position) => [...checked, position])) >= 9, 'all but the first')
  assert(stuffed((forged) => forged.map((position) => [...Array(20).fill(0), position])) >= 10)
})

test('an audited shard rests on a window whose drawn checks were passed', () => {
  isBlamed(windowed())
  // In order: nobody checked; somebody checked another position than the one drawn.
  const none = windowed({ checked: [] }).problems
  assert.equal(none.length, 4)
  for (const problem of none) assert.match(problem, /rests on 0 windows that passed, not 1/)
  const elsewhere = windowed({ checked: (order) => order.slice(1, 2) }).problems
  assert.equal(elsewhere.length, 3, elsewhere.join('\n'))
})

test('a check is passed by one owner more, or by a recomputation; and where a shard failed, the next is checked', () => {
  isBlamed(windowed({ checked: [], recomputed: [0] }))
  assert.equal(windowed({ checked: [], recomputed: [1] }).problems.length, 3)
  isBlamed(windowed({ checked: (order) => order.slice(1, 2), failed: [0] }))
  assert.equal(windowed({ checked: (order) => order.slice(2, 3), failed: [0] }).problems.length, 2)
})

test('of stewards that were apart and say the same, one needs to have seen a check', () => {
  const idOf = (report: WrittenReport, kind: string) =>
    recordId(sha256, report.records.find((entry) => entry.kind === kind)!.record.body)
  const unseen = windowed({ checked: [] })
  const [drawn] = checkOrder(sha256, seed, idOf(unseen, 'window'), [0, 1, 2, 3])
  const [result] = unseen.results
  const claims = idOf(unseen, 'receipt')
  unseen.verdict(drawn!, result!, [claims, unseen.work(1, [drawn!], result!)], {}, { signer: other })
  isBlamed(unseen)
  const without = windowed()
  for (const position of [0, 1, 2, 3])
    without.verdict(position, result!, [idOf(without, 'receipt')], { because: 'audited' }, { signer: other })
  isBlamed(without)
})

test('all checks that the job buys are drawn', () => {
  const twoChecks = { ...audits, checks: 2 }
  isBlamed(windowed({ jobAudits: twoChecks, checked: (order) => order.slice(0, 2) }))
  assert.equal(windowed({ jobAudits: twoChecks }).problems.length, 3)
})

test('a window is of the owner that it names, and of all receipts that it names', () => {
  const notPassed = /rests on 0 windows that passed, not 1/
  for (const story of [{ windowOf: 2 }, { isNamed: false }, { alsoOf: 2 }] satisfies Windowed[]) {
    const problems = windowed(story).problems
    assert.ok(problems.length > 0, JSON.stringify(story))
    for (const problem of problems) assert.match(problem, notPassed)
  }
})

/** `audited` rests on a window of the first owner; the second checked all positions in `checked`. */
function oneWindow(
  {
    positions,
    checks,
    checkedBy = [0, 1],
  }: {
    readonly positions: readonly number[]
    readonly checks: number
    readonly checkedBy?: readonly number[]
  },
  changes: { readonly windowBy?: 'other'; readonly otherReceipt?: boolean } = {},
): WrittenReport {
  const report = new WrittenReport(positions.length, {
    ...twoStewards,
    assurance: { audits: { ...audits, checks } },
  })
  const result = report.result('a')
  const claims = report.work(0, positions, result)
  const again = report.work(0, positions, result)
  const receipts = [changes.otherReceipt === true ? again : claims]
  const signer = changes.windowBy === 'other' ? other : steward
  const window = report.add('window', signer, { owner: owner(0), positions, receipts })
  const [drawn, ...rest] = checkOrder(sha256, seed, window, positions)
  for (const position of rest) report.verdict(position, result, [claims], { because: 'audited' })
  const voices = checkedBy.map((i) => (i === 0 ? claims : report.work(i, [drawn!], result)))
  report.verdict(drawn!, result, voices)
  report.end()
  return report
}

test('an audited claim is of a receipt that its window names, and its window of the steward that decides', () => {
  isBlamed(oneWindow({ positions: [0, 1], checks: 1 }))
  const notPassed = /rests on 0 windows that passed, not 1/
  isBlamed(oneWindow({ positions: [0, 1], checks: 1 }, { otherReceipt: true }), notPassed)
  isBlamed(oneWindow({ positions: [0, 1], checks: 1 }, { windowBy: 'other' }), notPassed)
})

test('a check is of the claim of the window’s owner', () => {
  isBlamed(
    oneWindow({ positions: [0, 1], checks: 1, checkedBy: [1, 2] }),
    /rests on 0 windows that passed, not 1/,
  )
})

test('a window that is too small to be sampled is not what an audited shard rests on', () => {
  const report = new WrittenReport(2, { assurance: { audits: { ...audits, checks: 2 } } })
  const result = report.result('a')
  const claims = [0, 1].map((i) => report.work(i, [0, 1], result))
  report.add('window', steward, { owner: owner(0), positions: [0, 1], receipts: claims.slice(0, 1) })
  for (const position of [0, 1]) report.verdict(position, result, claims, { because: 'audited' })
  report.end()
  isBlamed(report, /rests on 0 windows that passed/, /rests on 0 windows that passed/)
})

test('the checks of a steward that did not end the job are drawn again like all others', () => {
  isBlamed(windowed({ signer: 'other' }))
  assert.equal(windowed({ signer: 'other', checked: (order) => order.slice(3) }).problems.length, 3)
})

test('a job without audits has no audited shards', () => {
  const problems = windowed({ jobAudits: null, checked: [0, 1, 2] }).problems
  assert.deepEqual(problems.length, 1)
  assert.match(problems[0]!, /shard 3 was audited, and the job has no audits/)
})

test('as many windows have passed as the job wants voices', () => {
  const twoVoices: Audits = { ...audits, replicas: 2 }
  const report = new WrittenReport(3, { assurance: { replicas: 3, audits: twoVoices } })
  const result = report.result('a')
  const claims = [0, 1].map((i) => report.work(i, [0, 1, 2], result))
  const positions = [0, 1, 2]
  const window = (i: number) =>
    report.add('window', steward, { owner: owner(i), positions, receipts: [claims[i]!] })
  const [drawn, ...rest] = checkOrder(sha256, seed, window(0), positions)
  for (const position of rest) report.verdict(position, result, claims, { because: 'audited' })
  const voices = [...claims, report.work(2, [drawn!], result)]
  report.verdict(drawn!, result, voices)
  report.end()
  const one = /rests on 1 windows that passed, not 2/
  isBlamed(report, one, one)
})

test('what another steward settled is not audited', () => {
  const report = new WrittenReport(1, { ...twoStewards, assurance: { audits } })
  const result: Cid = report.result('a')
  const receipts = [0, 1].map((i) => report.work(i, [0], result))
  const unaudited = report.verdict(0, result, receipts.slice(0, 1), { because: 'audited' }, { signer: other })
  report.verdict(0, result, receipts, { settles: [unaudited] })
  report.end()
  isBlamed(report)
})
