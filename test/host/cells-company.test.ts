/** Speakers of cells that must find each other: real networks, on the time of a mesh. */
import assert from 'node:assert/strict'
import { after, before, mock, test } from 'node:test'
import { pino } from 'pino'
import { defaultBounds } from '../../src/host/network/bounds.ts'
import { CellTalk, type CellTalkParts } from '../../src/host/network/cell-talk.ts'
import {
  defaultCellLimits,
  digestIntervalMs,
  digestSpacingMs,
  digestTtlMs,
  speakersForMs,
} from '../../src/protocol/cell-limits.ts'
import { advertTtlMs } from '../../src/protocol/limits.ts'
import { MeshClock } from '../support/mesh-clock.ts'
import { Town } from '../support/town.ts'

const minute = 60_000
/** As long as speakers are silent between two digests. */
const stepMs = digestSpacingMs
/** In the first there is always one that does not speak. */
const cells = new Map([
  ['0', 4],
  ['10', 3],
  ['11', 2],
])
const all = 9
/** So few neither split nor merge. */
const limits = { ...defaultCellLimits, splitAbove: 9, mergeBelow: 2 }

let town: Town
before(async () => {
  const clock = new MeshClock()
  // A while before others speak.
  clock.set(2 * speakersForMs - (clock.now() % speakersForMs) - 9 * minute)
  town = await Town.start(cells, limits, clock)
})
after(() => town?.stop())

/** How many nodes the mesh has, as each node knows from those who speak. */
function counted(): (number | null)[] {
  return town.citizens.map(({ view }) => view.mesh)
}

function everybodyCounts(nodes: number): void {
  assert.deepEqual(new Set(counted()), new Set([nodes]))
}

test('digests of all cells go up the tree and down again, so that each node knows how large the mesh is', async () => {
  // The first digest may be said before a connection stands that it needs; the next comes with the interval.
  const endMs = town.clock.now() + 4 * digestIntervalMs
  do await town.live(minute, stepMs)
  while (counted().some((count) => count !== all) && town.clock.now() < endMs)
  everybodyCounts(all)
})

test('they keep coming when others speak, for longer than a digest holds', async () => {
  const spoke = town.citizens.filter(({ view }) => view.isSpeaker)
  await town.live(8 * minute, stepMs)
  everybodyCounts(all)
  // Keys decide who speaks, and now and then they choose the same ones again.
  for (
    let again = 0;
    again < 5 && town.citizens.every((one) => one.view.isSpeaker === spoke.includes(one));
    again += 1
  )
    await town.live(speakersForMs, stepMs)
  assert.notDeepEqual(
    town.citizens.filter(({ view }) => view.isSpeaker),
    spoke,
  )
  await town.live(digestTtlMs, stepMs)
  everybodyCounts(all)
})

test('a lie that one node of a cell can prove is proven to all speakers within minutes, and to all who might lease to its owner', async () => {
  const liar = town.in('0').find(({ view }) => view.isSpeaker)!
  const { owner } = liar.capacity
  const [witness] = town.in('11')
  witness!.see(owner)
  await town.live(6 * minute, stepMs)
  for (const { view, cell, banned } of town.citizens)
    assert(banned.has(owner) || (!view.isSpeaker && cell !== liar.cell), `a node of ${cell} does not know`)
})

test('all but one of a cell end at once: it finds those who speak for others', async () => {
  const gone = town.in('0').filter(({ view }) => view.isSpeaker)
  await town.end(gone, advertTtlMs)
  await town.live(advertTtlMs + 3 * minute, stepMs)
  const [left] = town.in('0')
  assert(left!.view.isSpeaker)
  const others = town.citizens.filter((one) => one !== left).map(({ capacity }) => capacity.peer)
  assert.deepEqual(left!.network.cells!.sharing('digest/region/').toSorted(), others.toSorted())
})

test('a connection over which nothing goes ends, unless its peer is near, or one of some in a channel that is kept up', async () => {
  mock.timers.enable({ apis: ['setInterval'] })
  const ended: string[] = []
  const names = [
    'near',
    'stranger',
    ...Array.from({ length: 2 * defaultBounds.degreeMin + 1 }, (_, i) => `s${i}`),
  ]
  const connections = names.map((name) => ({
    remotePeer: { toString: () => name },
    streams: [],
    close: async () => void ended.push(name),
  }))
  let nowMs = 0
  const node = {
    handle: async () => {},
    addEventListener: () => {},
    getConnections: () => connections.filter(({ remotePeer }) => !ended.includes(`${remotePeer}`)),
  }
  const talk = new CellTalk(
    node as never,
    {
      neighbours: { isNear: (peer: string) => peer === 'near' },
      gossip: { subscribersOf: (channel: string) => (channel === 'kept' ? names.slice(2) : []) },
      control: { usedMs: () => undefined },
      ...{ bounds: defaultBounds, log: pino({ level: 'silent' }), isBusy: () => false, now: () => nowMs },
    } as unknown as CellTalkParts,
  )
  await talk.listen()
  talk.keepUp(['kept'])
  nowMs = minute
  mock.timers.tick(5_000)
  assert.deepEqual(ended, ['stranger', names.at(-1)])
  talk.stop()
  mock.timers.reset()
})
