/** Which results a node puts into its report of a job. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { CarReader } from '@ipld/car'
import { writeReport } from '../../src/host/jobs/report.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { decodeReport } from '../../src/protocol/audit/report.ts'
import type { Reported } from '../../src/protocol/council/view.ts'
import type { Cid } from '../../src/protocol/ids.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { encodeCbor } from '../../src/protocol/record/block.ts'
import { encodeBody, recordId } from '../../src/protocol/record/record.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, sha256, sign } from '../support/core-fakes.ts'
import { jobNamed, temporaryDirectory, temporaryStore } from '../support/store.ts'

const job = jobNamed('reported')

function shardVerdict(position: number, result: Cid): ShardVerdict {
  const shard = cidNamed(`shard ${position}`)
  const receipts = { agreeing: [cidNamed('receipt')], contradicting: [], settles: [] }
  return { position, shard, outcome: 'accepted', status: 'final', because: 'unanimous', result, ...receipts }
}

test('a report has the results that its records name, and no others that are here', async (t) => {
  const store = temporaryStore(t)
  const blocks = store.blocks.of(job)
  const keep = async (name: string) => {
    const bytes = encodeCbor({ name })
    const cid = cidOf('dag-cbor', bytes)
    await blocks.put(cid, bytes, 'result')
    return cid
  }
  const named = await keep('named, and counts')
  const aside = await keep('named for a shard for which its verdict does not count')
  const unnamed = await keep('computed here to look at claims')
  const list = encodeCbor([])
  const file = cidOf('raw', list)
  await blocks.put(file, list, 'input')

  const payload = { shards: [shardVerdict(0, named), shardVerdict(1, aside)] }
  const body = bodyOf('verdict', peerNamed('steward'), payload, { job })
  const id = recordId(sha256, encodeBody(body))
  store.journal.append([{ id, job, kind: 'verdict', ...sign(body), extra: null }])
  const manifest = manifestWith({ shards: { file, bytes: list.byteLength, count: 2, pages: 2 } })
  const resultsIn = async (reported: Reported) => {
    const path = join(temporaryDirectory(t), 'report.car')
    const { root } = await writeReport(path, job, manifest, store, reported)
    const car = await CarReader.fromBytes(readFileSync(path))
    const [link] = await car.getRoots()
    assert.equal(link!.toString(), root)
    return new Set(decodeReport((await car.get(link!))!.bytes).results)
  }
  assert.deepEqual(await resultsIn(new Map([[id, null]])), new Set([named, aside]))
  assert.deepEqual(await resultsIn(new Map([[id, { shards: [0] }]])), new Set([named]))
  assert.deepEqual(await resultsIn(new Map()), new Set())
  assert(blocks.list('result').includes(unnamed), 'it is here')
})
