/**
 * A vehicle and its journal, with a network and slots that only remember: what a kill leaves behind and what is made of
 * it, and what happens on a full disk.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { pino } from 'pino'
import { sha256 } from '../../src/host/sha256.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import { openStore } from '../../src/host/store.ts'
import { workerRole } from '../../src/host/vehicle/restore.ts'
import { openReceipt } from '../../src/protocol/job/lease.ts'
import type { Message } from '../../src/protocol/message.ts'
import { cidNamed, peerNamed } from '../support/core-fakes.ts'
import { aborted, World } from '../support/lone-vehicle.ts'

test('a vehicle that is killed goes on with its lease where it was, once its steward is there', async (t) => {
  const world = new World(t)
  const { id, record } = world.lease(['one', 'two', 'three'])
  const steward = world.steward.peerId
  const before = world.live('before', (text) => text === 'three')
  before.vehicle.hear(steward, world.offer(record))
  await before.hears('accept')
  while (before.store.journal.leases.finishedOf(world.job, id).length < 2) await new Promise(setImmediate)
  assert.deepEqual(before.types(), ['accept'], 'nothing of it is in a receipt')
  world.copy('before', 'after')

  const after = world.live('after')
  assert.equal(after.vehicle.view().leases, 1)
  assert(after.vehicle.mayRead(world.standby.peerId, world.job))
  after.vehicle.connected(steward)
  const coversOf = ({ message }: { message: Message }) =>
    message.type === 'receipt' ? openReceipt(message.record, sha256, () => true).payload.covers : []
  await after.said.find((said) => coversOf(said).includes(2))
  assert.deepEqual(after.executed, ['three'], 'what was done is not done again')
  // What was noted goes out twice: when it is signed, and when the steward is there.
  assert.deepEqual(after.types(), ['receipt', 'accept', 'receipt', 'receipt'])
  assert.deepEqual(after.said.items.map(coversOf), [[0, 1], [], [0, 1], [2]])
  for (const { message } of after.said.items)
    if (message.type === 'receipt')
      for (const result of message.opening.results) assert(after.store.blocks.has(result))
  world.copy('after', 'later')

  // And once handed in, it is never run again, not even after another restart.
  const later = world.live('later')
  later.vehicle.connected(steward)
  await later.hears('receipt')
  later.vehicle.hear(steward, world.offer(record))
  assert.equal((await later.hears('decline')).reason, 'expired')
  assert.deepEqual(later.types(), ['receipt', 'receipt', 'receipt', 'receipt', 'decline'])
  assert.deepEqual(later.executed, [])
})

test('a stranger that shows a lease under a job of its own gets no receipts of it', async (t) => {
  const [world, thief] = [new World(t), new World(t)]
  const { record } = world.lease(['one'])
  const life = world.live('life')
  life.vehicle.hear(world.steward.peerId, world.offer(record))
  await life.hears('receipt')
  life.vehicle.hear(thief.steward.peerId, thief.offer(record))
  await life.hears('decline')
  const told = life.said.items.filter(({ to }) => to === thief.steward.peerId)
  assert.deepEqual(
    told.map(({ message }) => message.type),
    ['decline'],
  )
})

test('a lease of a job that a vehicle was told to forget is not run again, whatever else it forgets', async (t) => {
  const world = new World(t)
  const steward = world.steward.peerId
  const { id, record } = world.lease(['one'])
  const before = world.live('before')
  before.vehicle.hear(steward, world.offer(record))
  await before.hears('receipt')
  world.copy('before', 'unaware')
  before.vehicle.hear(steward, world.ended())
  while (before.store.journal.has(id)) await new Promise(setImmediate)
  world.copy('before', 'after')

  const after = world.live('after')
  // Its memory of jobs has a bound: this one has the lease in its journal alone.
  const store = openStore(world.pathOf('unaware'))
  store.journal.deleteJobRow(world.job, workerRole)
  store.close()
  const unaware = world.live('unaware')
  for (const life of [before, after, unaware]) {
    const known = life.said.items.length
    life.vehicle.hear(steward, world.offer(record))
    await life.said.until((said) => said.length > known)
    assert.deepEqual(life.types().slice(known), ['decline'])
    assert.equal((await life.hears('decline')).reason, 'expired')
  }
  const later = world.lease(['two'])
  after.vehicle.hear(steward, world.offer(later.record))
  assert.equal(
    (await after.hears('accept')).lease,
    later.id,
    'who says that a job is over ends none of its later leases',
  )
  await after.hears('receipt')
  assert.deepEqual([before.executed, after.executed], [['one'], ['two']])
})

test('how a job ended is told by an end that is believed, and by nobody’s mere word', async (t) => {
  const lines: string[] = []
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line).code) })
  const world = new World(t, { pays: true, log })
  const life = world.live('life')
  const { vehicle, store } = life
  vehicle.hear(world.steward.peerId, world.offer(world.lease(['one']).record))
  await life.hears('receipt')
  // A stranger, and a standby that has signed nothing: neither speaks for the job.
  vehicle.hear(world.steward.peerId, world.ended('budget-spent', SigningKey.generate()))
  vehicle.hear(world.steward.peerId, world.ended('budget-spent', world.standby))
  assert.deepEqual(lines.filter(Boolean), [])
  assert(store.blocks.of(world.job).hasAny('result'))
  // Whoever brings it, the end is its signer's.
  vehicle.hear(world.standby.peerId, world.ended('deadline-passed'))
  assert.deepEqual(lines.filter(Boolean), ['deadline-passed'])
})

test('a forgotten job’s leases are past up to the last of each signer, until its deadline', (t) => {
  const { store } = new World(t).live('node')
  const { leases } = store.journal
  const [job, steward] = [cidNamed('job'), peerNamed('steward')]
  leases.notePast(job, new Map([[steward, 7]]), Date.now() + 1_000_000, Date.now())
  assert.deepEqual(
    [6, 7, 8].map((serial) => leases.isPast(job, steward, serial)),
    [true, true, false],
  )
  assert(!leases.isPast(job, peerNamed('another'), 0) && !leases.isPast(cidNamed('another'), steward, 0))
  leases.notePast(cidNamed('another'), new Map([[steward, 1]]), 0, Date.now())
  assert(!leases.isPast(cidNamed('another'), steward, 1), 'past its deadline nobody takes a lease')
})

test('of an offer that comes to nothing a vehicle keeps nothing, and of one that it worked on all', async (t) => {
  const world = new World(t, { pays: true })
  const steward = world.steward.peerId
  const life = world.live('node')
  const { store } = life
  const rows = () => ({
    jobs: store.journal.listJobs().length,
    records: [...store.journal.ofJob(world.job)].length,
    ledger: store.database.get<{ count: number }>('SELECT count(*) AS count FROM ledger_records')!.count,
    worked: store.ledgerTables.jobs().length,
  })
  const nothing = { jobs: 0, records: 0, ledger: 0, worked: 0 }
  const lost = world.lease(['nobody has it'])
  world.blocks.clear()
  for (const opened of [1, 2]) {
    life.vehicle.hear(steward, world.offer(lost.record))
    await life.said.until(
      (said) => said.filter(({ message }) => message.type === 'decline').length === opened,
    )
    while (rows().jobs + rows().worked > 0) await new Promise(setImmediate)
    assert.deepEqual(rows(), nothing)
    // Its steward looks after it all the same, and so there is something to discard once more.
    life.vehicle.hear(steward, { type: 'adopt', manifest: world.manifest, handovers: [] })
  }
  const done = world.lease(['here'])
  life.vehicle.hear(steward, world.offer(done.record))
  await life.hears('receipt')
  await new Promise(setImmediate)
  assert.deepEqual(rows(), { jobs: 1, records: 3, ledger: 3, worked: 1 })
  const later = world.lease(['nor this'])
  world.blocks.clear()
  life.vehicle.hear(steward, world.offer(later.record))
  await life.said.until((said) => said.filter(({ message }) => message.type === 'decline').length === 3)
  await new Promise(setImmediate)
  assert.deepEqual(rows(), { jobs: 1, records: 4, ledger: 4, worked: 1 }, 'it has signed for that job')
})

test('a note without its result counts for nothing: the shard is run again', async (t) => {
  const world = new World(t)
  const { id, record } = world.lease(['one', 'two'])
  const before = world.live('before', () => true)
  before.vehicle.hear(world.steward.peerId, world.offer(record))
  await before.hears('accept')
  const lost = cidOf('dag-cbor', new Uint8Array([1]))
  before.store.journal.leases.noteFinished(world.job, id, { place: 0, result: lost, cpuMs: 1, wallMs: 1 })
  world.copy('before', 'after')
  const after = world.live('after')
  after.vehicle.connected(world.steward.peerId)
  await after.hears('receipt')
  assert.deepEqual(after.executed.sort(), ['one', 'two'])
})

test('who adopts a job gets the lease, the acceptance and the receipts, and a restart remembers it', async (t) => {
  const world = new World(t)
  const adopter = world.standby.peerId
  const [first, second] = [world.lease(['one']), world.lease(['two', 'three'])]
  const before = world.live('before', (text) => text === 'three')
  before.vehicle.hear(world.steward.peerId, world.offer(first.record))
  before.vehicle.hear(world.steward.peerId, world.offer(second.record))
  await before.hears('receipt')
  before.said.items.length = 0
  before.vehicle.hear(adopter, { type: 'adopt', manifest: world.manifest, handovers: [] })
  await before.hears('receipt')
  assert.deepEqual(before.types(), ['record', 'record', 'accept', 'receipt'])
  assert(before.said.items.every(({ to }) => to === adopter))
  const shown = before.said.items.flatMap(({ message }) =>
    message.type === 'record' ? [message.record] : [],
  )
  assert.deepEqual(shown, [second.record, first.record])
  world.copy('before', 'after')

  const after = world.live('after')
  const stewards = [world.steward.peerId, adopter]
  for (const peer of stewards) after.vehicle.connected(peer)
  // It is due to the signer as well, which has not acknowledged it.
  await after.said.until((said) =>
    stewards.every((peer) => said.some(({ to, message }) => to === peer && message.type === 'receipt')),
  )
  assert(after.said.items.every(({ to }) => stewards.includes(to)))
})

test('a vehicle that is not a party to the job is not told of it', async (t) => {
  const world = new World(t)
  const life = world.live('life')
  life.vehicle.hear(world.standby.peerId, { type: 'adopt', manifest: world.manifest, handovers: [] })
  assert(!life.vehicle.mayRead(world.standby.peerId, world.job))
  const forged = { ...world.manifest, signature: new Uint8Array(64) }
  assert.throws(() =>
    life.vehicle.hear(world.standby.peerId, { type: 'adopt', manifest: forged, handovers: [] }),
  )
})

test('a vehicle that must stop while blocks arrive ends the fetch, and fetches them when it works again', async (t) => {
  const world = new World(t)
  const steward = world.steward.peerId
  const [first, second, third] = ['one', 'two', 'three'].map((text) => world.lease([text]))
  const life = world.live('life')
  world.isSlow = true
  life.vehicle.hear(steward, world.offer(first!.record))
  life.vehicle.hear(steward, world.offer(second!.record))
  await world.fetches.until((fetches) => fetches.length === 2)
  life.vehicle.hear(steward, { type: 'withdraw', lease: first!.id })
  const [one, two] = world.fetches.items
  await aborted(one!)
  assert(!two!.aborted)
  life.vehicle.setMode('stop')
  await aborted(two!)
  world.isSlow = false
  life.vehicle.setMode('run')
  life.vehicle.hear(steward, world.offer(third!.record))
  await life.hears('receipt')
  assert.deepEqual(life.executed, ['three'])
})

test('on a full disk nothing is accepted, what is promised waits, and all goes on when there is room', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const world = new World(t)
  const [first, second, third] = ['one', 'two', 'three'].map((text) => world.lease([text]))
  const { vehicle, store, said, ...life } = world.live('life')
  const steward = world.steward.peerId
  const space = t.mock.method(store.directory, 'space', () => ({ freeBytes: 4, totalBytes: 100 }))
  t.mock.timers.tick(10_000)
  assert.equal(vehicle.view().slots.free, 0)
  vehicle.hear(steward, world.offer(first!.record))
  const declined = await said.find(({ message }) => message.type === 'decline')
  assert.equal(declined.message.type === 'decline' && declined.message.reason, 'no-space')
  space.mock.restore()
  t.mock.timers.tick(10_000)
  assert.equal(vehicle.view().slots.free, 1)

  // It looked as if there was room, and there was none.
  const append = t.mock.method(store.journal, 'appendSoon', async () => {
    throw new StoreError({ code: 'disk-full', what: 'a test' })
  })
  vehicle.hear(steward, world.offer(second!.record))
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate)
  assert.equal(vehicle.view().slots.free, 0)
  vehicle.hear(steward, world.offer(third!.record))
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate)
  assert.deepEqual(said.items.length, 1, 'not even the refusal overtakes what is promised')
  append.mock.restore()
  t.mock.timers.tick(10_000)
  await said.until((items) => items.length === 4)
  const types = said.items.map(({ message }) => message.type)
  assert.deepEqual(types, ['decline', 'accept', 'receipt', 'decline'])
  assert.deepEqual(life.executed, ['two'])
})

test('a vehicle that finds other work in the blocks than the lease pays for gives it back', async (t) => {
  const world = new World(t)
  const life = world.live('vehicle')
  life.vehicle.hear(world.steward.peerId, world.offer(world.lease(['one', 'two'], [1, 2]).record))
  await life.hears('accept')
  const { message } = await life.said.find((said) => ['decline', 'receipt'].includes(said.message.type))
  assert(message.type === 'decline' && message.reason === 'wrong-blocks')
  assert.deepEqual(life.executed, [])
})
