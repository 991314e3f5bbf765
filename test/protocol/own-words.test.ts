/** What a verdict says has to fit together before anything counts by it: the audit refuses a report in which it does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecordId } from '../../src/protocol/ids.ts'
import type { Agreement } from '../../src/protocol/job/agreement.ts'
import type { Assurance } from '../../src/protocol/job/manifest.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { ownWords } from '../../src/protocol/state/own-words.ts'
import type { RecordedClaim } from '../../src/protocol/state/proof-ground.ts'
import type { Seen } from '../../src/protocol/state/sought-results.ts'
import { cidNamed, manifestWith, nameOfCid, ownerNamed } from '../support/core-fakes.ts'
import { JobBench } from '../support/job-bench.ts'

interface Said {
  /** Owner and result of each claim that it counts. */
  readonly agreeing?: readonly string[]
  readonly contradicting?: readonly string[]
  readonly because?: ShardVerdict['because']
  readonly agreement?: Agreement
  readonly assurance?: Partial<Assurance>
  readonly seen?: Readonly<Record<string, Seen>>
}

/** Results say what their names begin with: 'x' and 'x2' the same, in other bytes. */
function words({ agreeing = ['a x', 'b x'], contradicting = [], because = 'unanimous', ...of }: Said) {
  const manifest = manifestWith({
    agreement: of.agreement ?? 'bytes',
    assurance: { arbiter: 'owners', ...of.assurance },
  })
  const claim = (said: string, serial: number) => {
    const [owner, result] = said.split(' ') as [string, string]
    const lease = { epoch: 0, signer: 's', serial }
    return { owner: ownerNamed(owner), result: cidNamed(result), lease } as unknown as RecordedClaim
  }
  const verdict = { result: cidNamed('x'), because } as ShardVerdict
  return ownWords(verdict, agreeing.map(claim), contradicting.map(claim), manifest, (result) => {
    const name = nameOfCid(result)
    return of.seen?.[name] ?? { state: 'good', text: name[0]!, exhausted: false }
  })
}

test('each owner is counted once, and for what it says', () => {
  assert.equal(words({}), 'fit')
  assert.equal(words({ agreeing: ['a x', 'a x', 'b x'] }), 'never')
  assert.equal(words({ agreeing: ['a x', 'b x', 'c z'] }), 'never')
  assert.equal(words({ agreeing: ['a x', 'b x2'] }), 'never', 'bytes are compared')
  const agreement = 'class-text'
  assert.equal(words({ agreement, agreeing: ['a x', 'b x2'] }), 'fit')
  assert.equal(words({ agreement, agreeing: ['a x', 'b z'] }), 'never')
  assert.equal(words({ agreement, agreeing: ['a x', 'b x2'], seen: { x2: 'asked' } }), 'waits')
  assert.equal(words({ agreement, agreeing: ['a x', 'b x2'], seen: { x2: { state: 'invalid' } } }), 'never')
})

test('a shard is accepted for a reason that the job knows', () => {
  for (const because of ['no-owner-left', 'too-many-losses', 'ended', 'audited', 'recomputed'] as const)
    assert.equal(words({ because }), 'never', because)
  assert.equal(words({ because: 'recomputed', assurance: { arbiter: 'steward' } }), 'fit')
  const audits = { replicas: 1, checks: 1, windowShards: 10, auditor: 'owners' } as const
  assert.equal(words({ because: 'audited', assurance: { audits } }), 'fit')
})

test('nobody is called a liar that says the same, or only ran out of something', () => {
  assert.equal(words({ contradicting: ['c z'] }), 'fit')
  assert.equal(words({ contradicting: ['c x'] }), 'never')
  const exhausted = { state: 'good', text: 'z', exhausted: true } as const
  assert.equal(words({ contradicting: ['c z'], seen: { z: exhausted } }), 'never')
  assert.equal(words({ contradicting: ['c z'], seen: { z: 'asked' } }), 'waits')
  assert.equal(words({ contradicting: ['c z'], seen: { z: 'missing' } }), 'fit', 'nobody can tell')
  assert.equal(words({ contradicting: ['c x2'], agreement: 'class-text' }), 'never')
})

test('under a tolerance the accepted result is the one that most have, and all are alike', () => {
  const agreement = { relation: 'text-distance', editsMax: 1 } as const
  const good = (text: string): Seen => ({
    state: 'good',
    text,
    exhausted: false,
    content: [{ error: null, text, output: undefined }],
  })
  const seen = { x: good('word'), y: good('work'), z: good('something else') }
  assert.equal(words({ agreement, agreeing: ['a y', 'b y', 'c x'], seen }), 'never', 'most have y')
  assert.equal(words({ agreement, agreeing: ['a x', 'b z'], seen }), 'never')
  assert.equal(words({ agreement, agreeing: ['a x', 'b x', 'c y'], seen }), 'fit')
})

test('a verdict of another steward that says it wrongly counts nowhere, though it says what is true', () => {
  const stands = (say: (bench: JobBench, claims: readonly RecordId[]) => void) => {
    const bench = new JobBench()
    say(
      bench,
      ['v1', 'v2'].map((vehicle) => bench.claim('b', vehicle, 'x')),
    )
    bench.look()
    return bench.stands()
  }
  assert.equal(
    stands((bench, claims) => bench.verdict('c', 'x', claims)),
    'x',
  )
  for (const because of ['no-owner-left', 'audited'] as const)
    assert.equal(
      stands((bench, claims) => bench.verdict('c', 'x', claims, { because })),
      'open',
    )
  assert.equal(
    stands((bench, claims) => bench.verdict('c', 'x', [claims[0]!, ...claims])),
    'open',
  )
  const lead = (bench: JobBench, claims: readonly RecordId[]) => {
    const more = ['v4', 'v5'].map((vehicle) => bench.claim('b', vehicle, 'x'))
    const other = bench.claim('b', 'v3', 'z')
    bench.verdict('c', 'x', [...claims, ...more, other], { because: 'lead' })
  }
  assert.equal(stands(lead), 'open', 'it counts a claim of something else')
})

test('whoever worked under a lease that this node shut out is called a liar only for what it said of the shard, and then has no voice', () => {
  const contradicts = (result: string, positions: readonly number[]) => {
    const bench = new JobBench({ shards: 2 })
    const claims = ['v1', 'v2', 'v4', 'v5'].map((vehicle) => bench.claim('b', vehicle, 'x'))
    const other = bench.claim('c', 'v3', result, positions)
    bench.state.shutOut(bench.records.findLast(({ kind }) => kind === 'lease')!.record.id)
    bench.verdict('b', 'x', claims, { because: 'lead', contradicting: [other] })
    bench.look()
    return [bench.stands(), bench.state.decisions.voices.has(ownerNamed('3'.repeat(64)))]
  }
  assert.deepEqual(contradicts('z', [0]), ['x', false])
  assert.deepEqual(contradicts('x', [0]), ['open', true])
  assert.deepEqual(contradicts('z', [1]), ['open', true])
})

test('what repeats a recomputation counts only those that say the same, also where a steward may have scored others', () => {
  const agreement = { relation: 'scored', gapMax: 0.1, differenceMax: 0.1 } as const
  const counts = (said: string) => {
    const bench = new JobBench({ agreement, assurance: { arbiter: 'steward' } })
    const [one, other] = [bench.claim('b', 'v1', 'x'), bench.claim('b', 'v2', said)]
    bench.verdict('a', 'x', [one], { because: 'recomputed' })
    const { id } = bench.verdict('c', 'x', [one, other], { because: 'recomputed' })
    bench.look()
    return bench.state.verdicts.records.has(id)
  }
  assert.deepEqual([counts('x'), counts('z')], [true, false])
})

test('a verdict on which too few owners agree counts nothing, whatever so many others agree on', () => {
  const bench = new JobBench()
  // More of them than the lead.
  for (const vehicle of ['v1', 'v2', 'v4', 'v5', 'v7']) bench.claim('b', vehicle, 'x')
  const claims = ['v3', 'v6'].map((vehicle) => bench.claim('b', vehicle, 'z'))
  const { id } = bench.verdict('c', 'z', claims)
  bench.look()
  assert.deepEqual([bench.stands(), bench.state.verdicts.records.has(id)], ['open', false])
})

test('under a tolerance nobody is called a liar whose result is as good in other letters', () => {
  const agreement = { relation: 'text-distance', editsMax: 1 } as const
  const stands = (other: string) => {
    const bench = new JobBench({ agreement })
    const claims = ['v1', 'v2', 'v4', 'v5'].map((vehicle) => bench.claim('b', vehicle, 'word'))
    const contradicting = [bench.claim('b', 'v3', other)]
    bench.verdict('c', 'word', claims, { because: 'lead', contradicting })
    bench.look()
    return bench.stands()
  }
  assert.deepEqual([stands('lie'), stands('work')], ['word', 'open'])
})
