/**
 * What all drivers of the core's machines have in common in a virtual world: a disk, writes that become durable in
 * their order, words that wait for them, and timers on the node's own clock.
 */
import type { OwnerId, PeerId } from '../protocol/ids.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import { Disk } from './disk.ts'
import type { Parcel, SimNode, SimWorld } from './sim-world.ts'

interface WrittenEntry {
  readonly type: 'entry'
  readonly entry: Entry
}

export abstract class Shell<Written> implements SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  abstract readonly role: SimNode['role']
  protected readonly world: SimWorld
  protected readonly disk = new Disk<Written | WrittenEntry>()
  /** When all that was written so far is durable. */
  #durableMs = 0

  constructor(world: SimWorld, peer: PeerId, owner: OwnerId) {
    this.world = world
    this.peer = peer
    this.owner = owner
  }

  protected get clockMs(): number {
    return this.world.clockOf(this)
  }

  protected durable(written: Written | WrittenEntry): void {
    this.#durableMs = Math.max(this.#durableMs, this.world.nowMs + this.world.fsyncMs())
    this.disk.write(written, this.#durableMs)
  }

  protected writeEntry(entry: Entry): void {
    this.durable({ type: 'entry', entry })
    this.world.checkers.ledgers.entry(this.peer, entry)
  }

  /** Nothing that depends on a write is said before it is durable. */
  protected after(say: () => void): void {
    this.world.later(this, Math.max(0, this.#durableMs - this.world.nowMs), say)
  }

  /** `parcel` is made when all is durable; undefined: there is nothing to send any more. */
  protected sendAfter(to: PeerId, parcel: () => Parcel | undefined): void {
    this.after(() => {
      const made = parcel()
      if (made !== undefined) this.world.send(this, to, made)
    })
  }

  /** `atMs` is on this node's clock. */
  protected wakeAt(atMs: number, happen: () => void): void {
    this.world.later(this, atMs - this.clockMs, happen)
  }
}
