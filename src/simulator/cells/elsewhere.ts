/**
 * The vehicles of a mesh whose nodes are not simulated by their machines, as they answer: from what is known of them all (whole.ts). Those of a
 * cartel, and all that answer for a cell that it has captured, name its own alone.
 */
import { type Arc, arcOf, type CellKey, isInArc } from '../../protocol/cells/key.ts'
import { type Contact, contactOf, type Member } from '../../protocol/cells/member.ts'
import type { CellId, OwnerId } from '../../protocol/ids.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { cheapHash } from '../chance.ts'
import { capacityOf } from '../fixtures.ts'
import { type CoarseMesh, peerOfVehicle } from './whole.ts'

const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 1_800, ask: null }
/** Contacts are looked for among so many neighbours on the circle; those of other cells only behind the first half of them. */
const lookedAt = 512

/** A moment of the day, as it is on one side of a partition. */
export interface Moment {
  readonly step: number
  readonly side: number
}

export class Elsewhere {
  readonly whole: CoarseMesh
  /** The cell whose every answer is the cartel's. */
  captured: CellId | null = null

  readonly #ownerOf: (vehicle: number) => OwnerId

  /** `ownerOf`: without a certificate each is its own owner. */
  constructor(
    whole: CoarseMesh,
    ownerOf = (vehicle: number) => ownerIdOf(cheapHash, peerOfVehicle(vehicle)),
  ) {
    this.whole = whole
    this.#ownerOf = ownerOf
  }

  /** It is there, and can be reached from that side. */
  isHere(vehicle: number, { step, side }: Moment): boolean {
    return this.whole.isHere(vehicle, step) && this.whole.sideOf(vehicle, step) === side
  }

  cellOf(vehicle: number, { side }: Moment): CellId {
    return this.whole.cellOf(this.whole.keys[vehicle]!, side)
  }

  member(vehicle: number, step: number): Member {
    const { whole } = this
    const peer = peerOfVehicle(vehicle)
    const mode = whole.worksAt(vehicle, step) ? 'run' : 'stop'
    const capacity = capacityOf({
      ...{ peer, owner: this.#ownerOf(vehicle), name: 'vehicle', mode, engines: [engine], reach: 'direct' },
      ...{ slots: { total: 1, free: mode === 'run' ? 1 : 0 }, addresses: [`/dns4/${vehicle}/tcp/1`] },
      ...(whole.metered[vehicle] === 1 ? { listens: false } : {}),
    })
    return { ...capacity, key: whole.keys[vehicle]! }
  }

  /** Those behind the key, and once around; in its own cell those of the cell come first. `teller`: the one that is asked; null: the asker itself. */
  contactsNear(key: CellKey, max: number, moment: Moment, teller: number | null = null): Contact[] {
    const { whole } = this
    const order = whole.order()
    const cell = arcOf(whole.cellOf(key, moment.side))
    const lies = teller !== null && this.lies(teller, moment)
    const near: Contact[] = []
    const from = whole.placeOf(key)
    for (let i = 0; i < order.length && near.length < max; i += 1) {
      const vehicle = order[(from + i) % order.length]!
      if (i > lookedAt && near.length > 0) break
      if (!this.isHere(vehicle, moment) || (lies && !whole.isOfCartel(vehicle))) continue
      if (isInArc(cell, whole.keys[vehicle]!) || i > lookedAt / 2)
        near.push(contactOf(this.member(vehicle, moment.step)))
    }
    return near
  }

  /** The members of the teller's cell that are in this arc, as it says. */
  membersIn(arc: Arc, teller: number, moment: Moment): Member[] {
    const { whole } = this
    const order = whole.order()
    const own = arcOf(this.cellOf(teller, moment))
    const lies = this.lies(teller, moment)
    const members: Member[] = []
    for (let i = whole.placeOf(own.from); i < order.length; i += 1) {
      const vehicle = order[i]!
      const key = whole.keys[vehicle]!
      if (!isInArc(own, key)) break
      if (isInArc(arc, key) && this.isHere(vehicle, moment) && !(lies && !whole.isOfCartel(vehicle)))
        members.push(this.member(vehicle, moment.step))
    }
    return members
  }

  lies(vehicle: number, moment: Moment): boolean {
    const { whole, captured } = this
    if (whole.isOfCartel(vehicle)) return true
    return captured !== null && isInArc(arcOf(captured), whole.keys[vehicle]!) && moment.side === 0
  }
}
