/** What a node can do that stands by for a job and signs whatever it likes, among honest nodes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { sha256 } from '../../src/host/sha256.ts'
import { loadOrCreateKey, SigningKey } from '../../src/host/store/keys.ts'
import type { JobId } from '../../src/protocol/ids.ts'
import { handoverShare } from '../../src/protocol/limits.ts'
import { rawCid, reopenCbor } from '../../src/protocol/record/block.ts'
import { type RecordBody, recordId, type SignedRecord } from '../../src/protocol/record/record.ts'
import { drawListedMax, signerBytesMax } from '../../src/protocol/sizes.ts'
import { HostileStandby } from '../support/hostile-standby.ts'
import { Gate, Mesh, type MeshNode } from '../support/mesh.ts'
import { honest } from '../support/scripted-executor.ts'

interface Attacked {
  readonly mesh: Mesh
  readonly submitter: MeshNode
  readonly hostile: HostileStandby
  readonly gate: Gate
  readonly job: string
}

/** A job cannot spare the owner of one of so many vehicles: then the draw has no steward but those without slots. */
const unspared = 4

/** A job of these documents with this standby, in a mesh of its own; all vehicles wait for the gate. */
async function startBeside(
  t: TestContext,
  vehicles: readonly string[],
  texts: readonly string[],
  standbys = 0,
): Promise<Attacked> {
  const gate = new Gate()
  const specs = vehicles.map((name) => ({ name, script: gate.script }))
  const mesh = await Mesh.start({ standbys, vehicles: specs.slice(0, unspared) })
  t.after(() => mesh.stop())
  const { submitter } = mesh
  const hostile = await HostileStandby.join(t, mesh)
  const { job } = await submitter.api.submit(mesh.request(texts, { standbys: standbys + 1 }))
  await hostile.standBy(job)
  for (const spec of specs.slice(unspared)) await hostile.meet(mesh, await mesh.join(spec))
  return { mesh, submitter, hostile, gate, job }
}

test('a standby shuts nobody out of the work by naming honest vehicles as stewards', async (t) => {
  const texts = Array.from({ length: 150 }, (_, i) => `page ${i}`)
  const honestCars = ['car-1', 'car-2', 'car-3']
  const others = ['accomplice-1', 'accomplice-2']
  const { mesh, submitter, hostile, gate, job } = await startBeside(t, [...honestCars, ...others], texts)
  const [cars, accomplices] = [honestCars, others].map((names) => names.map((name) => mesh.node(name)))
  const status = async () => submitter.api.status(job)
  assert.equal((await status()).owners.available, 5)
  const absent = SigningKey.generate().peerId
  for (const car of cars!) {
    const node = { peer: car.peer, owner: car.api.info().owner }
    assert.equal(await hostile.invite(node, submitter.peer), undefined, 'it sees that the submitter is there')
    const consent = await hostile.invite(node, absent)
    assert(consent !== undefined, 'it cannot know that nobody has this place')
    const handover = hostile.handover(absent, consent)
    await hostile.show(submitter.peer, handover)
    // It stands by, and would sign that it holds the inputs, had anybody given them to it.
    await hostile.entrust(car.peer, handover)
    await mesh.until('it stands by', () => car.api.jobs().some((known) => known.job === job))
    const key = loadOrCreateKey(join(car.dataDir, 'node.key'), 'node')
    await hostile.show(submitter.peer, hostile.signAs(key, 'holding', { inputs: true, verdicts: [] }))
    await mesh.until('it has signed something', () => signed(submitter, job, car) === 1)
    // Its word to another place, or of another node, makes it no steward.
    await hostile.show(submitter.peer, hostile.handover(submitter.peer, consent))
    const accomplice = hostile.accomplice(submitter.peer)
    await hostile.show(submitter.peer, hostile.handover(submitter.peer, { ...accomplice, ...node }))
  }
  for (const { peer, api } of accomplices!) {
    const consent = await hostile.invite({ peer, owner: api.info().owner }, absent)
    await hostile.show(submitter.peer, hostile.handover(absent, consent!))
  }
  // They know when they are among themselves, and lie only then: without a trick two of five are so for every tenth page.
  let shutOut = 5
  // Of a job that has ended nobody is available.
  let isAsking = true
  t.after(() => {
    isAsking = false
  })
  // With a pause after each answer, however long that takes: a hurry waits for nodes that have nothing to do.
  const ask = async () => {
    while (isAsking) {
      const { state, owners } = await status().catch(() => ({ state: 'stopped', owners: null }))
      if (state === 'running') shutOut = Math.min(shutOut, owners!.available)
      await delay(60)
    }
  }
  void ask()
  for (const vehicle of accomplices!) vehicle.script = (text) => (shutOut < 5 ? 'forged' : text)
  for (const vehicle of cars!) vehicle.script = honest
  gate.open()
  const ended = await mesh.clock.hurry(submitter.ended(job))
  assert.deepEqual([ended.state, ended.contradicted, shutOut], ['complete', [], 5])
  assert.deepEqual(await submitter.texts(job), texts)
  for (const car of cars!) assert(car.executed.items.length > 0)
})

test('whatever handovers a standby signs, and in whatever order they come, the others agree and keep a few', async (t) => {
  const texts = Array.from({ length: 12 }, (_, i) => `page ${i}`)
  const { mesh, submitter, hostile, gate, job } = await startBeside(t, ['car-1', 'car-2'], texts, 2)
  const stewards = [submitter, mesh.node('standby-1'), mesh.node('standby-2')]
  await submitter.status(job, 'the honest standbys hold the inputs', ({ standbys }) => standbys.holding === 2)
  // Two under each serial, so many that most exceed its share.
  const forged: SignedRecord[] = Array.from({ length: 100 }, (_, i) =>
    hostile.handover(stewards[i % 3]!.peer, hostile.accomplice(stewards[i % 3]!.peer), i >> 1),
  )
  for (const [i, { peer }] of stewards.entries()) {
    const order = forged.map((record, k) => ({ record, at: (k * (7 + 4 * i)) % 101 }))
    for (const { record } of order.sort((a, b) => a.at - b.at)) await hostile.show(peer, record)
  }
  await mesh.until('all have the same handovers, and few', () => {
    const sets = stewards.map(({ dataDir }) => handoversIn(dataDir, job as JobId))
    const [first] = sets
    return (
      first!.length > 0 && first!.length <= handoverShare && sets.every((set) => set.join() === first!.join())
    )
  })
  gate.open()
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
})

test('a standby’s records take no more than its bound, however many it signs: in memory, on the disk and after a restart', async (t) => {
  const texts = Array.from({ length: 6 }, (_, i) => `page ${i}`)
  const { mesh, submitter, hostile, gate, job } = await startBeside(t, ['car-1', 'car-2'], texts, 1)
  const stewards = [submitter, mesh.node('standby-1')]
  await submitter.status(job, 'the honest standby holds the inputs', ({ standbys }) => standbys.holding === 1)
  const mebi = 2 ** 20
  let made = 0
  const nothing = () => {
    made += 1
    return rawCid(sha256, new TextEncoder().encode(`nothing ${made}`))
  }
  const candidates = Array.from({ length: drawListedMax }, (_, i) => ({
    peer: `12D3KooW${i}`.padEnd(52, 'x'),
    owner: `${i}`.padStart(64, '0'),
  }))
  const names = (length: number) => Array.from({ length }, nothing)
  const shard = () => ({
    ...{ position: 0, shard: nothing(), outcome: 'accepted', status: 'final', result: nothing() },
    ...{ because: 'unanimous', agreeing: names(16), contradicting: names(16), settles: [] },
  })
  const show = async (record: SignedRecord) => {
    for (const { peer } of stewards) await hostile.show(peer, record)
  }
  /** Says so many of each kind, and then one that holds, since its serial is so low. */
  const flood = async (count: number, serial: number) => {
    for (let i = 0; i < count; i += 1) {
      const more = { serial: 100 + serial * 10_000 + 3 * i }
      await show(hostile.sign('holding', { inputs: false, verdicts: names(128) }, more))
      if (i % 4 > 0) continue
      await show(hostile.sign('draw', { candidates }, { serial: more.serial + 1 }))
      const shards = Array.from({ length: 16 }, shard)
      await show(hostile.sign('verdict', { shards }, { serial: more.serial + 2 }))
    }
    const last = hostile.sign('holding', { inputs: true, verdicts: [] }, { serial })
    await show(last)
    await mesh.until('the last has come', () => stewards.every(({ dataDir }) => holds(dataDir, last)))
  }
  const ofHostile = ({ dataDir }: MeshNode) => {
    const kinds = ['holding', 'draw', 'verdict']
    const rows = kinds.flatMap((kind) => rowsIn(dataDir, job, kind))
    const own = rows.filter(({ body }) => reopenCbor<RecordBody>(body).signer === hostile.peer)
    return { rows: own.length, bytes: own.reduce((sum, { body }) => sum + body.byteLength, 0) }
  }
  const before = await heapBytes()
  await flood(300, 0)
  const first = stewards.map(ofHostile)
  for (const [i, steward] of stewards.entries()) {
    const { rows, bytes } = first[i]!
    assert(rows > 50 && rows < 400, `${steward.name} has ${rows} rows of it`)
    assert(bytes > signerBytesMax / 8 && bytes < signerBytesMax, `${steward.name} has ${bytes} bytes of it`)
    assert(steward.lines.items.some(({ msg }) => /signs more for a job than it may/.test(msg)))
  }
  assert.deepEqual(first[0], first[1])
  const between = await heapBytes()
  t.diagnostic(
    `${JSON.stringify(first)}; ${Math.round((between - before) / mebi)} MiB of memory of both nodes`,
  )
  assert(between - before < 2 * signerBytesMax + 16 * mebi, `${between - before} bytes of two nodes’ memory`)
  await flood(300, 1)
  const second = stewards.map(ofHostile)
  for (const [i, { rows }] of second.entries())
    assert(Math.abs(rows - first[i]!.rows) <= 1, `${rows} rows after ${first[i]!.rows}`)
  const more = (await heapBytes()) - between
  assert(more < 16 * mebi, `${more} bytes more`)
  await submitter.crash()
  await submitter.start(mesh.addresses())
  gate.open()
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  assert.deepEqual(ofHostile(submitter), second[0])
})

test('a standby that does not act ends, withdraws and takes over nothing by saying so to vehicles', async (t) => {
  const texts = Array.from({ length: 6 }, (_, i) => `page ${i}`)
  const names = ['car-1', 'car-2', 'car-3']
  const { mesh, submitter, hostile, gate, job } = await startBeside(t, names, texts)
  const cars = names.map((name) => mesh.node(name))
  const leases = () => hostile.records.items.flatMap(({ kind, record }) => (kind === 'lease' ? [record] : []))
  const accepted = () => hostile.vehicle.heard.items.filter(({ type }) => type === 'accept').length
  for (const { executed } of cars) await executed.until((pages) => pages.length > 0)
  await hostile.catchUp(submitter.peer, hostile.job)
  await hostile.records.until(() =>
    cars.every(({ peer }) => leases().some(({ payload }) => payload.vehicle === peer)),
  )
  for (const { peer } of cars) {
    const own = leases().filter(({ payload }) => payload.vehicle === peer)
    const before = accepted()
    await hostile.sayEnded(peer)
    await hostile.adopt(peer)
    for (const { id } of own) await hostile.vehicle.say(peer, { type: 'withdraw', lease: id })
    await hostile.sayEnded(peer)
    await hostile.adopt(peer)
    await mesh.until('the vehicle has heard all, and has its leases', () => accepted() >= before + 2)
  }
  gate.open()
  assert.equal((await mesh.clock.hurry(submitter.ended(job))).state, 'complete')
  assert.deepEqual(await submitter.texts(job), texts)
  const { executions } = await submitter.api.status(job)
  const run = cars.reduce((sum, { executed }) => sum + executed.items.length, 0)
  assert.equal(run, executions, 'each page that was run counts')
  await hostile.vehicle.heard.find(({ type }) => type === 'receipt')
})

/** After all garbage has been collected: the least of a few looks, since what is being sent is garbage a moment later. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let least = Number.POSITIVE_INFINITY
  for (let look = 0; look < 3; look += 1) {
    await setImmediate()
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    least = Math.min(least, heapUsed + arrayBuffers)
  }
  return least
}

/** Tells whether this record is on the disk. */
function holds(dataDir: string, { body }: SignedRecord): boolean {
  const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
  try {
    return database.prepare('SELECT 1 FROM records WHERE id = ?').get(recordId(sha256, body)) !== undefined
  } finally {
    database.close()
  }
}

/** The ids of the job's handovers on this disk, in order. */
function handoversIn(dataDir: string, job: JobId): string[] {
  return rowsIn(dataDir, job, 'handover').map(({ id }) => id)
}

/** How many holdings of that node this one has. */
function signed({ dataDir }: MeshNode, job: string, by: MeshNode): number {
  const bodies = rowsIn(dataDir, job, 'holding').map(({ body }) => reopenCbor<RecordBody>(body))
  return bodies.filter(({ signer }) => signer === by.peer).length
}

function rowsIn(
  dataDir: string,
  job: string,
  kind: string,
): { readonly id: string; readonly body: Uint8Array }[] {
  const database = new DatabaseSync(join(dataDir, 'carpool.sqlite'), { readOnly: true })
  try {
    const rows = database
      .prepare('SELECT id, body FROM records WHERE job = ? AND kind = ? ORDER BY id')
      .all(job, kind)
    return rows as unknown as { id: string; body: Uint8Array }[]
  } finally {
    database.close()
  }
}
