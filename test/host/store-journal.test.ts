import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { cidOf } from '../../src/host/store/cid.ts'
import type { JournalRecord } from '../../src/host/store/journal.ts'
import { openStore } from '../../src/host/store.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { ended, jobNamed, runChild, temporaryDirectory, temporaryStore } from '../support/store.ts'

const jobA = jobNamed('a')
const jobB = jobNamed('b')

function record(n: number, job: JobId | null = jobA): JournalRecord {
  const body = new TextEncoder().encode(`record ${n}`)
  return {
    id: cidOf('dag-cbor', body),
    job,
    kind: 'lease',
    body,
    signature: new Uint8Array(64).fill(n),
    extra: null,
  }
}

test('records come back as they were appended, in that order, each once', (t) => {
  const { journal } = temporaryStore(t)
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(40), { maxLength: 8 }), { maxLength: 8 }), (batches) => {
      const seen = new Set<number>()
      journal.deleteJob(jobA)
      for (const batch of batches) {
        const fresh = new Set(batch.filter((n) => !seen.has(n)))
        assert.equal(journal.append(batch.map((n) => record(n))), fresh.size)
        for (const n of fresh) seen.add(n)
      }
      assert.deepEqual(
        [...journal.ofJob(jobA)],
        [...seen].map((n) => record(n)),
      )
    }),
  )
})

test('a long journal is read in pages without losing its order', (t) => {
  const { journal } = temporaryStore(t)
  const records = Array.from({ length: 1000 }, (_, n) => record(n, n % 3 === 0 ? jobB : jobA))
  journal.append(records)
  assert.deepEqual(
    [...journal.ofJob(jobA)],
    records.filter(({ job }) => job === jobA),
  )
})

test('the first serial that was not used in a job outlives the job, for as long as it is of use', (t) => {
  const { journal } = temporaryStore(t)
  journal.append([record(1)])
  assert.equal(journal.leftAt(jobA), 0)
  journal.noteLeft(jobA, 3, 1_000)
  journal.noteLeft(jobB, 5, 2_000)
  journal.deleteJob(jobA)
  assert.deepEqual([journal.leftAt(jobA), journal.leftAt(jobB)], [3, 5])
  journal.forgetLeft(1_500)
  assert.deepEqual([journal.leftAt(jobA), journal.leftAt(jobB)], [0, 5])
})

test('a batch with a bad record leaves nothing behind', (t) => {
  const { journal } = temporaryStore(t)
  const bad = { ...record(2), body: null as unknown as Uint8Array }
  assert.throws(() => journal.append([record(1), bad]))
  assert.deepEqual([...journal.ofJob(jobA)], [])
})

test('a shared commit keeps the order, and one bad record harms no other', async (t) => {
  const { journal } = temporaryStore(t)
  const bad = { ...record(1), body: null as unknown as Uint8Array }
  const outcomes = await Promise.allSettled(
    [record(0), bad, record(2), record(0)].map((one) => journal.appendSoon(one)),
  )
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : 'refused')),
    [true, 'refused', true, false],
  )
  assert.deepEqual([...journal.ofJob(jobA)], [record(0), record(2)])
})

test('what was asked for first is appended first, shared commit or not', async (t) => {
  const { journal } = temporaryStore(t)
  const soon = journal.appendSoon(record(1))
  journal.append([record(2)])
  await soon
  assert.deepEqual([...journal.ofJob(jobA)], [record(1), record(2)])
})

test('what travels with a record can be set later, and deleting a job leaves the others', (t) => {
  const { journal } = temporaryStore(t)
  journal.append([record(1), record(2, jobB), record(3, null)])
  assert.equal(journal.setExtra(record(1).id, new Uint8Array([7])), true)
  assert.equal(journal.setExtra(record(9).id, new Uint8Array([7])), false)
  assert.deepEqual(journal.get(record(1).id)?.extra, new Uint8Array([7]))
  journal.deleteJob(jobA)
  assert.equal(journal.has(record(1).id), false)
  assert.deepEqual([...journal.ofJob(jobB), ...journal.ofJob(null)], [record(2, jobB), record(3, null)])
})

test('an inner transaction that fails takes back its own part only', (t) => {
  const { database, journal } = temporaryStore(t)
  database.transaction(() => {
    journal.append([record(1)])
    assert.throws(() =>
      database.transaction(() => {
        journal.append([record(2)])
        throw new Error('no')
      }),
    )
  })
  assert.deepEqual([...journal.ofJob(jobA)], [record(1)])
})

test('a part in a job is rewritten, listed oldest first, and forgotten', (t) => {
  const { journal } = temporaryStore(t)
  const row = { job: jobA, role: 'steward', state: { shards: [1, 2] }, createdAtMs: 20, endedAtMs: null }
  journal.putJob(row)
  journal.putJob({ ...row, role: 'worker', createdAtMs: 10 })
  journal.putJob({ ...row, endedAtMs: 30 })
  assert.deepEqual(journal.getJob(jobA, 'steward'), { ...row, endedAtMs: 30 })
  assert.deepEqual(
    journal.listJobs().map(({ role }) => role),
    ['worker', 'steward'],
  )
  journal.deleteJobRow(jobA, 'worker')
  assert.deepEqual(
    journal.listJobs().map(({ role }) => role),
    ['steward'],
  )
  assert.deepEqual(journal.listJobs('worker'), [])
})

test('a database of a newer carpool is refused and left alone', (t) => {
  const path = temporaryDirectory(t)
  const store = openStore(path)
  store.database.run('PRAGMA user_version = 99')
  store.close()
  assert.throws(() => openStore(path), { code: 'newer-schema' })
  assert.throws(() => openStore(path), { code: 'newer-schema' }, 'and the directory is not left locked')
})

test('a full disk is one clear error, loses nothing, and still allows deleting', (t) => {
  const { database, journal } = temporaryStore(t)
  journal.append([record(1)])
  const { page_count: pages } = database.get<{ page_count: number }>('PRAGMA page_count')!
  database.get(`PRAGMA max_page_count = ${pages + 4}`)
  const big = { ...record(2), body: new Uint8Array(100_000) }
  assert.throws(() => journal.append([record(3), big]), { code: 'disk-full' })
  assert.deepEqual([...journal.ofJob(jobA)], [record(1)])
  journal.append([record(4)])
  journal.deleteJob(jobA)
  assert.deepEqual([...journal.ofJob(jobA)], [])
})

test('after kill -9, whatever was acknowledged is there, in order, and no serial comes twice', {
  timeout: 400_000,
}, async (t) => {
  const directory = temporaryDirectory(t)
  const program = `
    import { openStore } from './store.ts'
    import { cidOf } from './store/cid.ts'
    const [, directory, job, round] = process.argv
    const { journal } = openStore(directory)
    process.stdout.write('open\\n')
    for (let n = 0; ; n += 1) {
      const serial = journal.nextSerial('advert')
      const body = new TextEncoder().encode(round + ' ' + n)
      await journal.appendSoon({ id: cidOf('raw', body), job, kind: 'advert', body, signature: body, extra: null })
      if (!process.stdout.write(n + ' ' + serial + '\\n')) await new Promise((resolve) => process.stdout.once('drain', resolve))
    }`
  const rounds = 24
  const serials = new Set<number>()
  let acknowledged = 0
  for (let round = 0; round < rounds; round += 1) {
    const child = runChild(t, program, directory, jobA, String(round))
    let last = -1
    // Not a time but a count decides when to kill, so that a slow machine is killed as far in as a fast one.
    const killAfter = round * 13
    for await (const line of child.lines) {
      if (line !== 'open') {
        const [n, serial] = line.split(' ').map(Number)
        assert.equal(n, last + 1)
        assert.equal(serials.has(serial!), false, `serial ${serial} came twice`)
        serials.add(serial!)
        last = n!
      }
      if (last >= killAfter - 1) child.kill('SIGKILL')
    }
    await ended(child)
    acknowledged += last + 1
    const store = openStore(directory)
    const texts = [...store.journal.ofJob(jobA)].map(({ body }) => new TextDecoder().decode(body))
    store.close()
    const ofRound = texts.filter((text) => text.startsWith(`${round} `))
    assert.ok(ofRound.length > last, `round ${round}: ${last + 1} acknowledged, ${ofRound.length} found`)
    assert.deepEqual(
      ofRound,
      ofRound.map((_, n) => `${round} ${n}`),
    )
  }
  t.diagnostic(`${acknowledged} acknowledged appends survived ${rounds} kills`)
})
