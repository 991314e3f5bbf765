/**
 * The sampled cells of a mesh: every node in one part of the circle runs the production machine, hears its cell and its regions, comes and
 * goes as its day says, and takes a census now and then. All other nodes answer from what is known of them (whole.ts).
 */
import { digestTtlMs } from '../../protocol/cell-limits.ts'
import type { KeptCell } from '../../protocol/cells/contract.ts'
import type { HeardDigest } from '../../protocol/cells/digest.ts'
import { type Arc, arcOf, circle, isInArc, keyBits, wholeMesh } from '../../protocol/cells/key.ts'
import type { Contact, Member } from '../../protocol/cells/member.ts'
import { Proofs } from '../../protocol/cells/proofs.ts'
import type { CellId, OwnerId, PeerId } from '../../protocol/ids.ts'
import { cheapHash } from '../chance.ts'
import { cidOf, ownerNamed, peerNamed, secretNamed } from '../fixtures.ts'
import { nodesAstray } from './astray.ts'
import type { MeshCounts } from './cells-world.ts'
import { Elsewhere, type Moment } from './elsewhere.ts'
import type { Outside } from './far-node.ts'
import { CellMesh } from './mesh.ts'
import type { CellNode } from './node.ts'
import { stepMs } from './presence.ts'
import { type CoarseMesh, peerOfVehicle, type StepCounts, vehicleOf } from './whole.ts'

const censusEverySteps = 2
/** Owners of fleets among the vehicles: one in five vehicles is a robotaxi of one of so many. */
const fleetOwners = 40

export class Region implements Outside {
  readonly mesh: CellMesh
  readonly arc: Arc
  /** Node-steps that were simulated by their machines. */
  nodeSteps = 0
  /** Vehicles of which a node in the part knew, summed over node-steps. */
  known = 0
  speakers = 0
  /** By step, the nodes that are in a cell beside or above that of others around them. */
  readonly astray: number[] = []
  readonly #elsewhere: Elsewhere
  readonly #whole: CoarseMesh
  readonly #sampled: number[] = []
  readonly #nodes = new Map<number, CellNode>()
  readonly #kept = new Map<number, CellNode['kept']>()
  #step = 0
  #censuses = 0

  /** `cells`: how many of the mesh's cells are sampled, about. */
  constructor(whole: CoarseMesh, seed: number, first: StepCounts, cells: number) {
    this.#whole = whole
    this.#elsewhere = new Elsewhere(whole, ownerOfVehicle)
    this.mesh = new CellMesh(seed)
    this.mesh.outside = this
    // A part that is a power of two of the circle.
    const parts = 2 ** Math.max(0, Math.floor(Math.log2(first.cells / cells)))
    this.arc = { from: 0, length: circle / parts }
    for (let vehicle = 0; vehicle < whole.size; vehicle += 1)
      if (isInArc(this.arc, whole.keys[vehicle]!)) this.#sampled.push(vehicle)
    // Of the sampled cells one is the cartel's, where there is one.
    if (whole.trouble.cartelEvery !== undefined) this.#elsewhere.captured = whole.cells()[0]!
    for (let i = 0; i < 3; i += 1)
      this.mesh.comeAsBootstrap(this.mesh.memberNamed(`bootstrap-${i}`, `operator-${i}`))
  }

  get counts(): MeshCounts {
    return this.mesh.counts
  }

  get sampled(): number {
    return this.#sampled.length
  }

  nodes(): CellNode[] {
    return [...this.#nodes.values()]
  }

  /** Lives through one step of the day. */
  live(counts: StepCounts): void {
    const { mesh } = this
    this.#step = counts.step
    const startMs = mesh.timeline.nowMs
    for (const vehicle of this.#sampled) {
      const isHere = this.#whole.isHere(vehicle, counts.step)
      const atMs = startMs + mesh.chance.between(0, stepMs - 1)
      if (isHere && !this.#nodes.has(vehicle))
        mesh.timeline.at(counts.step === 0 ? startMs : atMs, () => this.#come(vehicle))
      else if (!isHere && this.#nodes.has(vehicle)) mesh.timeline.at(atMs, () => this.#leave(vehicle))
      else if (isHere) this.#offer(vehicle)
      if (isHere) this.#takeSide(vehicle)
    }
    this.#sayTotal(counts)
    if (counts.step % censusEverySteps === 1) this.#takeCensus()
    mesh.run(stepMs)
    this.nodeSteps += this.#nodes.size
    this.astray.push(nodesAstray([...this.#nodes.values()]))
    for (const node of this.#nodes.values()) {
      const { members, isSpeaker } = node.view
      this.known += members
      if (isSpeaker) this.speakers += 1
    }
  }

  // --- nodes that are not sampled (far-node.ts) --------------------------------------------------------------

  isHere(peer: PeerId, side: number): boolean {
    const vehicle = vehicleOf(peer)
    if (vehicle === undefined || isInArc(this.arc, this.#whole.keys[vehicle]!)) return false
    return this.#elsewhere.isHere(vehicle, this.#momentOn(side))
  }

  cellOf(peer: PeerId, side: number): CellId {
    return this.#elsewhere.cellOf(vehicleOf(peer)!, this.#momentOn(side))
  }

  isBeyond({ cell, isRegion, speaker }: HeardDigest): boolean {
    return isRegion && arcOf(cell).length > this.arc.length && !speaker.peer.startsWith('root-')
  }

  memberOf(peer: PeerId): Member {
    return this.#member(vehicleOf(peer)!)
  }

  contactsNear(key: number, max: number, teller: PeerId, side: number): Contact[] {
    return this.#elsewhere.contactsNear(key, max, this.#momentOn(side), vehicleOf(teller)!)
  }

  membersIn(arc: Arc, teller: PeerId, side: number): Member[] {
    return this.#elsewhere.membersIn(arc, vehicleOf(teller)!, this.#momentOn(side))
  }

  // -------------------------------------------------------------------------------------------------------------

  #momentOn(side: number): Moment {
    return { step: this.#step, side }
  }

  #come(vehicle: number): void {
    const kept = this.#kept.get(vehicle) ?? this.#keptBefore(vehicle)
    const side = this.#whole.sideOf(vehicle, this.#step)
    const node = this.mesh.come(this.#member(vehicle), kept, side)
    this.#nodes.set(vehicle, node)
    node.isLiar = this.#elsewhere.lies(vehicle, this.#momentOn(side))
    node.isAccomplice = this.#whole.isOfCartel(vehicle)
    if (this.#whole.metered[vehicle] === 1) node.tell({ type: 'metered', isMetered: true })
  }

  /** As it was when the day began: it had been there before. */
  #keptBefore(vehicle: number): KeptCell {
    const key = this.#whole.keys[vehicle]!
    const moment = this.#momentOn(this.#whole.sideOf(vehicle, this.#step))
    const depth = this.#elsewhere.cellOf(vehicle, moment).length
    const contacts = this.#elsewhere.contactsNear(key, 16, moment)
    for (let level = 0; level < depth; level += 1) {
      const bit = 2 ** (keyBits - 1 - level)
      const other = Math.floor(key / bit) % 2 === 0 ? key + bit : key - bit
      contacts.push(...this.#elsewhere.contactsNear(other, 2, moment))
    }
    return { key, depth, contacts }
  }

  #leave(vehicle: number): void {
    const node = this.#nodes.get(vehicle)
    if (node === undefined) return
    this.#kept.set(vehicle, this.mesh.leave(node.member.peer))
    this.#nodes.delete(vehicle)
  }

  /** The network is parted, or whole again. */
  #takeSide(vehicle: number): void {
    const node = this.#nodes.get(vehicle)
    const side = this.#whole.sideOf(vehicle, this.#step)
    if (node !== undefined && node.side !== side) node.moveTo(side)
  }

  /** Its owner's rules may say something else than before. */
  #offer(vehicle: number): void {
    const node = this.#nodes.get(vehicle)!
    const mode = this.#modeOf(vehicle)
    if (node.member.mode !== mode) node.offer({ mode, slots: { total: 1, free: mode === 'run' ? 1 : 0 } })
  }

  #modeOf(vehicle: number): Member['mode'] {
    return this.#whole.worksAt(vehicle, this.#step) ? 'run' : 'stop'
  }

  #member(vehicle: number): Member {
    return this.#elsewhere.member(vehicle, this.#step)
  }

  /** The speakers of the whole mesh, which are elsewhere, say how large it is. */
  #sayTotal(counts: StepCounts): void {
    if (this.arc.length === circle) return
    const { mesh } = this
    for (let speaker = 0; speaker < 3; speaker += 1) {
      const digest: HeardDigest = {
        ...{
          cell: wholeMesh,
          isRegion: true,
          cells: counts.cells,
          members: counts.present,
          owners: counts.present,
        },
        ...{ deeper: 0, beside: 0, above: 0, engines: [], charter: null, proofs: nothing, address: null },
        speaker: {
          peer: peerNamed(`root-${speaker}`),
          owner: ownerNamed(`root-${speaker}`),
          key: speaker,
          addresses: [],
        },
        serial: mesh.clockMs,
        expiresMs: mesh.clockMs + digestTtlMs,
        id: cidOf(`root/${speaker}/${mesh.clockMs}`),
      }
      for (const side of [0, 1])
        for (const node of mesh.gossip.listeners(side, 'region/' as never))
          node.hearDigest(digest, 'region/' as never)
    }
  }

  #takeCensus(): void {
    const nodes = [...this.#nodes.values()]
    const node = nodes[this.mesh.chance.between(0, nodes.length - 1)]
    if (node === undefined) return
    const name = `census-${this.#censuses}`
    this.#censuses += 1
    node.tell({ type: 'take-census', name, drawSecret: secretNamed(name), index: 0, engine: null })
  }
}

const nothing = new Proofs(cheapHash).root()

/** Every fifth vehicle belongs to a fleet, the others are their owners' only ones. */
function ownerOfVehicle(vehicle: number): OwnerId {
  return ownerNamed(vehicle % 5 === 0 ? `fleet-${(vehicle / 5) % fleetOwners}` : peerOfVehicle(vehicle))
}
