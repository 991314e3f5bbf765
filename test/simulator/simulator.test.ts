/** The protocol in virtual worlds of 20 vehicles: single questions, and the checkers themselves. campaign.test.ts has all scenarios. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerId } from '../../src/protocol/ids.ts'
import type { Lease } from '../../src/protocol/job/lease.ts'
import { Checkers } from '../../src/simulator/checkers.ts'
import { calm, formatScenario, parseScenario, scenarios } from '../../src/simulator/scenario.ts'
import { shrink } from '../../src/simulator/shrink.ts'
import { World } from '../../src/simulator/world.ts'
import { bodyOf, cidNamed, ownerNamed, peerNamed } from '../support/core-fakes.ts'

const minutes = 10

test('a late receipt for a lease that was written off does not make the job wait until its deadline', () => {
  // One steward restarts; the one that takes over counts on a receipt that is known and not paid.
  const { violations, jobs, jobsComplete, lastEvents } = new World(scenarios.budget!, 900_140, minutes).run()
  assert.deepEqual(violations, [], lastEvents.join('\n'))
  assert.equal(jobsComplete, jobs)
})

test('a steward that restarts makes the checks of its windows before they pass', () => {
  // Two audited jobs, one of whose stewards restarts with windows closed and results that nobody has looked at again yet.
  const { violations, lastEvents } = new World(scenarios.audits!, 60_002, minutes).run()
  assert.deepEqual(violations, [], lastEvents.join('\n'))
})

test('stewards that hear one side of a conversation alone act in good faith, and all ledgers say the same', () => {
  for (const seed of [60_038, 60_041]) {
    const { violations, lastEvents } = new World(scenarios.chaos!, seed, minutes).run()
    assert.deepEqual(violations, [], `seed ${seed}\n${lastEvents.join('\n')}`)
  }
})

test('a steward whose clock is set takes no turn for it, and all ledgers say the same', () => {
  // The clock of a standby is set forward by 335 s, and the one of the submitter's node back by 486 s while they are apart.
  for (const seed of [6_000_956, 5_000_057]) {
    const { violations, lastEvents } = new World(scenarios.chaos!, seed, minutes).run()
    assert.deepEqual(violations, [], `seed ${seed}\n${lastEvents.join('\n')}`)
  }
})

test('where the submitter’s node is lost with what it wrote off, the others say that a report would not pass', () => {
  // The budget is so small that it leases on what it has just written off, and vehicles tell of the leases alone.
  const { violations, lastEvents } = new World(scenarios.budget!, 6_001_066, minutes).run()
  assert.deepEqual(violations, [], lastEvents.join('\n'))
})

test('stewards are compared once the last record has had the time to reach them all', () => {
  // One vehicle is too few for two replicas, so the job ends at its deadline: up to half a second before the world does.
  const lonely = { ...scenarios.lossy!, name: 'lonely', vehicles: 1, jobs: 1, shardsPerJob: 1 }
  for (const seed of [1_698, 2_896, 8_550]) {
    const { violations, virtualMs, lastEvents } = new World(lonely, seed, minutes).run()
    assert.deepEqual(violations, [], `seed ${seed}\n${lastEvents.join('\n')}`)
    assert.ok(
      virtualMs > minutes * 60_000 + 150_000,
      `seed ${seed} shows a job that ends just before its world`,
    )
  }
})

test('a budget that is too small is never exceeded, and the jobs end by its name', () => {
  for (const seed of [1, 2]) {
    const { violations, jobs, jobsComplete, jobsLost, lastEvents } = new World(
      { ...scenarios.budget!, name: 'poor', vehicles: 4, budget: 0.5 },
      seed,
      minutes,
    ).run()
    assert.deepEqual(violations, [], `seed ${seed}\n${lastEvents.join('\n')}`)
    assert.ok(jobsComplete < jobs && jobsLost === 0, `seed ${seed}`)
  }
})

test('checkers object to a lease beyond the budget, and to counting what is not paid', () => {
  const checkers = new Checkers()
  const [job, steward] = [cidNamed('job'), peerNamed('s')]
  const rules = { replicas: 1, lead: 1, audited: 0, deadlineMs: 1, truth: () => cidNamed('x'), wrongMax: 0 }
  checkers.job(job, { ...rules, budgetMicros: 25 })
  const lease = (name: string) => {
    const payload = {
      vehicle: peerNamed('v'),
      owner: ownerNamed('o'),
      shards: [cidNamed('s0')],
      positions: [0],
      isa: null,
      costMs: 1,
      units: [2],
      price: { currency: 'EUR', unitMicros: 10, operatorPpm: 0 },
      draw: { basis: cidNamed('basis'), eligible: new Uint8Array(1), index: 0 },
    } satisfies Lease
    const body = bodyOf('lease', steward, payload, { job, serial: name.length })
    checkers.signed(cidNamed(name), body, null, false)
    return { ...body, id: cidNamed(name) }
  }
  const [first, second] = [lease('a'), lease('bb')]
  checkers.offered(first)
  checkers.offered(first)
  const writtenOff = { writtenOff: [{ lease: first.id, places: [] }], given: [] }
  checkers.tookBack({ ...bodyOf('allowance', peerNamed('other'), writtenOff), id: cidNamed('A') })
  assert.deepEqual(checkers.violations, [])
  checkers.offered(second)
  assert.match(checkers.violations.join(), /may owe 40 micros, and has 25 to spend/)
  checkers.tookBack({ ...bodyOf('allowance', steward, writtenOff), id: cidNamed('B') })
  const receipt = {
    lease: first.id,
    covers: [0],
    root: new Uint8Array(32),
    cpuMs: 1,
    wallMs: 1,
    energy: null,
  }
  const opening = { results: [cidNamed('x')], nonce: new Uint8Array(16) }
  checkers.signed(cidNamed('R'), bodyOf('receipt', peerNamed('v'), receipt, { job }), opening, false)
  const verdict = { position: 0, outcome: 'accepted', result: cidNamed('x'), because: 'unanimous' }
  const shards = [{ ...verdict, agreeing: [cidNamed('R')] }]
  checkers.signed(cidNamed('V'), bodyOf('verdict', steward, { shards }, { job, serial: 9 }), null, false)
  assert.match(checkers.violations.at(-1)!, /counts shard 0 of lease .*, which it does not pay/)
})

test('checkers object to a job that has not ended by its deadline and two leases', () => {
  const checkers = new Checkers()
  const job = cidNamed('job')
  const rules = {
    replicas: 1,
    lead: 1,
    audited: 0,
    budgetMicros: null,
    truth: () => cidNamed('x'),
    wrongMax: 0,
  }
  checkers.job(job, { ...rules, deadlineMs: 1_000 })
  checkers.late(job, 1_059, 60)
  assert.deepEqual(checkers.violations, [])
  checkers.late(job, 1_060, 60)
  assert.match(checkers.violations.join(), /never ended/)
})

test('a scenario reads as it is written, and a line that is none is named', () => {
  for (const scenario of Object.values(scenarios))
    assert.deepEqual(parseScenario(formatScenario(scenario), scenario.name), scenario)
  assert.deepEqual(parseScenario('# rain\nloss 0.5 # half\n', 'rain'), { ...calm, name: 'rain', loss: 0.5 })
  assert.throws(() => parseScenario('loss 0.5\nlos 0.5', ''), /line 2: there is no 'los'/)
  assert.throws(() => parseScenario('loss', ''), /line 1: 'loss' should be a name and a number/)
  assert.throws(() => parseScenario('loss -1', ''), /not negative/)
  assert.throws(() => parseScenario('stewards 1', ''), /too few for 2 standbys/)
})

test('a scenario shrinks to the fault and the size that matter', () => {
  const shrunk = shrink(scenarios.chaos!, ({ crashEveryMs, vehicles }) => crashEveryMs > 0 && vehicles >= 5)
  const { name, crashEveryMs } = scenarios.chaos!
  assert.deepEqual(shrunk, {
    ...calm,
    name,
    latencyMs: 120,
    crashEveryMs,
    vehicles: 5,
    jobs: 1,
    shardsPerJob: 1,
    stewards: 2,
    standbys: 1,
  })
})

test('checkers object to a report of a complete job that the audit refuses, unless its steward says so itself', () => {
  const checkers = new Checkers()
  const [job, steward] = [cidNamed('job'), peerNamed('s')]
  checkers.audited(job, steward, [], false)
  checkers.audited(job, steward, ['shard 0 is decided twice'], true)
  assert.deepEqual([checkers.violations, checkers.reportsRefused], [[], 1])
  checkers.audited(job, steward, ['shard 0 is decided twice'], false)
  assert.match(checkers.violations.join(), /the audit refuses the report of s\.+ .* shard 0 is decided twice/)
})

test('checkers object: to two records under one serial, and to a slot that goes on', () => {
  const checkers = new Checkers()
  const body = bodyOf('holding', peerNamed('s'), {}, { job: cidNamed('job') })
  checkers.signed(cidNamed('a'), body, null, false)
  checkers.signed(cidNamed('a'), body, null, false)
  assert.deepEqual(checkers.violations, [])
  checkers.signed(cidNamed('b'), body, null, false)
  checkers.stopped('car' as PeerId, 1)
  assert.equal(checkers.violations.length, 2)
})
