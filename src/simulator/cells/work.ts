/**
 * Work in the sampled cells: each is a virtual world (../world.ts) of its vehicles for the day, with councils, workers, disks and a network, a
 * dozen nodes that look after jobs, and all checkers. Its vehicles come, go and work as their days say. Jobs that are too large for the
 * cell draw vehicles of other cells, which are what is known of all vehicles (elsewhere.ts); those that are met join the world.
 *
 * One cell after the other, so that a machine has room for one. Cells are those of the day's end.
 */
import { censusMax, censusWanted } from '../../protocol/cell-limits.ts'
import { arcLength, arcOfCensus } from '../../protocol/cells/arc.ts'
import { arcOf, circle, distance, holds, isInArc } from '../../protocol/cells/key.ts'
import type { Member } from '../../protocol/cells/member.ts'
import type { CellId, PeerId } from '../../protocol/ids.ts'
import { advertsRoot, encodeAdverts } from '../../protocol/job/abroad.ts'
import { advertTtlMs } from '../../protocol/limits.ts'
import { rawCid } from '../../protocol/record/block.ts'
import { encodeBody, type SignedRecord } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { Chance, cheapHash } from '../chance.ts'
import type { Day, Foreigner, Found, LifeChange } from '../day.ts'
import { drawSecretNamed, peerNamed } from '../fixtures.ts'
import { calm, type Scenario } from '../scenario.ts'
import { World } from '../world.ts'
import { runCensus } from './census-run.ts'
import type { Elsewhere, Moment } from './elsewhere.ts'
import { stepMs, stepsPerDay } from './presence.ts'
import { type Steps, vehicleOf } from './whole.ts'
import type { CellOutcome } from './worked.ts'

const hourMs = 3_600_000
/** The hours at which jobs come, the last when the day's trouble has begun; and how many times 200 shards of a minute they have. */
const jobs = [
  { hour: 2, size: 1 },
  { hour: 9, size: 1 },
  { hour: 17.75, size: 1 },
  { hour: 20.25, size: 4 },
]
const signature = new Uint8Array(64)

/** Machines restart every four hours on average, and of those of stewards one in four never comes back. */
const usual: Scenario = {
  ...{ ...calm, name: 'cell', jobs: jobs.length, shardsPerJob: 200, shardCostMs: 60_000 },
  ...{ stewards: 12, standbys: 2, unitMicros: 200, budget: 20 },
  ...{ loss: 0.01, crashEveryMs: 4 * hourMs, lostForGood: 0.25 },
}

export interface CellWork {
  readonly seed: number
  /** The cell's place among those that are sampled: its jobs have numbers of their own. */
  readonly index: number
  readonly cell: CellId
  /** Less than all of a day, and other sizes, for tests. */
  readonly hours?: number
  readonly sizes?: Partial<Scenario>
}

export function workIn(
  elsewhere: Elsewhere,
  { seed, index, cell, hours = 24, sizes = {} }: CellWork,
): CellOutcome {
  const { whole } = elsewhere
  const members = membersOf(elsewhere, cell)
  const { cartelEvery, parted, dark } = whole.trouble
  const cartel = cartelEvery === undefined ? 0 : 1 / cartelEvery
  const scenario = { ...usual, ...sizes, vehicles: members.length, cartel }
  const chance = new Chance(seed, `work in ${cell}`)
  const lives = new Map(members.map((vehicle, i) => [peerNamed(`car-${i}`), lifeOf(elsewhere, vehicle, 0)]))
  if (dark !== undefined)
    for (let i = 0; i < scenario.stewards * dark.share; i += 1)
      lives.set(peerNamed(`steward-${i}`), awayIn(dark))
  const isApart = (peer: PeerId) => isApartIn(members, peer)
  const day: Day = {
    ...{ lives, firstJob: firstJobOf(index), sizes: jobs.map(({ size }) => size) },
    submittedMs: jobs.map(({ hour }) =>
      Math.round((hours / 24) * (hour * hourMs + chance.between(0, hourMs / 2))),
    ),
    parted: parted === undefined ? null : { ...msOf(parted), isApart },
    census: (job, number, steward, nowMs) => {
      const step = Math.floor(nowMs / stepMs) % stepsPerDay
      const side = whole.isParted(step) && isApart(steward) ? 1 : 0
      return censusFor(elsewhere, { drawSecret: job.drawSecret, index: number, cell, nowMs }, { step, side })
    },
  }
  const outcome = new World(scenario, seed + index, hours * 60, day).run()
  const shards = scenario.shardsPerJob * jobs.reduce((sum, { size }) => sum + size, 0)
  return { ...outcome, vehicles: members.length, shards }
}

/** The cell in the middle of what the first sampled cell's first census abroad looks at. */
export function firstCellAbroad({ whole }: Elsewhere): CellId {
  const largest = jobs.findIndex(({ size }) => size > 1)
  const secret = drawSecretNamed(`job ${firstJobOf(0) + largest}`)
  const all = whole.presentAt[(jobs[largest]!.hour * hourMs) / stepMs]!
  const arc = arcOfCensus(cheapHash, secret, 0, arcLength(censusWanted, all))
  return whole.cellOf((arc.from + arc.length / 2) % circle)
}

function firstJobOf(index: number): number {
  return (1 + index) * 1_000
}

function membersOf({ whole }: Elsewhere, cell: CellId): number[] {
  const arc = arcOf(cell)
  const order = whole.order()
  const members: number[] = []
  for (let i = whole.placeOf(arc.from); i < order.length && isInArc(arc, whole.keys[order[i]!]!); i += 1)
    members.push(order[i]!)
  return members
}

function censusFor(
  elsewhere: Elsewhere,
  asked: {
    readonly drawSecret: Uint8Array
    readonly index: number
    readonly cell: CellId
    readonly nowMs: number
  },
  moment: Moment,
): Found | undefined {
  const { whole } = elsewhere
  if (whole.cells().length === 1) return undefined
  const { drawSecret, index, cell, nowMs } = asked
  const expected = whole.presentAt[moment.step]!
  const arc = arcOfCensus(cheapHash, drawSecret, index, arcLength(censusWanted, expected))
  const result = runCensus(
    {
      ...{ index, arc, engine: null, expected, offers: () => true },
      contacts: (key) => elsewhere.contactsNear(key, 8, moment),
    },
    {
      cellOf: ({ peer }) => elsewhere.cellOf(vehicleOf(peer)!, moment),
      contacts: (key, { peer }) => elsewhere.contactsNear(key, 8, moment, vehicleOf(peer)!),
      members: ({ peer }) => elsewhere.membersIn(arc, vehicleOf(peer)!, moment),
    },
  )
  const { doubted, cells } = result
  // In this world the cell's own vehicles have other names.
  const found = result.members.filter(({ key }) => !holds(cell, key))
  const length = found.length > censusMax ? distance(arc.from, found[censusMax]!.key) : arc.length
  const members = found.slice(0, censusMax).sort((a, b) => (a.peer < b.peer ? -1 : 1))
  if (members.length === 0) return undefined
  const adverts = members.map((member) => advertOf(member, moment.step))
  const census = {
    ...{ index, length, expected, doubted: doubted.slice(0, 64) },
    ...{ root: advertsRoot(cheapHash, adverts), adverts: rawCid(cheapHash, encodeAdverts(adverts)) },
  }
  const candidates = members.map(({ peer, owner, key }) => ({ peer, owner, key, vehicles: null }))
  return {
    ...{ list: { candidates, census }, adverts },
    members: members.map((member) => ({
      ...{ ...member, vehicles: null },
      cell: cells.find((each) => holds(each, member.key))!,
    })),
    vehicles: members.map((member) => foreigner(elsewhere, member, nowMs)),
  }
}

function foreigner(elsewhere: Elsewhere, { peer, owner }: Member, nowMs: number): Foreigner {
  const vehicle = vehicleOf(peer)!
  const life = lifeOf(elsewhere, vehicle, nowMs)
  return { peer, owner, isOfCartel: elsewhere.whole.isOfCartel(vehicle), life }
}

/** Signed when its step began. */
function advertOf(
  { peer, owner: _, key: __, serial, expiresMs: ___, ...payload }: Member,
  step: number,
): SignedRecord {
  const body = bodyOf('advert', { signer: peer, serial, expiresMs: step * stepMs + advertTtlMs, payload })
  return { body: encodeBody(body), signature }
}

/** The changes of its day from then on, each at some moment of its step. */
function lifeOf({ whole }: Elsewhere, vehicle: number, fromMs: number): LifeChange[] {
  const changes: LifeChange[] = []
  const chance = new Chance(vehicle, 'changes')
  for (let step = Math.min(stepsPerDay - 1, Math.floor(fromMs / stepMs)); step < stepsPerDay; step += 1) {
    const [isHere, works] = [whole.isHere(vehicle, step), whole.worksAt(vehicle, step)]
    const last = changes.at(-1)
    if (last?.isHere === isHere && last.works === works) continue
    const atMs = last === undefined ? fromMs : step * stepMs + chance.between(0, stepMs - 1)
    changes.push({ atMs, isHere, works })
  }
  return changes
}

function awayIn(steps: Steps): LifeChange[] {
  const { fromMs, untilMs } = msOf(steps)
  const change = (atMs: number, isHere: boolean) => ({ atMs, isHere, works: false })
  return [change(0, true), change(fromMs, false), change(untilMs, true)]
}

function msOf({ fromStep, untilStep }: Steps) {
  return { fromMs: fromStep * stepMs, untilMs: untilStep * stepMs }
}

/** A third of all: of the cell's vehicles those that are apart in the whole mesh, and of its other nodes every third. */
function isApartIn(members: readonly number[], peer: PeerId): boolean {
  const [kind, number] = peer.replace(/\.+$/, '').split('-')
  return (kind === 'car' ? members[Number(number)]! : Number(number)) % 3 === 0
}
