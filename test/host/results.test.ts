/** Results: what vehicles agreed on may be nonsense all the same, and then a page is missing by name. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import test from 'node:test'
import { readResults } from '../../src/host/jobs/results.ts'
import { packResult } from '../../src/host/sealing/blind-results.ts'
import { namesKey, seal, shardKey } from '../../src/host/sealing/sealing.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import { encodeList } from '../../src/protocol/job/lists.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { encodeSealedResult } from '../../src/protocol/job/result.ts'
import type { JobEnd, ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { rawCid } from '../../src/protocol/record/block.ts'
import { cidNamed, manifestWith, sha256 } from '../support/core-fakes.ts'

const secret = new Uint8Array(32).fill(3)
const blind: Manifest['blind'] = { key: new Uint8Array(32), candidates: [], keys: manifestWith().documents }

/** Of a job of one-page shards, one for each of these results. */
async function read(
  changes: Partial<Manifest>,
  pack: (manifest: Manifest, key: Uint8Array) => Uint8Array[],
  nameOf = (place: number) => `d${place}`,
) {
  const blocks = new Map<Cid, Uint8Array>()
  const given = manifestWith(changes)
  const results = pack(given, secret)
  const names = results.map((_, i) => ({ name: nameOf(i), file: cidNamed(`d${i}`), bytes: 1, pages: 1 }))
  const list = seal(namesKey(secret), encodeList(names))
  const file = rawCid(sha256, list)
  blocks.set(file, list)
  const verdicts = results.map((bytes, position): ShardVerdict => {
    const result = cidOf('dag-cbor', bytes)
    blocks.set(result, bytes)
    const shard = cidNamed(`s${position}`)
    const counted = { agreeing: [], contradicting: [], settles: [] }
    return { position, shard, outcome: 'accepted', status: 'final', result, because: 'unanimous', ...counted }
  })
  const shards = results.map((_, i) => ({ shard: cidNamed(`s${i}`), pages: 1, bytes: 1, costMs: 1 }))
  const manifest = { ...given, documents: { file, bytes: list.byteLength, count: names.length } }
  const reading = readResults({
    manifest,
    shards,
    verdicts,
    secret,
    get: async (cid) => blocks.get(cid),
    end: null,
  })
  const lines: string[] = []
  for (;;) {
    const next = await reading.next()
    if (next.done)
      return { lines, missing: next.value.missing.map(({ document, why }) => `${document}: ${why}`) }
    lines.push(`${next.value.document} ${JSON.stringify(next.value.result)}`)
  }
}

function resultOf(output: string) {
  return { engine: 'e', records: [{ output: Buffer.from(output), text: '', error: null }] }
}

test('an output that is no JSON object leaves its page missing, and the others are there', async () => {
  const { lines, missing } = await read({}, (manifest, key) =>
    ['{"text":"a"}', 'nonsense', '', '7', 'null', '{"text":"b"}'].map((output) =>
      packResult(manifest, resultOf(output), key),
    ),
  )
  assert.deepEqual(lines, ['d0 {"text":"a"}', 'd5 {"text":"b"}'])
  assert.deepEqual(
    missing,
    [1, 2, 3, 4].map((i) => `d${i}: its output is no JSON object`),
  )
})

test('an output that nests without end leaves its page missing by name, and the others are there', async () => {
  const deep = (open: string, close: string) => `{"a":${open.repeat(100_000)}1${close.repeat(100_000)}}`
  const outputs = ['{"text":"a"}', deep('[', ']'), deep('{"a":', '}'), '{"text":"b"}']
  const { lines, missing } = await read({}, (manifest, key) =>
    outputs.map((output) => packResult(manifest, resultOf(output), key)),
  )
  assert.deepEqual(lines, ['d0 {"text":"a"}', 'd3 {"text":"b"}'])
  assert.deepEqual(
    missing,
    [1, 2].map((i) => `d${i}: its output nests deeper than 64 levels`),
  )
})

test('where vehicles compare texts, the text is all that is delivered of an output', async () => {
  const forged = JSON.stringify({ text: 'forged', lines: [{ text: 'forged', confidence: 1 }] })
  for (const agreement of ['class-text', { relation: 'text-distance', editsMax: 1 }] as const) {
    const { lines } = await read({ agreement }, (manifest, key) => [
      packResult(manifest, resultOf(forged), key),
    ])
    assert.deepEqual(lines, ['d0 {"text":""}'])
  }
  const { lines } = await read({}, (manifest, key) => [packResult(manifest, resultOf(forged), key)])
  assert.deepEqual(lines, [`d0 ${forged}`])
})

test('a blind job’s ciphertext that opens to nothing leaves its page missing, and the others are there', async () => {
  const { lines, missing } = await read({ blind }, (manifest) => {
    const good = packResult(manifest, resultOf('{"text":"a"}'), shardKey(secret, 0))
    const ofAnotherShard = packResult(manifest, resultOf('{"text":"b"}'), shardKey(secret, 0))
    const sealed = encodeSealedResult({ engine: 'e', exhausted: false, sealed: new Uint8Array(100) })
    const twoPages = { ...resultOf('{}'), records: [...resultOf('{}').records, ...resultOf('{}').records] }
    return [good, ofAnotherShard, sealed, packResult(manifest, twoPages, shardKey(secret, 3))]
  })
  assert.deepEqual(lines, ['d0 {"text":"a"}'])
  assert.equal(missing.length, 3)
  assert.match(
    missing[0]!,
    /^d1: its result bafy\w+ is none, though its vehicles agree on it: its result does not open/,
  )
  assert.match(missing[2]!, /2 records for 1 pages/)
})

test('a document’s name is words in the output, wherever it points to as a path', async () => {
  const names = ['../../../../tmp/carpool-escape', '/etc/passwd', 'a\u0000b', '\u001b]0;title\u0007', '']
  const { lines, missing } = await read(
    {},
    (manifest, key) => names.map(() => packResult(manifest, resultOf('{}'), key)),
    (place) => names[place]!,
  )
  assert.deepEqual([lines, missing], [names.map((name) => `${name} {}`), []])
  assert.equal(existsSync('/tmp/carpool-escape'), false)
})

test('a page without a verdict says whether its job goes on, and how it ended', async () => {
  const manifest = manifestWith()
  const list = seal(namesKey(secret), encodeList([{ name: 'a', file: cidNamed('a'), bytes: 1, pages: 1 }]))
  const documents = { file: rawCid(sha256, list), bytes: list.byteLength, count: 1 }
  const shards = [{ shard: cidNamed('s'), pages: 1, bytes: 1, costMs: 1 }]
  const whyOf = async (end: JobEnd['outcome'] | null) => {
    const job = { manifest: { ...manifest, documents }, shards, verdicts: [], secret, get: () => list, end }
    const next = await readResults(job).next()
    assert(next.done)
    return next.value.missing.map(({ why }) => why)
  }
  assert.deepEqual(await whyOf(null), ['not verified yet'])
  assert.deepEqual(await whyOf('failed'), ['not verified before the job failed'])
  assert.deepEqual(await whyOf('cancelled'), ['not verified before the job was cancelled'])
  assert.deepEqual(await whyOf('complete'), ['verified, but this node does not have it yet'])
})
