/**
 * A clock that is set back or forward, by an hour or by less, between any two inputs: a machine that is told so does what
 * it does on a good clock. Every scenario of test/scenarios is played on such clocks, and has to give its golden trace.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import { Attendance } from '../../src/protocol/council/attendance.ts'
import { clockWasSet as setSeatBy } from '../../src/protocol/council/clock-set.ts'
import { Progress } from '../../src/protocol/council/progress.ts'
import { newSeat, type Seat } from '../../src/protocol/council/seat.ts'
import { Watch } from '../../src/protocol/council/watch.ts'
import type { StewardPlace } from '../../src/protocol/job/manifest.ts'
import { Payables, type PayablesInput } from '../../src/protocol/ledger/payables.ts'
import { stewardLeaseMs } from '../../src/protocol/limits.ts'
import { clockWasSet as setDeskBy } from '../../src/protocol/steward/clock-set.ts'
import type { Desk } from '../../src/protocol/steward/desk.ts'
import { Windows } from '../../src/protocol/steward/windows.ts'
import { CouncilStage } from '../support/core-council-stage.ts'
import { cidNamed, manifestWith, ownerNamed, peerNamed, seed, sha256 } from '../support/core-fakes.ts'
import { parseCommand, parseScript } from '../support/core-script.ts'
import { type Steps, steppedCouncil, steppedSteward, steppedWorker } from '../support/core-stepped.ts'
import { StewardStage } from '../support/core-steward-stage.ts'
import { WorkerStage } from '../support/core-worker-stage.ts'
import { allCounts, leaseOf, paidJob, receiptOf, verdictOf } from '../support/paid-work.ts'

const hourMs = 3_600_000
const folder = new URL('../scenarios/', import.meta.url)

/** Here a date decides, and a date comes earlier or later when the clock is set. */
const dated = [
  'deadline.txt',
  'leaving.txt',
  'worker-leaving-boaster.txt',
  'worker-leaving.txt',
  'worker-objections.txt',
]

/**
 * How far ahead of the stage the clock is set next, or null: not at all. It is never ahead, where the deadlines of the
 * scenarios' jobs would have passed.
 */
const offsets = fc.infiniteStream(
  fc.option(fc.oneof(fc.constantFrom(0, -hourMs), fc.integer({ min: -hourMs, max: 0 })), { freq: 2 }),
)

for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.txt') || file.startsWith('rules-') || dated.includes(file)) continue
  const blocks = parseScript(readFileSync(new URL(file, folder), 'utf8'))
  const { verb } = parseCommand(blocks[0]!.command)
  test(`a clock that is set changes nothing in ${file}`, () => {
    fc.assert(
      fc.property(offsets, (stream) => {
        // A longer step forward may have been a sleep, and a council that slept believes that the others live.
        const forwardMsMax = verb === 'council' ? stewardLeaseMs / 2 : hourMs
        const steps: Steps = (offsetMs) => {
          const { value } = stream.next()
          return value == null ? 0 : Math.min(forwardMsMax, value - offsetMs)
        }
        const stage =
          verb === 'worker'
            ? new WorkerStage(steppedWorker(steps))
            : verb === 'council'
              ? new CouncilStage(steppedCouncil(steps))
              : new StewardStage(steppedSteward(steps))
        for (const [i, { command, expected }] of blocks.entries())
          assert.equal(
            stage.run(parseCommand(command)).join('\n') || 'nothing',
            expected,
            `after '${command}' (command ${i + 1} of ${file})`,
          )
      }),
      { numRuns: 6 },
    )
  })
}

test('what a steward owes is told again as soon as on a good clock, when the clock is set in between', () => {
  const told = (steps: readonly number[]) => {
    const payables = new Payables({ ...paidJob, self: peerNamed('steward'), shards: 1, judge: allCounts })
    const lease = leaseOf('v1', [0])
    const receipt = receiptOf(lease, [0])
    let [nowMs, setMs] = [10 * hourMs, 0]
    let wakeMs = Number.POSITIVE_INFINITY
    const times: number[] = []
    const tell = (input: PayablesInput) => {
      for (const effect of payables.handle(input, nowMs + setMs))
        if (effect.type === 'wake') wakeMs = effect.atMs - setMs
        else if (effect.type === 'state') times.push(nowMs)
    }
    tell({ type: 'acting', acting: true })
    tell({ type: 'record', record: { kind: 'lease', record: lease } })
    tell({ type: 'record', record: { kind: 'receipt', record: receipt } })
    tell({ type: 'record', record: { kind: 'verdict', record: verdictOf(0, [receipt]) } })
    for (const byMs of [...steps, ...Array.from({ length: 4 }, () => 0)]) {
      setMs += byMs
      if (byMs !== 0) tell({ type: 'clock-set', byMs })
      assert(wakeMs < nowMs + hourMs, 'it asks to be woken')
      nowMs = Math.max(nowMs, wakeMs)
      wakeMs = Number.POSITIVE_INFINITY
      tell({ type: 'wake' })
    }
    return times
  }
  const good = told([0, 0, 0])
  assert(good.length > 2, `${good.length} times`)
  assert.deepEqual(told([-hourMs, hourMs, -hourMs]), good)
  assert.deepEqual(told([hourMs, -2 * hourMs, 30_000]), good)
})

test('a claim that waits for its window, a node that refused and verdicts apart wait no longer than they would', () => {
  const audits = { replicas: 1, checks: 38, windowShards: 1_000, auditor: 'owners' } as const
  const windows = new Windows(audits, { ...manifestWith().assurance, audits }, sha256, seed)
  windows.add(ownerNamed('o1'), 0, cidNamed('receipt'), 10_000)
  const settled = { settles: [], unseen: new Set([cidNamed('receipt')]), untilMs: 70_000 }
  const desk = {
    leases: { clockSet() {} },
    patience: { clockSet() {} },
    returns: { clockSet() {} },
    rooms: { clockSet() {} },
    windows,
    apart: new Map([[3, settled]]),
    short: undefined,
    startedMs: undefined,
  } as unknown as Desk
  setDeskBy(desk, -hourMs)
  windows.takeDue((_, idleSinceMs) => {
    assert.equal(idleSinceMs, 10_000 - hourMs)
    return false
  })
  assert.equal(desk.apart.get(3)?.untilMs, 70_000 - hourMs)
  const seat = {
    attendance: new Attendance(peerNamed('a')),
    watch: new Watch(),
    progress: new Progress(),
    compared: new Map(),
    answeredMs: new Map(),
    soughtAnewMs: new Map(),
    refused: new Map([[peerNamed('b'), { owner: ownerNamed('b'), untilMs: 90_000 }]]),
    invited: undefined,
    lookedMs: undefined,
  } as unknown as Seat
  setSeatBy(seat, -hourMs, 0)
  assert.deepEqual(seat.refused.get(peerNamed('b')), { owner: ownerNamed('b'), untilMs: 90_000 - hourMs })
})

test('every moment of a seat goes along with the clock, also one that is new', () => {
  const { drawSecret, job, self } = { drawSecret: seed, job: cidNamed('job'), self: peerNamed('steward') }
  const seat = newSeat({ job, manifest: manifestWith(), self, drawSecret, sha256 })
  const fields = seat as unknown as Record<string, unknown>
  const names = Object.keys(seat).filter((name) => name.endsWith('Ms'))
  assert(names.length >= 3, names.join())
  for (const name of names)
    if (fields[name] instanceof Map) fields[name].set('peer', 90_000)
    else fields[name] = 90_000
  setSeatBy(seat, -hourMs, 100_000 - hourMs)
  for (const name of names) {
    const field = fields[name]
    assert.equal(field instanceof Map ? field.get('peer') : field, 90_000 - hourMs, name)
  }
})

test('stewards that were not heard in a sleep may have lived all the same', () => {
  const [a, b] = [peerNamed('a'), peerNamed('b')]
  const attendance = new Attendance(a)
  attendance.seat(
    [a, b].map((peer) => ({ peer }) as StewardPlace),
    0,
  )
  attendance.heard(b, true, 0)
  const seat = {
    attendance,
    watch: new Watch(),
    progress: new Progress(),
    compared: new Map(),
    answeredMs: new Map(),
    soughtAnewMs: new Map(),
    refused: new Map(),
  } as unknown as Seat
  const nowMs = stewardLeaseMs - 1
  setSeatBy(seat, 8 * hourMs, nowMs + 8 * hourMs)
  assert(
    attendance.lives(b, nowMs + 8 * hourMs + stewardLeaseMs - 1),
    'it has its whole time to be heard again',
  )
  assert(!attendance.lives(b, nowMs + 8 * hourMs + stewardLeaseMs))
})
