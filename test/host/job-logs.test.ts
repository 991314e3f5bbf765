/** The words beside receipts that a submitter's node keeps, and the vehicles that it quotes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { readLogs } from '../../src/host/jobs/logs.ts'
import { namesKey, seal } from '../../src/host/sealing/sealing.ts'
import { JobLogs } from '../../src/host/stewardship/job-logs.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { ShardLogs } from '../../src/host/vehicle/shard-logs.ts'
import type { RecordId } from '../../src/protocol/ids.ts'
import type { Receipt } from '../../src/protocol/job/lease.ts'
import { encodeList } from '../../src/protocol/job/lists.ts'
import { decodeKeptLog, type PageLog } from '../../src/protocol/job/receipt-log.ts'
import type { ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { encodeBody, recordId, type Verified } from '../../src/protocol/record/record.ts'
import { receiptLogBytesMax } from '../../src/protocol/sizes.ts'
import { bodyOf, cidNamed, manifestWith, ownerNamed, peerNamed, sha256, sign } from '../support/core-fakes.ts'
import { jobNamed, temporaryStore } from '../support/store.ts'

const job = jobNamed('logged')
const secret = new Uint8Array(32).fill(3)
const vehicle = peerNamed('v1')
/** The bound of a job, in these tests. */
const logBytesMax = 2 ** 20

function leasing(t: TestContext, isOwn = true) {
  const store = temporaryStore(t)
  const shards = [cidNamed('s0'), cidNamed('s1')]
  const draw = { basis: cidNamed('basis'), eligible: Uint8Array.of(1), index: 0 }
  const lease = {
    ...{ vehicle, owner: ownerNamed('o1'), shards, positions: [4, 2], isa: null, costMs: 1 },
    ...{ units: [1, 1], price: null, draw },
  }
  const body = bodyOf('lease', peerNamed('steward'), lease, { job })
  const id = recordId(sha256, encodeBody(body))
  store.journal.append([{ id, job, kind: 'lease', ...sign(body), extra: null }])
  const logs = new JobLogs({ job, store, isOwn, log: pino({ level: 'silent' }), logBytesMax })
  const blocks = store.blocks.of(job)
  const receiptOf = (name: string, covers: readonly number[], signer = vehicle, of: RecordId = id) =>
    ({ id: cidNamed(name), signer, payload: { lease: of, covers } }) as unknown as Verified<Receipt>
  const kept = async () => {
    const all = await Promise.all(
      blocks.list('log').map(async (cid) => decodeKeptLog((await blocks.get(cid))!)),
    )
    return all.flatMap(({ receipt, pages }) => pages.map((page) => ({ receipt, ...page })))
  }
  return { store, logs, blocks, receiptOf, kept }
}

const said = (place: number, text: string, page = 0): PageLog => ({ place, page, text })

test('a log is kept for the shards of its own receipt, within the bound of its job, and for no stranger’s job', async (t) => {
  const { logs, receiptOf, kept } = leasing(t)
  await logs.keep(receiptOf('R1', [1]), [said(1, 'own'), said(0, 'of another shard'), said(9, 'of none')])
  await logs.keep(receiptOf('R2', [0], peerNamed('v2')), [said(0, 'of another’s lease')])
  await logs.keep(receiptOf('R3', [0], vehicle, cidNamed('no lease')), [said(0, 'of no lease')])
  await logs.keep(receiptOf('R4', [0]), [])
  assert.deepEqual(await kept(), [{ receipt: cidNamed('R1'), position: 2, page: 0, text: 'own' }])

  const stranger = leasing(t, false)
  await stranger.logs.keep(stranger.receiptOf('R1', [1]), [said(1, 'of a stranger’s job')])
  assert.deepEqual(await stranger.kept(), [])

  const fifteen = Array.from({ length: 15 }, (_, page) => said(0, 'x'.repeat(4_000), page))
  await Promise.all(Array.from({ length: 40 }, (_, i) => logs.keep(receiptOf(`more ${i}`, [0]), fifteen)))
  const bytes = (await kept()).reduce((sum, { text }) => sum + text.length, 0)
  assert(bytes > 0.9 * logBytesMax && bytes <= logBytesMax, `${bytes} bytes`)
})

test('a vehicle that agrees with the result is quoted, in the order of the documents', async (t) => {
  const { logs, blocks, receiptOf } = leasing(t)
  for (const name of ['R1', 'R2', 'R3'])
    await logs.keep(receiptOf(name, [0, 1]), [said(0, name), said(1, name)])
  const list = seal(
    namesKey(secret),
    encodeList(
      Array.from({ length: 5 }, (_, i) => ({ name: `d${i}`, file: cidNamed(`d${i}`), bytes: 1, pages: 1 })),
    ),
  )
  const documents = { file: cidOf('raw', list), bytes: list.byteLength, count: 5 }
  const shards = Array.from({ length: 5 }, (_, i) => ({
    shard: cidNamed(`s${i}`),
    pages: 1,
    bytes: 1,
    costMs: 1,
  }))
  for (const agreeing of ['R1', 'R2', 'R3']) {
    const verdicts = [{ position: 4, agreeing: [cidNamed(agreeing)] } as unknown as ShardVerdict]
    const manifest = manifestWith({ documents, shards: { ...manifestWith().shards, count: 5, pages: 5 } })
    const reading = readLogs({ manifest, shards, verdicts, secret, get: () => list, end: null }, blocks)
    const first = (await reading.next()).value
    assert('document' in first)
    assert.deepEqual([first.document, first.agreed], ['d2', false])
    assert.deepEqual((await reading.next()).value, { document: 'd4', page: 1, text: agreeing, agreed: true })
    assert.deepEqual((await reading.next()).value, { pages: 5, logs: 2 })
  }
})

test('a vehicle remembers a bounded number of words, and puts no more into a message than fit', () => {
  const logs = new ShardLogs()
  const many = Array.from({ length: 64 }, (_, place) => said(place, 'x'.repeat(4_000)))
  for (let i = 0; i < 20; i += 1) logs.keep(cidNamed(`L${i}`), many)
  assert.deepEqual(logs.of(cidNamed('L0'), [0]), [], 'the oldest made room')
  assert.deepEqual(logs.of(cidNamed('L19'), [3]), [many[3]])
  const all = logs.of(
    cidNamed('L19'),
    Array.from({ length: 64 }, (_, place) => place),
  )
  const bytes = all.reduce((sum, { text }) => sum + text.length, 0)
  assert(all.length > 10 && bytes <= receiptLogBytesMax, `${bytes} bytes`)
})
