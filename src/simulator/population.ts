/** The nodes of a virtual world, each on a machine of its own. */
import type { PeerId } from '../protocol/ids.ts'
import type { Chance } from './chance.ts'
import { ownerNamed, peerNamed } from './fixtures.ts'
import { tempersOf } from './liars.ts'
import type { Machines } from './machines.ts'
import type { Scenario } from './scenario.ts'
import type { SimJob } from './sim-job.ts'
import type { SimWorld } from './sim-world.ts'
import { StewardNode } from './steward-node.ts'
import { askOf } from './submission.ts'
import { VehicleNode } from './vehicle-node.ts'

export class Population {
  readonly stewards: readonly StewardNode[]
  readonly vehicles: readonly VehicleNode[]
  /** Stewards first. */
  readonly all: readonly (StewardNode | VehicleNode)[]
  readonly #machines: Machines
  readonly #byPeer: ReadonlyMap<PeerId, StewardNode | VehicleNode>

  constructor(scenario: Scenario, world: SimWorld, machines: Machines, chance: Chance) {
    this.#machines = machines
    this.stewards = Array.from({ length: scenario.stewards }, (_, i) => {
      const name = `steward-${i}`
      machines.add(peerNamed(name))
      return new StewardNode(world, peerNamed(name), ownerNamed(name))
    })
    const tempers = tempersOf(scenario)
    this.vehicles = Array.from({ length: scenario.vehicles }, (_, i) => {
      const name = `car-${i}`
      const temper = tempers[i] ?? 'honest'
      const owner = ownerNamed(temper === 'same-owner' ? 'liars' : name)
      const slowness = chance.happens(scenario.slow) ? 10 : 1
      machines.add(peerNamed(name))
      return new VehicleNode(world, peerNamed(name), owner, { temper, slowness, ask: askOf(scenario, i) })
    })
    this.all = [...this.stewards, ...this.vehicles]
    this.#byPeer = new Map(this.all.map((node) => [node.peer, node]))
  }

  get(peer: PeerId): StewardNode | VehicleNode | undefined {
    return this.#byPeer.get(peer)
  }

  vehicle(peer: PeerId): VehicleNode {
    return this.get(peer) as VehicleNode
  }

  isUp({ peer }: { readonly peer: PeerId }): boolean {
    return this.#machines.isUp(peer)
  }

  /** A job of which all stewards are gone is lost indeed: one that has all it takes stays. */
  mayLose(peer: PeerId, jobs: readonly SimJob[]): boolean {
    const [node] = this.stewards.filter((steward) => steward.peer === peer)
    const others = this.stewards.filter((other) => other !== node && !this.#machines.of(other.peer).lost)
    return jobs.every((job) => !node!.knows(job) || others.some((other) => other.hasInputs(job)))
  }
}
