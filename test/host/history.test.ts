/** The record of the work that an owner can read afterwards: the history by day, and the lines of the log. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { Connections, lossMs } from '../../src/host/history/connections.ts'
import { EnergyHours, unitJoulesOf } from '../../src/host/history/energy-hours.ts'
import { History } from '../../src/host/history/history.ts'
import { linesMax } from '../../src/host/history/log-lines.ts'
import { daysKept, Tallies } from '../../src/host/history/tallies.ts'
import type { PeerEvent } from '../../src/host/network/network.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { outsideAccount, ownerAccount } from '../../src/protocol/ledger/account.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import type { Judgement } from '../../src/protocol/rules/judgement.ts'
import { cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'
import { World } from '../support/lone-vehicle.ts'
import { paidJob } from '../support/paid-work.ts'
import { SteppedClock } from '../support/stepped-clock.ts'
import { temporaryDirectory, temporaryStore } from '../support/store.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** Noon of a day in UTC. */
const noonMs = Date.UTC(2026, 10, 28, 12)
const self = peerNamed('v1')

type Line = { readonly msg: string } & Readonly<Record<string, unknown>>

function logInto(lines: Line[]) {
  return pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
}

function historyOf(store: Store, clock: SteppedClock, lines: Line[] = [], timeZone = 'UTC'): History {
  const { database, books } = store
  return new History({ self, database, books, timeZone, clock, log: logInto(lines) })
}

function judgement(verdict: Judgement['verdict'], ...reasons: string[]): Judgement {
  return { verdict, reasons, rules: [], availableUntilMs: null }
}

const rate = { joulesPerCpuSecond: 36, basis: 'measured' } as const
const manifest = { id: cidNamed('job'), payload: { runtime: 'wasm' } } as Verified<Manifest>

function leaseNamed(name: string, shards: number): Verified<Lease> {
  const payload = { shards: Array.from({ length: shards }, (_, i) => cidNamed(`${name}/${i}`)) }
  return { id: cidNamed(name), signer: peerNamed('steward'), payload } as unknown as Verified<Lease>
}

test('work for nothing is in the history and in the log: leases, shards, and what was handed back', async (t) => {
  const lines: Line[] = []
  const world = new World(t, { log: logInto(lines) })
  const life = world.live('life', (text) => text === 'three')
  life.vehicle.hear(world.steward.peerId, world.offer(world.lease(['one', 'two']).record))
  await life.hears('receipt')
  life.vehicle.hear(world.steward.peerId, world.offer(world.lease(['three', 'four']).record))
  while (!life.executed.includes('three')) await new Promise(setImmediate)
  life.vehicle.setMode('stop')
  const [today] = life.history.view(1).days
  const { work, handedBack } = today!
  assert.deepEqual(
    work.map(({ runtime, leasesTaken, leasesDone, shards, pages, cpuMs }) => [
      ...[runtime, leasesTaken, leasesDone, shards, pages, cpuMs],
    ]),
    [['ocr', 2, 1, 2, 2, 2]],
  )
  assert.deepEqual(handedBack, [{ reason: 'stopped', leases: 1 }])
  const told = lines.map(({ msg, shards, done, reason }) => [msg, shards, done, reason])
  assert.deepEqual(told, [
    ['lease taken', 2, undefined, undefined],
    ['lease done', 2, undefined, undefined],
    ['lease taken', 2, undefined, undefined],
    ['lease handed back', 2, 0, 'stopped'],
  ])
})

test('a lease that an earlier run of the node took is in the history of the day on which it is done', async (t) => {
  const world = new World(t)
  const before = world.live('before', (text) => text === 'two')
  before.vehicle.hear(world.steward.peerId, world.offer(world.lease(['one', 'two']).record))
  await before.hears('accept')
  while (!before.executed.includes('two')) await new Promise(setImmediate)
  world.copy('before', 'after')
  const after = world.live('after')
  after.vehicle.connected(world.steward.peerId)
  await after.hears('receipt')
  while (after.vehicle.view().leases > 0) await new Promise(setImmediate)
  const [work] = after.history.view(1).days[0]!.work
  assert.deepEqual([work!.leasesTaken, work!.leasesDone], [0, 1])
})

test('a hundred leases a second for a minute and a half are some lines of the log, and every one of them is counted', (t) => {
  const clock = new SteppedClock(noonMs)
  const lines: Line[] = []
  const history = historyOf(temporaryStore(t), clock, lines)
  const seconds = 90
  const lease = leaseNamed('tiny', 1)
  for (let second = 0; second < seconds; second += 1) {
    for (let i = 0; i < 100; i += 1) {
      history.leaseTaken(manifest, lease)
      history.shardDone(manifest, lease.id, { pages: 3, cpuMs: 1, wallMs: 2 })
      history.leaseOver(manifest.id, lease.id, i === 0 ? 'failed' : null)
    }
    clock.pass(1_000)
  }
  history.stop()
  assert(lines.length <= 2 * 3 * (linesMax + 1), `${lines.length} lines`)
  for (const [kind, expected] of [
    ['lease taken', 9_000],
    ['lease done', 8_910],
    ['lease handed back', 90],
  ] as const) {
    const ofKind = lines.filter(({ msg }) => msg.startsWith(kind))
    const told = ofKind.reduce((sum, { events }) => sum + ((events as number | undefined) ?? 1), 0)
    assert.equal(told, expected, kind)
  }
  history.verified(manifest.id, peerNamed('steward'), 230, 'EUR')
  assert.deepEqual(
    lines.slice(-1).map(({ msg, owed, shards }) => [msg, owed, shards]),
    [['work verified', '0.00023 EUR', undefined]],
  )
  const [work] = history.view(1).days[0]!.work
  assert.deepEqual(
    [work!.leasesTaken, work!.leasesDone, work!.shards, work!.pages],
    [9_000, 8_910, 9_000, 27_000],
  )
})

test('pauses count by the rule that held work back, and at midnight time belongs to either day', (t) => {
  const clock = new SteppedClock(noonMs)
  const history = historyOf(temporaryStore(t), clock, [], 'Europe/Berlin')
  history.judged(judgement('run'), rate)
  clock.pass(10 * hour)
  history.judged(judgement('stop', 'driving', 'unplugged'), rate)
  clock.pass(90 * minute) // from 23:00 to 00:30 in Berlin
  history.judged(judgement('drain', 'quiet-hours'), rate)
  clock.pass(hour)
  history.judged(judgement('run'), rate)
  const [before, after] = history.view(2).days
  assert.deepEqual([before!.date, after!.date], ['2026-11-28', '2026-11-29'])
  assert.deepEqual(before!.pauses, [{ reason: 'driving', ms: hour, times: 1 }])
  assert.deepEqual(after!.pauses, [
    { reason: 'quiet-hours', ms: hour, times: 1 },
    { reason: 'driving', ms: 30 * minute, times: 0 },
  ])
  assert.deepEqual([before!.readyMs, after!.readyMs], [10 * hour, 0])
})

test('the energy of the work is measured where the pack shows it, and an estimate otherwise', (t) => {
  const history = historyOf(temporaryStore(t), new SteppedClock(noonMs))
  const lease = leaseNamed('lease', 2)
  history.leaseTaken(manifest, lease)
  history.judged(judgement('run'), rate)
  history.shardDone(manifest, lease.id, { pages: 1, cpuMs: 2_000, wallMs: 4_000 })
  history.judged(judgement('run'), { joulesPerCpuSecond: 10, basis: 'estimated' })
  history.shardDone(manifest, lease.id, { pages: 1, cpuMs: 2_000, wallMs: 4_000 })
  const [work] = history.view(1).days[0]!.work
  assert.deepEqual([work!.measuredJoules, work!.estimatedJoules, work!.wallMs], [72, 20, 8_000])
})

test('money is in the history of the day on which it was verified or paid, less what was taken back', async (t) => {
  const store = temporaryStore(t)
  const owner = ownerNamed('owner of v1')
  const claim = (place: number, outcome: 'paid' | 'reopened', vehicle: PeerId = self) =>
    ({
      type: 'claim',
      outcome,
      claim: {
        ...paidJob,
        ...{ lease: cidNamed('lease'), receipt: cidNamed(`receipt of ${vehicle}`), place, position: place },
        ...{ vehicle, owner, units: 3, ownerMicros: 20, operatorMicros: 1 },
      },
    }) as const
  await store.books.handleSoon([claim(0, 'paid')], noonMs - 2 * day)
  await store.books.handleSoon([claim(1, 'paid'), claim(2, 'paid')], noonMs - day)
  await store.books.handleSoon([claim(2, 'reopened'), claim(3, 'paid', peerNamed('v2'))], noonMs - day)
  const [from, to] = [ownerAccount(owner, self), outsideAccount(paidJob.submitter)]
  const order = { name: 'one', currency: 'EUR', from, to, micros: 15, reference: '' }
  await store.books.handleSoon([{ type: 'pay', order }], noonMs)
  const { days } = historyOf(store, new SteppedClock(noonMs)).view(2)
  assert.deepEqual(
    days.map(({ money }) => money),
    [
      [{ currency: 'EUR', verifiedMicros: 20, paidMicros: 0 }],
      [{ currency: 'EUR', verifiedMicros: 0, paidMicros: 15 }],
    ],
  )
})

test('the history outlives a restart, forgets what is older than a year and a month, and is small', (t) => {
  const folder = temporaryDirectory(t)
  const store = openStore(folder)
  const today = Math.floor(noonMs / day)
  const tallies = new Tallies(store.database)
  for (let ago = daysKept + 30; ago >= 0; ago -= 1) {
    for (let lease = 0; lease < 100; lease += 1) tallies.add(today - ago, 'leases-done', 'wasm', 1)
    tallies.save(today - ago)
  }
  store.close()
  const again = openStore(folder)
  t.after(() => again.close())
  const { days } = historyOf(again, new SteppedClock(noonMs)).view(daysKept)
  assert.deepEqual(
    [days.length, days.filter(({ work }) => work[0]?.leasesDone === 100).length],
    [daysKept, daysKept],
  )
  const { rows } = again.database.get<{ rows: number }>('SELECT count(*) AS rows FROM history')!
  assert.equal(rows, daysKept)
})

test('a vehicle that only waits writes its history four times an hour, and on a full disk later', (t) => {
  const store = temporaryStore(t)
  const clock = new SteppedClock(noonMs)
  let [writes, isFull] = [0, false]
  const { database } = store
  const transaction = database.transaction.bind(database)
  t.mock.method(database, 'transaction', (work: () => unknown) => {
    writes += 1
    if (isFull) throw new StoreError({ code: 'disk-full', what: 'the disk' })
    return transaction(work)
  })
  const history = historyOf(store, clock)
  history.judged(judgement('run'), rate)
  clock.pass(4 * hour)
  assert(writes >= 12 && writes <= 16, `${writes} writes in four hours`)
  isFull = true
  clock.pass(hour)
  isFull = false
  history.stop()
  const kept = historyOf(store, new SteppedClock(noonMs)).view(1).days[0]!
  assert.equal(kept.readyMs, 5 * hour)
})

test('a lost mesh is told once it has lasted, and so is its return; a connection that flaps is no news', () => {
  const clock = new SteppedClock(noonMs)
  const lines: Line[] = []
  const alone: boolean[] = []
  let connected: PeerId[] = []
  let handler: (event: PeerEvent) => void = () => {}
  const connections = new Connections({
    network: {
      onPeer: (heard) => {
        handler = heard
      },
      connectedPeers: () => connected,
    },
    onAlone: (isAlone) => alone.push(isAlone),
    clock,
    log: logInto(lines),
  })
  const turn = (isThere: boolean) => {
    connected = isThere ? [peerNamed('other')] : []
    handler({ type: isThere ? 'connected' : 'disconnected', peer: peerNamed('other'), isRelayed: false })
  }
  turn(true)
  for (let i = 0; i < 1_000; i += 1) {
    turn(false)
    clock.pass(lossMs - 1)
    turn(true)
  }
  turn(false)
  clock.pass(5 * minute)
  turn(true)
  assert.deepEqual(
    lines.map(({ msg, aloneForMs, lostForMs }) => [msg, aloneForMs ?? lostForMs]),
    [
      ['this node is in the mesh', undefined],
      ['no other node is connected any more: this node goes on trying', lossMs],
      ['this node is in the mesh again', 5 * minute],
    ],
  )
  assert.deepEqual([alone.length, alone[0], alone.at(-1)], [2 * 1_001 + 2, true, false])
  turn(false)
  connections.stop()
  clock.pass(hour)
  assert.equal(lines.length, 3, 'a node that stops says nothing of it')
})

test('an hour in which the local day changes has the costs of both days', (t) => {
  const { database } = temporaryStore(t)
  const tallies = new Tallies(database)
  const energy = new EnergyHours(tallies, 0, () => ({ currency: 'INR', kwhMicros: 8_000_000 }))
  const today = Math.floor(noonMs / day)
  energy.drew({ day: today, wattHours: 0 }, today, noonMs)
  energy.drew({ day: today, wattHours: 500 }, today, noonMs + minute)
  energy.drew({ day: today + 1, wattHours: 500 }, today + 1, noonMs + 2 * minute)
  const [hourOfBoth] = energy.since(today)
  assert.deepEqual(hourOfBoth!.costMicros, { INR: 8_000_000 })
})

test('a unit has the energy of the computer that was awake while any work was under way, shared by the runtimes', () => {
  const row = (kind: string, name: string, value: number) => ({ day: 0, kind, name, value })
  const tallies = [
    ...['ocr', 'llm'].flatMap((runtime) => [
      row('pages', runtime, 100),
      row('wall-ms', runtime, 600_000),
      row('estimated-joules', runtime, 1_000),
    ]),
    row('busy-ms', '', 1_000_000),
  ]
  // One slot of four at a time: half of 1,000 s at 250 W, and 1,000 J of its own.
  const idle = { watts: 250, slots: 4 }
  assert.equal(unitJoulesOf(tallies, [], 'ocr', idle), (500 * 250 + 1_000) / 100)
  // Nothing noted how long anything was under way: all slots may have worked.
  assert.equal(unitJoulesOf(tallies.slice(0, 6), [], 'ocr', idle), (150 * 250 + 1_000) / 100)
})

test('energy is counted by the hour, at the price of that hour, and outlives a restart', (t) => {
  const { database } = temporaryStore(t)
  const tallies = new Tallies(database)
  let price: { currency: string; kwhMicros: number } | null = { currency: 'EUR', kwhMicros: 300_000 }
  const energy = new EnergyHours(tallies, 100, () => price)
  const today = Math.floor(noonMs / day)
  energy.drew({ day: today, wattHours: 5 }, today, noonMs)
  energy.drew({ day: today, wattHours: 1_005 }, today, noonMs + minute)
  energy.done(900 * 3_600, today, noonMs + minute)
  energy.ready(hour / 2, today, noonMs + minute)
  price = null
  energy.drew({ day: today + 1, wattHours: 2 }, today + 1, noonMs + hour)
  tallies.save(today)
  const [first, second, ...others] = new EnergyHours(new Tallies(database), 0, () => null).since(today)
  assert.deepEqual(others, [])
  assert.deepEqual(first, {
    hour: noonMs / hour,
    drawnJoules: 3_600_000,
    doneJoules: 3_240_000,
    readyMs: hour / 2,
    costMicros: { EUR: 300_000 + 15_000 },
  })
  assert.deepEqual([second!.drawnJoules, second!.costMicros], [7_200, {}])
})
