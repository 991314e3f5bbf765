/** Plans the trouble of a world from its scenario: machines, networks, disks, clocks and drivers fail. */
import type { PeerId } from '../protocol/ids.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import { Chance } from './chance.ts'
import type { Day, LifeChange } from './day.ts'
import { dayMs, privateTrips, robotaxiTrips } from './drives.ts'
import { nameOf } from './fixtures.ts'
import type { Condition } from './machines.ts'
import type { Mesh } from './mesh.ts'
import type { Scenario } from './scenario.ts'
import type { SimNode } from './sim-world.ts'
import type { Timeline } from './timeline.ts'

/** A node to which trouble can happen. */
export interface Fallible extends SimNode {
  /** After a crash: it knows nothing but what was durable. */
  restart(): void
  linked(peer: PeerId, up: boolean): void
  /** Its clock was set: forward by so much, or back when negative. */
  clockSet(byMs: number): void
  /** A bit flips on its disk. */
  flip(chance: Chance): void
}

/** A node whose owner may take it away. */
export interface Drivable extends Fallible {
  setMode(mode: Capacity['mode']): void
}

export interface Surroundings {
  readonly scenario: Scenario
  readonly seed: number
  /** Nothing goes wrong any more from then on, so that the world may heal. */
  readonly untilMs: number
  readonly timeline: Timeline
  readonly mesh: Mesh
  readonly stewards: readonly Fallible[]
  readonly vehicles: readonly Drivable[]
  conditionOf(node: SimNode): Condition
  /** In this node's process. */
  later(node: SimNode, delayMs: number, happen: () => void): void
  note(event: () => string): void
  /** Tells whether every job would still have a steward that can end it. */
  mayLose(steward: Fallible): boolean
  /** Its machine is down now. */
  down(node: SimNode): void
}

/** Long enough for a connection to be noticed as lost. */
const noticeMs = 1_000
const downMsMax = 20_000
/** A vehicle that leaves has stopped its work for so long. */
const leavingMs = 10_000
const partitionMsMax = 40_000
const clogMsMax = 30_000
const fullMsMax = 60_000
const pauseMs = 60_000
export const clockJumpMsMax = 600_000

export class Trouble {
  readonly #world: Surroundings
  readonly #fate: Chance
  /** Only this steward's disk flips bits, so that results it loses are on another's. */
  readonly #flipped: Fallible | undefined
  /** Nodes whose day has them elsewhere. */
  readonly #away = new Set<Fallible>()

  constructor(world: Surroundings) {
    this.#world = world
    this.#fate = new Chance(world.seed, 'fate')
    this.#flipped = world.stewards[this.#fate.between(0, world.stewards.length - 1)]
  }

  plan(): void {
    const { scenario, stewards, vehicles } = this.#world
    for (const node of [...stewards, ...vehicles]) {
      this.#recur(scenario.crashEveryMs, () => this.#crash(node))
      this.#recur(scenario.pauseEveryMs, () => this.#pause(node))
      this.#recur(scenario.clockJumpEveryMs, () => this.#jump(node))
      this.#recur(scenario.diskFullEveryMs, () => this.#fill(node))
    }
    this.#recur(scenario.partitionEveryMs, () => this.#partition())
    this.#recur(scenario.clogEveryMs, () => this.#clog())
    this.#recur(scenario.bitFlipEveryMs, () => this.#flip())
    this.#planDrives()
  }

  /** A day's comings and goings, and its partition. */
  planDay({ lives, parted }: Day): void {
    const { stewards, vehicles, timeline } = this.#world
    for (const node of [...stewards, ...vehicles]) {
      const life = lives.get(node.peer)
      if (life !== undefined) this.live(node, life)
    }
    if (parted === null) return
    timeline.at(parted.fromMs, () => {
      const nodes = [...stewards, ...vehicles]
      const side = new Set(nodes.filter(({ peer }) => parted.isApart(peer)).map(({ peer }) => peer))
      this.#cut(nodes, side, false)
      timeline.at(parted.untilMs, () => this.#healAll(nodes, side))
    })
  }

  /** Plans the rest of a life: a node is already as the part that is over left it. */
  live(node: Fallible, life: readonly LifeChange[]): void {
    const { timeline } = this.#world
    for (const change of life) timeline.at(change.atMs, () => this.#change(node, change))
  }

  #change(node: Fallible, { isHere, works }: LifeChange): void {
    const { later, timeline } = this.#world
    const setMode = (mode: Capacity['mode']) => {
      if (isDrivable(node)) later(node, 0, () => node.setMode(mode))
    }
    if (isHere) {
      this.#away.delete(node)
      this.#up(node)
      setMode(works ? 'run' : 'stop')
      return
    }
    this.#away.add(node)
    setMode('stop')
    timeline.at(timeline.nowMs + (timeline.nowMs === 0 ? 0 : leavingMs), () => {
      if (this.#away.has(node)) this.#down(node)
    })
  }

  #down(node: Fallible): void {
    const condition = this.#world.conditionOf(node)
    if (!condition.up) return
    condition.up = false
    condition.life += 1
    this.#world.down(node)
    this.#tellOthers(node, false)
  }

  #up(node: Fallible): void {
    const condition = this.#world.conditionOf(node)
    if (condition.up || condition.lost || this.#away.has(node)) return
    condition.up = true
    this.#world.note(() => `${nameOf(node.peer)} is back`)
    node.restart()
    this.#tellOthers(node, true)
  }

  #planDrives(): void {
    const { scenario, vehicles, untilMs } = this.#world
    const { parkedMs, drivingMs, robotaxis, privateCars } = scenario
    const startMs = this.#fate.between(0, 6) * dayMs
    vehicles.forEach((vehicle, i) => {
      if (parkedMs > 0)
        this.#recur(parkedMs, () => this.#drive(vehicle, this.#fate.between(1, 2 * drivingMs)))
      const share = (i + 0.5) / vehicles.length
      const trips =
        share < robotaxis ? robotaxiTrips : share < robotaxis + privateCars ? privateTrips : undefined
      if (trips === undefined) return
      for (let dayAtMs = 0; dayAtMs < untilMs; dayAtMs += dayMs)
        for (const { atMs, forMs } of trips(this.#fate, Math.floor((startMs + dayAtMs) / dayMs) % 7))
          if (dayAtMs + atMs < untilMs)
            this.#world.timeline.at(dayAtMs + atMs, () => this.#drive(vehicle, forMs))
    })
  }

  /** Again and again, until the trouble is over. */
  #recur(everyMs: number, happen: () => void): void {
    if (everyMs === 0) return
    const { timeline, untilMs } = this.#world
    const atMs = timeline.nowMs + this.#fate.between(1, 2 * everyMs)
    if (atMs >= untilMs) return
    timeline.at(atMs, () => {
      happen()
      this.#recur(everyMs, happen)
    })
  }

  #crash(node: Fallible): void {
    const { scenario, timeline, note } = this.#world
    const condition = this.#world.conditionOf(node)
    if (!condition.up) return
    condition.lost =
      node.role === 'steward' && this.#fate.happens(scenario.lostForGood) && this.#world.mayLose(node)
    note(() => `${nameOf(node.peer)} crashes${condition.lost ? ' for good' : ''}`)
    this.#down(node)
    if (condition.lost) return
    timeline.at(timeline.nowMs + this.#fate.between(500, downMsMax), () => this.#up(node))
  }

  #pause(node: SimNode): void {
    const { timeline, note } = this.#world
    this.#world.conditionOf(node).pausedUntilMs = timeline.nowMs + pauseMs
    note(() => `${nameOf(node.peer)} sleeps for a minute`)
  }

  /** A process that runs notices it at once, as src/host/clock.ts does. */
  #jump(node: Fallible): void {
    const condition = this.#world.conditionOf(node)
    const beforeMs = condition.skewMs
    condition.skewMs = this.#fate.between(-clockJumpMsMax, clockJumpMsMax)
    this.#world.note(() => `the clock of ${nameOf(node.peer)} is off by ${condition.skewMs} ms`)
    if (condition.up) this.#world.later(node, 0, () => node.clockSet(condition.skewMs - beforeMs))
  }

  #fill(node: SimNode): void {
    const { timeline, note } = this.#world
    const condition = this.#world.conditionOf(node)
    condition.diskIsFull = true
    note(() => `the disk of ${nameOf(node.peer)} is full`)
    timeline.at(timeline.nowMs + this.#fate.between(1, fullMsMax), () => {
      condition.diskIsFull = false
    })
  }

  #flip(): void {
    const { vehicles, note } = this.#world
    const victim = this.#fate.happens(0.5)
      ? this.#flipped
      : vehicles[this.#fate.between(0, vehicles.length - 1)]
    if (victim === undefined) return
    note(() => `a bit flips on the disk of ${nameOf(victim.peer)}`)
    victim.flip(this.#fate)
  }

  #drive(vehicle: Drivable, forMs: number): void {
    const { later, note } = this.#world
    later(vehicle, 0, () => {
      note(() => `${nameOf(vehicle.peer)} drives off`)
      vehicle.setMode('stop')
      later(vehicle, forMs, () => vehicle.setMode('run'))
    })
  }

  #partition(): void {
    const { stewards, vehicles, timeline } = this.#world
    const nodes = [...stewards, ...vehicles]
    const side = new Set(nodes.filter(() => this.#fate.happens(0.5)).map(({ peer }) => peer))
    this.#cut(nodes, side, this.#fate.happens(1 / 3))
    timeline.at(timeline.nowMs + this.#fate.between(2_000, partitionMsMax), () => this.#healAll(nodes, side))
  }

  #cut(nodes: readonly Fallible[], side: ReadonlySet<PeerId>, oneWay: boolean): void {
    const { mesh, note } = this.#world
    for (const a of nodes)
      for (const b of nodes)
        if (side.has(a.peer) && !side.has(b.peer)) {
          mesh.cut(a.peer, b.peer)
          if (!oneWay) mesh.cut(b.peer, a.peer)
        }
    note(() => `${oneWay ? 'one way, ' : ''}${side.size} nodes are cut off`)
    this.#link(nodes, side, false)
  }

  #healAll(nodes: readonly Fallible[], side: ReadonlySet<PeerId>): void {
    this.#world.mesh.heal()
    this.#world.note(() => 'the network heals')
    this.#link(nodes, side, true)
  }

  #clog(): void {
    const { stewards, vehicles, mesh, timeline, note } = this.#world
    const nodes = [...stewards, ...vehicles]
    const [from, to] = [0, 1].map(() => nodes[this.#fate.between(0, nodes.length - 1)]!)
    mesh.clog(from!.peer, to!.peer, timeline.nowMs + this.#fate.between(1, clogMsMax))
    note(() => `what ${nameOf(from!.peer)} says to ${nameOf(to!.peer)} is held back`)
  }

  #link(nodes: readonly Fallible[], side: ReadonlySet<PeerId>, up: boolean): void {
    for (const node of nodes)
      this.#world.later(node, noticeMs, () => {
        for (const { peer } of nodes) if (side.has(peer) !== side.has(node.peer)) node.linked(peer, up)
      })
  }

  /** Vehicles care for stewards only. */
  #tellOthers(node: Fallible, up: boolean): void {
    const { stewards, vehicles, mesh, later } = this.#world
    for (const other of node.role === 'steward' ? [...stewards, ...vehicles] : stewards)
      if (other !== node) later(other, mesh.delayMs(), () => other.linked(node.peer, up))
  }
}

function isDrivable(node: Fallible): node is Drivable {
  return node.role === 'vehicle'
}
