/** The nodes of a virtual world, each on a machine of its own. */
import type { OwnerId, PeerId } from '../protocol/ids.ts'
import { Chance } from './chance.ts'
import type { Foreigner } from './day.ts'
import { ownerNamed, peerNamed } from './fixtures.ts'
import { isAccomplice, isLiar, tempersOf, vehicleOwnersOf } from './liars.ts'
import { LyingSteward } from './lying/lying-steward.ts'
import type { Machines } from './machines.ts'
import type { Scenario } from './scenario.ts'
import type { SimJob } from './sim-job.ts'
import type { SimWorld } from './sim-world.ts'
import { StewardNode } from './steward-node.ts'
import { askOf, submitterOf } from './submission.ts'
import { VehicleNode } from './vehicle-node.ts'

export class Population {
  readonly stewards: readonly StewardNode[]
  readonly vehicles: VehicleNode[]
  /** Stewards first. */
  readonly all: (StewardNode | VehicleNode)[]
  /** The vehicles of other cells that the jobs of this one have met. */
  readonly foreign: VehicleNode[] = []
  readonly #world: SimWorld
  readonly #machines: Machines
  readonly #byPeer: Map<PeerId, StewardNode | VehicleNode>

  constructor(scenario: Scenario, seed: number, world: SimWorld, machines: Machines, chance: Chance) {
    this.#world = world
    this.#machines = machines
    const lying = lyingAmong(scenario, new Chance(seed, 'lying stewards'))
    this.stewards = Array.from({ length: scenario.stewards }, (_, i) => {
      const name = `steward-${i}`
      machines.add(peerNamed(name))
      if (!lying.has(i)) return new StewardNode(world, peerNamed(name), ownerNamed(name))
      const lies = new Chance(seed, `lies of ${name}`)
      return new LyingSteward(world, peerNamed(name), ownerNamed(name), lies, scenario)
    })
    const tempers = tempersOf(scenario)
    const owners = vehicleOwnersOf(scenario)
    this.vehicles = Array.from({ length: scenario.vehicles }, (_, i) => {
      const name = `car-${i}`
      const temper = tempers[i] ?? 'honest'
      const owner = owners[i]!
      const slowness = chance.happens(scenario.slow) ? 10 : 1
      machines.add(peerNamed(name))
      return new VehicleNode(world, peerNamed(name), owner, { temper, slowness, ask: askOf(scenario, i) })
    })
    this.all = [...this.stewards, ...this.vehicles]
    this.#byPeer = new Map(this.all.map((node) => [node.peer, node]))
  }

  /** A vehicle of another cell; undefined: it was met before. */
  meet({ peer, owner, isOfCartel }: Foreigner): VehicleNode | undefined {
    if (this.#byPeer.has(peer)) return undefined
    this.#machines.add(peer)
    const temper = isOfCartel ? 'cartel' : 'honest'
    const vehicle = new VehicleNode(this.#world, peer, owner, { temper, slowness: 1, ask: null })
    for (const list of [this.vehicles, this.all, this.foreign]) list.push(vehicle)
    this.#byPeer.set(peer, vehicle)
    return vehicle
  }

  get(peer: PeerId): StewardNode | VehicleNode | undefined {
    return this.#byPeer.get(peer)
  }

  vehicle(peer: PeerId): VehicleNode {
    return this.get(peer) as VehicleNode
  }

  get liars(): LyingSteward[] {
    return this.stewards.filter((node) => node instanceof LyingSteward)
  }

  get honest(): StewardNode[] {
    return this.stewards.filter((node) => !node.isLying)
  }

  isLying(peer: PeerId): boolean {
    const node = this.get(peer)
    return node?.role === 'steward' && node.isLying
  }

  isAccomplice(peer: PeerId): boolean {
    const node = this.get(peer)
    return node?.role === 'vehicle' ? isAccomplice(node.temper) : this.isLying(peer)
  }

  isOfCartel(peer: PeerId): boolean {
    const node = this.get(peer)
    return node?.role === 'vehicle' && node.temper === 'cartel'
  }

  /** Tells whether some vehicle of this owner lies, by itself or together with others. */
  isLiar(owner: OwnerId): boolean {
    return this.vehicles.some((vehicle) => vehicle.owner === owner && isLiar(vehicle.temper))
  }

  /** How often the stewards that lie took each of their ways, and their accomplices theirs. */
  lies(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const { lies } of this.liars) for (const [way, times] of lies) sums[way] = (sums[way] ?? 0) + times
    return sums
  }

  isUp({ peer }: { readonly peer: PeerId }): boolean {
    return this.#machines.isUp(peer)
  }

  /**
   * A job of which all honest stewards are gone is lost indeed: one that has all it takes stays. A node that a liar made a
   * steward is none of them, since it leaves again.
   */
  mayLose(peer: PeerId, jobs: readonly SimJob[]): boolean {
    const [node] = this.stewards.filter((steward) => steward.peer === peer)
    const others = this.honest.filter((other) => other !== node && !this.#machines.of(other.peer).lost)
    return jobs.every(
      (job) =>
        !node!.knows(job) ||
        others.some((other) => other.hasInputs(job) && (this.liars.length === 0 || isFirst(other, job))),
    )
  }
}

/** Draws the numbers of the stewards that lie, among those that submit no job themselves. */
function lyingAmong({ lyingStewards, stewards, jobs, standbys }: Scenario, chance: Chance): Set<number> {
  const submitters = new Set(Array.from({ length: jobs }, (_, job) => submitterOf(job, standbys, stewards)))
  const left = Array.from({ length: stewards }, (_, i) => i).filter((i) => !submitters.has(i))
  const lying = new Set<number>()
  while (lying.size < Math.round(stewards * lyingStewards) && left.length > 0)
    lying.add(left.splice(chance.between(0, left.length - 1), 1)[0]!)
  return lying
}

/** Tells whether the manifest names it as a steward. */
function isFirst({ peer }: StewardNode, { manifest }: SimJob): boolean {
  return manifest.payload.stewards.some((place) => place.peer === peer)
}
