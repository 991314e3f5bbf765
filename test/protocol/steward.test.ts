/** Promises of the steward that take many steps to show: more than a scenario that a person reads. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommand } from '../support/core-script.ts'
import { StewardStage } from '../support/core-steward-stage.ts'

function stageFor(job: string): (command: string) => string[] {
  const stage = new StewardStage()
  const play = (command: string) => stage.run(parseCommand(command)).flatMap((line) => line.split('\n'))
  play(`job ${job}`)
  return play
}

/** `issue L3 v1 S0 S1` → its parts. */
function leasesIn(lines: readonly string[]): { lease: string; vehicle: string; shards: string[] }[] {
  return lines
    .filter((line) => line.startsWith('issue L'))
    .map((line) => {
      const [, lease, vehicle, ...shards] = line.split(' ')
      return { lease: lease!, vehicle: vehicle!, shards }
    })
}

test('a shard that fails every run is given up alone: those leased behind it are innocent', () => {
  const play = stageFor('shards=8 replicas=1')
  let lines = play('roster v1:o1')
  const decided: string[] = []
  for (let round = 0; round < 60; round += 1) {
    for (const { lease, shards } of leasesIn(lines)) {
      // The shard S1 kills its process: what stands before it in the lease is done, the rest is not.
      const before = shards.slice(0, shards.includes('S1') ? shards.indexOf('S1') : shards.length)
      const done = before.map((shard) => `${shard}=r${shard}`).join(' ')
      const failed = shards.includes('S1')
      if (before.length === 0) decided.push(...play(`decline ${lease} failed retry=0s`))
      else decided.push(...play(`receipt ${lease} ${done}${failed ? ' released=failed' : ''}`))
      for (const shard of before) decided.push(...play(`examine r${shard}`))
    }
    lines = play('wake +61s')
    decided.push(...lines)
  }
  const verdicts = decided.filter((line) => line.startsWith('decided'))
  assert.equal(verdicts.filter((line) => line.includes('accepted')).length, 7)
  assert.deepEqual(
    verdicts.filter((line) => line.includes('failed')),
    ['decided S1 failed too-many-losses'],
  )
})

test('a lease that fails counts against the shard that was under way, and against none behind it', () => {
  const play = stageFor('shards=4 replicas=1')
  let leases = leasesIn(play('roster v1:o1'))
  assert.deepEqual(leases[0]?.shards, ['S0', 'S1'])
  for (let round = 1; round <= 12; round += 1) {
    const lines = leases.flatMap(({ lease }) => play(`decline ${lease} failed retry=0s`))
    const failed = lines.filter((line) => line.startsWith('decided')).map((line) => line.split(' ')[1])
    assert.deepEqual(failed, round < 12 ? [] : ['S0', 'S2'])
    leases = leasesIn(play('wake +61s'))
  }
})

test('one owner alone can never bring a shard to be given up', () => {
  const play = stageFor('shards=1 replicas=2')
  let lines = play('roster v1:o1')
  for (let round = 0; round < 40; round += 1) {
    for (const { lease } of leasesIn(lines)) play(`decline ${lease} failed retry=0s`)
    lines = play('wake +61s')
    assert(!lines.some((line) => line.startsWith('decided')), `round ${round}`)
    assert.equal(leasesIn(lines).length, 1)
  }
})

test('a receipt that gives a lease back, repeated for ever, costs the shard one loss and not one each', () => {
  const play = stageFor('shards=4 replicas=1')
  const [first] = leasesIn(play('roster v1:o1'))
  for (let i = 0; i < 40; i += 1) {
    const lines = play(`receipt ${first!.lease} ${first!.shards[0]}=a released=failed`)
    assert(!lines.some((line) => line.startsWith('decided')), `time ${i}`)
  }
})

test('leases that lapse because nobody delivers results never give up a shard', () => {
  const play = stageFor('shards=1 replicas=2')
  let lines = play('roster v1:o1 v2:o2')
  for (let round = 0; round < 30; round += 1) {
    for (const { lease } of leasesIn(lines)) play(`receipt ${lease} S0=a${round}`)
    play(`examine a${round} missing`)
    lines = play(`examine a${round} missing`)
    assert(!lines.some((line) => line.startsWith('decided')), `round ${round}`)
    lines = play('wake +61s')
  }
})

test('offers that were declined before a steward restarted are no losses of their shard', () => {
  const play = stageFor('shards=1 replicas=1')
  const vehicles = Array.from({ length: 14 }, (_, i) => `v${i}:o${i}`).join(' ')
  let leases = leasesIn(play(`roster ${vehicles}`))
  for (let offers = 0; offers < 13; offers += 1)
    leases = leases.flatMap(({ lease }) => leasesIn(play(`decline ${lease} busy retry=1h`)))
  const [last] = leases
  play(`accept ${last!.lease}`)
  play('restore')
  play(`roster ${vehicles}`)
  for (let i = 0; i < 14; i += 1) play(`connect v${i}`)
  const lines = play('wake +31s')
  assert.deepEqual(
    lines.filter((line) => line.startsWith('decided')),
    [],
  )
  assert.equal(leasesIn(lines).length, 1)
})

test('a shard whose vehicles fall silent is given up, also by a steward that restarted while one had it', () => {
  const play = stageFor('shards=1 replicas=1')
  let leases = leasesIn(play('roster v1:o1'))
  play('restore')
  play('roster v1:o1')
  play('connect v1')
  for (let lost = 1; lost <= 12; lost += 1) {
    play(`accept ${leases[0]!.lease}`)
    const lines = play('wake +31s')
    const decided = lines.filter((line) => line.startsWith('decided'))
    assert.deepEqual(decided, lost < 12 ? [] : ['decided S0 failed too-many-losses'])
    leases = leasesIn(play('wake +61s'))
  }
})

test('vehicles that name an instruction-set class of their own are drawn for each other’s shards as seldom as anybody', () => {
  for (const agreement of ['bytes', 'class-text']) {
    const play = stageFor(`shards=200 replicas=2 cost=8000 agreement=${agreement}`)
    const honest = Array.from({ length: 8 }, (_, i) => `v${i}:o${i}:slots=64`)
    const cartel = ['x1', 'x2'].map((name) => `${name}:${name}:slots=64:isa=their-own`)
    const owners = new Map<string, string[]>()
    const lines = play(`roster ${[...honest, ...cartel].join(' ')}`)
    while (lines.at(-1) === 'goes on') lines.push(...play('go-on'))
    for (const { vehicle, shards } of leasesIn(lines))
      for (const shard of shards) owners.set(shard, [...(owners.get(shard) ?? []), vehicle])
    assert.equal(owners.size, 200)
    const both = [...owners.values()].filter((all) => all.every((vehicle) => vehicle.startsWith('x')))
    // Of 45 pairs of owners one is theirs: 4.4 of 200 shards. Were they drawn for each other, 40 would be.
    assert(both.length < 16, `${agreement}: the two have both voices of ${both.length} shards`)
  }
})

test('a vehicle that declines and asks to be asked at once gets a lease a minute in the end, not one a message', () => {
  const play = stageFor('shards=1 replicas=1')
  let leases = 0
  let lines = play('roster v1:o1')
  for (let second = 0; second < 3_600; second += 1) {
    for (const { lease } of leasesIn(lines)) {
      leases += 1
      play(`decline ${lease} busy retry=0s`)
    }
    lines = play('wake +1s')
    if (lines.some((line) => line.startsWith('ended'))) break
  }
  assert(leases >= 50 && leases < 75, `${leases} leases in an hour`)
})

test('a job that only waits until its standbys have the results does not fail for want of money', () => {
  const play = stageFor('shards=1 replicas=2 budget=400 cap=200')
  play('standby b')
  play('roster v1:o1:ask=200 v2:o2:ask=200 v3:o3:ask=200')
  play('accept L1 L2')
  // The first vehicle is silent: another is wanted, and what the two leases promise is all that there is.
  for (let step = 0; step < 3; step += 1) {
    play('wake +11s')
    play('progress L2')
  }
  for (const lease of ['L1', 'L2']) play(`receipt ${lease} S0=r wall=1`)
  assert(play('examine r').some((line) => line.startsWith('decided S0 accepted')))
  const waited = Array.from({ length: 40 }, () => play('wake +5s')).flat()
  assert.deepEqual(
    waited.filter((line) => line.startsWith('ended')),
    [],
  )
  assert(play('safe').includes('ended complete: every shard is verified'))
})
