/**
 * Which nodes are asked to look after a job: owners are drawn, and not nodes.
 *
 *   CARPOOL_SEED=17 node test/protocol/standbys.test.ts        replays the draws of one seed
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import { askedBeyond, StandbyRounds } from '../../src/protocol/council/standby-rounds.ts'
import { findStandbys, type StandbySearch } from '../../src/protocol/council/standbys.ts'
import type { OwnerId, PeerId } from '../../src/protocol/ids.ts'
import { inviteTtlMs, standbySearchMsMax } from '../../src/protocol/limits.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { ownerNamed, peerNamed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

const spareOwners = 2

function searchIn(roster: readonly Capacity[], more: Partial<StandbySearch> = {}): StandbySearch {
  return {
    capacities: roster,
    runtime: 'ocr',
    engine: 'engine-1',
    replicas: 2,
    taken: { peers: new Set([peerNamed('a')]), owners: new Set([ownerNamed('a')]) },
    inVain: new Map(),
    sha256,
    seed: sha256(fromString('standbys')),
    ...more,
  }
}

function namesOf(found: readonly Capacity[]): string[] {
  return found.map(({ name }) => name)
}

const executes = ({ slots, engines }: Capacity) => slots.total > 0 && engines[0]!.id === 'engine-1'

const capacities = fc
  .uniqueArray(
    fc.record({
      name: fc.nat({ max: 40 }),
      owner: fc.nat({ max: 9 }),
      slots: fc.nat({ max: 3 }),
      engine: fc.constantFrom('engine-1', 'engine-1', 'engine-2'),
      mode: fc.constantFrom('run', 'run', 'drain', 'stop'),
    }),
    { selector: ({ name }) => name, maxLength: 24 },
  )
  .map((nodes) =>
    nodes.map(({ name, owner, slots, engine, mode }): Capacity => {
      const text = `n${name}:${owner === 0 ? 'a' : `o${owner}`}:slots=${slots}:engine=${engine}`
      return { ...capacityOf(text), mode }
    }),
  )

/** `count` nodes of each owner, with so many slots each. */
function nodesOf(owners: readonly string[], count: number, slots: number): Capacity[] {
  return owners.flatMap((owner) =>
    Array.from({ length: count }, (_, n) => capacityOf(`${owner}-${n}:${owner}:slots=${slots}`)),
  )
}

const others = Array.from({ length: 9 }, (_, n) => `o${n + 1}`)

type Answer = 'yes' | 'no' | 'silence'

/**
 * Runs a search to its end. Whoever says anything takes `answerMs` for it, and what lies between two rounds takes a millisecond.
 * Returns the standbys, all that were asked, and how long it took.
 */
function searched(search: StandbySearch, count: number, answerOf: (node: Capacity) => Answer, answerMs = 10) {
  const startedMs = 1_000_000
  let nowMs = startedMs
  const rounds = new StandbyRounds(search, count, nowMs)
  const standbys: Capacity[] = []
  const asked: Capacity[] = []
  for (;;) {
    const round = rounds.next(nowMs)
    assert(standbys.length + round.length <= count + askedBeyond, 'few more are asked than there are places')
    if (round.length === 0) return { standbys, asked, tookMs: nowMs - startedMs }
    const answers = round.map(answerOf)
    nowMs += (answers.includes('silence') ? inviteTtlMs : answerMs) + 1
    const said = { yes: 'willing', no: 'unwilling', silence: 'silent' } as const
    for (const [i, node] of round.entries()) {
      asked.push(node)
      if (rounds.answered(node, said[answers[i]!])) standbys.push(node)
    }
  }
}

// --- owners are drawn ---------------------------------------------------------------------------------------

const given = process.env.CARPOOL_SEED
const base = given === undefined ? Math.floor(Math.random() * 1e9) : Number(given)

/** 1,000 jobs, each with a seed of its own. Returns in how many of them each owner has a place. */
function jobsOf(roster: readonly Capacity[], count: number): Map<OwnerId, number> {
  const jobs = new Map<OwnerId, number>()
  for (let n = 0; n < 1_000; n += 1) {
    const seed = sha256(fromString(`job ${n} of ${base}`))
    const standbys = findStandbys(searchIn(roster, { seed }), count)
    assert.equal(standbys.length, count)
    for (const { owner } of standbys) jobs.set(owner, (jobs.get(owner) ?? 0) + 1)
  }
  return jobs
}

/** Six standard deviations and some: a sound draw leaves this range once in a thousand million runs. */
function assertShare(jobs: number | undefined, share: number, what: string): void {
  assert(jobs !== undefined, `${what}: at no job; CARPOOL_SEED=${base}`)
  const spread = 6.5 * Math.sqrt(1_000 * share * (1 - share))
  const text = `${what}: at ${jobs} of 1,000 jobs, and its share is ${share}; CARPOOL_SEED=${base}`
  assert(Math.abs(jobs - 1_000 * share) <= spread, text)
}

const crowds = [
  { what: 'the others have a node without slots each', roster: nodesOf(others, 1, 0) },
  { what: 'the others have one vehicle each', roster: nodesOf(others, 1, 1) },
  { what: 'the others have three vehicles each', roster: nodesOf(others, 3, 2) },
]

for (const { what, roster } of crowds)
  test(`one of ten owners with 50 nodes without slots sits at its share of 1,000 jobs, as the others do: ${what}`, (t) => {
    t.diagnostic(`CARPOOL_SEED=${base}`)
    const crowd = [...roster, ...nodesOf(['many'], 50, 0)]
    for (const count of [1, 2, 4]) {
      const jobs = jobsOf(crowd, count)
      for (const owner of ['many', ...others])
        assertShare(jobs.get(ownerNamed(owner)), count / 10, `${owner} with ${count} standbys`)
    }
  })

test('each node of an owner stands for it now and then; vehicles, and nodes that are stopped, only where it has nothing else', () => {
  const drawnOf = (roster: readonly Capacity[]) =>
    new Set(
      Array.from({ length: 200 }, (_, n) => {
        const seed = sha256(fromString(`job ${n}`))
        return findStandbys(searchIn(roster, { seed, replicas: 0 }), 1)[0]!.name
      }),
    )
  const stopped = (nodes: readonly Capacity[]) => nodes.map((node): Capacity => ({ ...node, mode: 'stop' }))
  const vehicles = [1, 2, 3].map((n) => capacityOf(`v${n}:o1:slots=1:engine=engine-2`))
  const depots = [1, 2, 3].map((n) => capacityOf(`d${n}:o1:slots=0`))
  assert.deepEqual([...drawnOf(vehicles)].sort(), ['v1', 'v2', 'v3'])
  assert.deepEqual([...drawnOf([...vehicles, ...depots])].sort(), ['d1', 'd2', 'd3'])
  assert.deepEqual([...drawnOf([...vehicles, ...stopped(depots)])].sort(), ['v1', 'v2', 'v3'])
  assert.deepEqual([...drawnOf(stopped([...vehicles, ...depots]))].sort(), ['d1', 'd2', 'd3'])
})

test('standbys belong to different owners, and leave enough owners to execute the job', () => {
  const options = { roster: capacities, count: fc.nat({ max: 7 }), replicas: fc.integer({ min: 1, max: 4 }) }
  fc.assert(
    fc.property(fc.record(options), ({ roster, count, replicas }) => {
      const found = findStandbys(searchIn(roster, { replicas }), count)
      const owners = new Set(found.map(({ owner }) => owner))
      assert(found.length <= count)
      assert.equal(owners.size, found.length, 'one for each owner')
      assert(!owners.has(ownerNamed('a')), 'and none of whom looks after the job already')

      const executing = new Set(roster.filter(executes).map(({ owner }) => owner))
      executing.delete(ownerNamed('a'))
      const present = roster.filter((node) => executes(node) && node.mode !== 'stop')
      const ready = new Set(present.map(({ owner }) => owner))
      ready.delete(ownerNamed('a'))
      const left = [...ready].filter((owner) => !owners.has(owner)).length
      const costs = found.map(({ owner }) => executing.has(owner))
      if (costs.includes(true)) assert(left >= replicas + spareOwners, `${left} owners are left`)

      const others = roster.filter(({ owner }) => owner !== ownerNamed('a') && !owners.has(owner))
      if (found.length < count)
        for (const { owner } of others)
          assert(
            executing.has(owner) && left - Number(ready.has(owner)) < replicas + spareOwners,
            'nobody is left out for nothing',
          )
    }),
  )
})

test('the roster may name its nodes in any order', () => {
  fc.assert(
    fc.property(capacities, fc.infiniteStream(fc.nat()), (roster, chance) => {
      const shuffled = roster
        .map((capacity) => ({ capacity, at: chance.next().value as number }))
        .sort((x, y) => x.at - y.at)
        .map(({ capacity }) => capacity)
      assert.deepEqual(
        namesOf(findStandbys(searchIn(shuffled), 3)),
        namesOf(findStandbys(searchIn(roster), 3)),
      )
    }),
  )
})

test('owners of vehicles are drawn only while the job can spare them', () => {
  const vehicles = [1, 2, 3, 4, 5].map((n) => capacityOf(`v${n}:o${n}:slots=${n}`))
  const depot = capacityOf('depot:d:slots=0')
  for (let n = 0; n < 50; n += 1) {
    const seed = sha256(fromString(`job ${n}`))
    const found = namesOf(findStandbys(searchIn([...vehicles, depot], { seed }), 3))
    assert.equal(found.length, 2)
    assert(found.includes('depot'))
    assert.deepEqual(namesOf(findStandbys(searchIn([...vehicles.slice(1), depot], { seed }), 3)), ['depot'])
    assert.deepEqual(namesOf(findStandbys(searchIn(vehicles.slice(1), { seed }), 3)), [], 'few spare nobody')
  }
})

test('vehicles that are in use or have left are none that the job could do without its standbys', () => {
  const vehicles = [1, 2, 3, 4, 5].map((n) => capacityOf(`v${n}:o${n}:slots=1`))
  const roster = vehicles.map((node, i): Capacity => ({ ...node, mode: i === 0 ? 'stop' : 'run' }))
  assert.equal(findStandbys(searchIn(vehicles), 3).length, 1)
  assert.equal(findStandbys(searchIn(roster, { replicas: 3 }), 3).length, 0)
  for (let n = 0; n < 50; n += 1) {
    const found = findStandbys(searchIn(roster, { seed: sha256(fromString(`job ${n}`)) }), 3)
    assert.deepEqual(namesOf(found), ['v1'], 'the four others are needed')
  }
})

test('a node without slots costs its owner like a vehicle when that owner has one, too', () => {
  const vehicles = [1, 2, 3, 4].map((n) => capacityOf(`v${n}:o${n}:slots=1`))
  const depot = capacityOf('depot:o1:slots=0')
  assert.deepEqual(namesOf(findStandbys(searchIn([...vehicles, depot]), 1)), [])
})

test('different jobs ask different nodes', () => {
  const roster = Array.from({ length: 20 }, (_, n) => capacityOf(`n${n}:o${n}:slots=0`))
  const firsts = Array.from({ length: 20 }, (_, n) => {
    const seed = sha256(fromString(`job ${n}`))
    return namesOf(findStandbys(searchIn(roster, { seed }), 1))[0]
  })
  assert(new Set(firsts).size > 5)
})

// --- they are asked -----------------------------------------------------------------------------------------

function inVain(...nodes: readonly Capacity[]): ReadonlyMap<PeerId, OwnerId> {
  return new Map(nodes.map(({ peer, owner }) => [peer, owner]))
}

test('a node that says that it does not stand by is not asked, and one that says nothing of it is', () => {
  const roster = ['d', 'e', 'f'].map((name) => capacityOf(`${name}:${name}:slots=0`))
  const said = [{ ...roster[0]!, standsBy: false }, { ...roster[1]!, standsBy: true }, roster[2]!]
  assert.deepEqual(namesOf(findStandbys(searchIn(said), 3)).sort(), ['e', 'f'])
  // It executes all the same, so that the job can spare another owner for it.
  const vehicles = [1, 2, 3, 4, 5].map((n) => ({ ...capacityOf(`v${n}:o${n}:slots=1`), standsBy: n === 5 }))
  assert.deepEqual(namesOf(findStandbys(searchIn(vehicles), 1)), ['v5'])
})

test('nobody is asked who was asked in vain', () => {
  const roster = ['d', 'e'].map((name) => capacityOf(`${name}:${name}:slots=0`))
  assert.deepEqual(namesOf(findStandbys(searchIn(roster, { inVain: inVain(roster[0]!) }), 3)), ['e'])
})

test('an owner that was asked in vain comes after all others, also when its node has gone', () => {
  const many = nodesOf(['many'], 50, 0)
  const roster = [...nodesOf(others, 1, 0), ...many]
  for (let n = 0; n < 50; n += 1) {
    const search = searchIn(roster, { seed: sha256(fromString(`job ${n}`)), inVain: inVain(many[0]!) })
    const [last, ...before] = findStandbys(search, 10).reverse()
    assert.equal(last!.owner, ownerNamed('many'))
    assert.equal(before.length, 9)
    const left = roster.filter((node) => node !== many[0])
    assert.deepEqual(findStandbys({ ...search, capacities: left }, 10), [...before.reverse(), last])
  }
})

test('the search asks the next owners of the draw for those that are not willing', () => {
  const roster = nodesOf(others, 1, 0)
  const order = findStandbys(searchIn(roster), 9)
  const answers = new Map<Capacity | undefined, Answer>([
    [order[0], 'silence'],
    [order[2], 'no'],
  ])
  const { standbys, asked } = searched(searchIn(roster), 3, (node) => answers.get(node) ?? 'yes')
  assert.deepEqual(
    standbys,
    [order[1], order[3], order[4]],
    'by their lots, however many were asked with them',
  )
  assert.deepEqual(asked, order)
})

test('nodes that say nothing, or no at the last moment, cost fifteen seconds at most', () => {
  const roster = nodesOf(others, 50, 0)
  assert(standbySearchMsMax <= 15_000)
  for (const answer of ['silence', 'no'] as const) {
    const { standbys, asked, tookMs } = searched(searchIn(roster), 7, () => answer, inviteTtlMs - 1)
    assert.deepEqual(standbys, [])
    assert(tookMs <= standbySearchMsMax, `${answer}: ${tookMs} ms`)
    assert(asked.length >= 4 * 7, 'and four rounds have room')
  }
})

test('fifty silent nodes of one owner cost no more than one', () => {
  const many = ownerNamed('many')
  const roster = [...nodesOf(others, 1, 0), ...nodesOf(['many'], 50, 0)]
  for (let n = 0; n < 100; n += 1) {
    const search = searchIn(roster, { seed: sha256(fromString(`job ${n}`)) })
    const { standbys, asked, tookMs } = searched(search, 2, ({ owner }) =>
      owner === many ? 'silence' : 'yes',
    )
    assert.equal(standbys.length, 2)
    assert(asked.filter(({ owner }) => owner === many).length <= 1)
    assert(tookMs <= inviteTtlMs + 100)
  }
})

test('nodes that decline at once are no reason to end the search: the last one that is willing is found', () => {
  const roster = nodesOf(others, 5, 0)
  const last = findStandbys(searchIn(roster), 9).at(-1)!
  const { standbys } = searched(searchIn(roster), 1, (node) => (node === last ? 'yes' : 'no'))
  assert.deepEqual(standbys, [last])
})

test('where fewer owners are willing than standbys are wanted, the search ends with those', () => {
  const roster = [...nodesOf(['o1', 'o2'], 1, 0), ...nodesOf(['many'], 50, 0)]
  const all = searched(searchIn(roster), 7, () => 'yes')
  assert.equal(new Set(all.standbys.map(({ owner }) => owner)).size, 3)
  assert.equal(all.standbys.length, 3)
  assert.deepEqual(searched(searchIn([]), 7, () => 'yes').standbys, [])
  assert.deepEqual(searched(searchIn(roster), 0, () => 'yes').asked, [])
})

test('an owner that the job could spare once another one declined is asked for it', () => {
  const vehicles = [1, 2, 3, 4, 5].map((n) => capacityOf(`v${n}:o${n}:slots=1`))
  const [first] = findStandbys(searchIn(vehicles), 1)
  const { standbys, asked } = searched(searchIn(vehicles), 2, (node) => (node === first ? 'no' : 'yes'))
  assert.equal(standbys.length, 1, 'five owners spare one of them')
  assert.equal(asked.length, 2)
})

test('a node that others cannot dial has one standby that they can, and draws the others from all', () => {
  const roster = Array.from({ length: 20 }, (_, i) =>
    capacityOf(`h${i}:oh${i}:slots=0${i === 7 || i === 9 ? ':reach=direct' : ':reach=outbound'}`),
  )
  const isDialled = ({ reach }: Capacity) => reach === 'direct'
  for (let draw = 0; draw < 20; draw += 1) {
    const search = searchIn(roster, { seed: sha256(fromString(`draw ${draw}`)), wantsDialled: true })
    const [first] = findStandbys({ ...search, capacities: roster.filter(isDialled) }, 2)
    for (const [willing, dialled] of [
      [() => true, 1],
      [(node: Capacity) => node !== first, 1],
      [(node: Capacity) => !isDialled(node), 0],
    ] as const) {
      const { standbys } = searched(search, 2, (node) => (willing(node) ? 'yes' : 'no'))
      assert.equal(standbys.length, 2)
      assert(standbys.filter(isDialled).length >= dialled, `draw ${draw}`)
    }
  }
  // Its place is kept for one that is asked only after others have said no.
  const hubs = Array.from({ length: 12 }, (_, i) => capacityOf(`d${i}:od${i}:slots=0:reach=direct`))
  const search = searchIn([...roster.filter((node) => !isDialled(node)), ...hubs], { wantsDialled: true })
  const last = findStandbys({ ...search, capacities: hubs }, 12).at(-1)!
  const { standbys } = searched(search, 2, (node) => (isDialled(node) && node !== last ? 'no' : 'yes'))
  assert(standbys.includes(last))
  const none = new StandbyRounds(searchIn(roster.slice(0, 5), { wantsDialled: true }), 2, 0)
  assert.equal(none.next(0).length, 5)
})

test('a node that is willing late gets the place that was kept for one that others can dial, which says nothing', () => {
  const nodes = [
    capacityOf('hub:h:slots=0'),
    { ...capacityOf('laptop:l:slots=0'), reach: 'relayed' as const },
  ]
  const rounds = new StandbyRounds(searchIn(nodes, { wantsDialled: true }), 1, 0)
  const answers = new Map<string, readonly ('willing' | 'silent')[]>([
    ['hub', ['silent', 'silent']],
    ['laptop', ['silent', 'willing', 'willing']],
  ])
  const placed: string[] = []
  let turn = 0
  for (let round = rounds.next(0); round.length > 0; round = rounds.next(turn * inviteTtlMs)) {
    for (const node of round) {
      const name = node.peer === nodes[0]!.peer ? 'hub' : 'laptop'
      if (rounds.answered(node, answers.get(name)![turn] ?? 'silent')) placed.push(name)
    }
    turn += 1
    assert(turn < 6, 'nobody is asked for ever')
  }
  assert.deepEqual(placed, ['laptop'])
})
