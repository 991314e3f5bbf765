/**
 * The part that all drivers of the core's machines share in a virtual world: a disk, writes that become durable in
 * their order, messages that wait for them, and timers on the node's own clock.
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
  readonly world: SimWorld
  protected readonly disk = new Disk<Written | WrittenEntry>()
  /** When all that was written so far is durable. */
  #durableMs = 0

  constructor(world: SimWorld, peer: PeerId, owner: OwnerId) {
    this.world = world
    this.peer = peer
    this.owner = owner
  }

  get clockMs(): number {
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
  after(say: () => void): void {
    this.world.later(this, Math.max(0, this.#durableMs - this.world.nowMs), say)
  }

  /** Sends at once: a message that depends on a write is sent `after` it. */
  send(to: PeerId, parcel: Parcel): void {
    this.world.send(this, to, parcel)
  }

  /** `atMs` is on this node's clock. */
  wakeAt(atMs: number, happen: () => void): void {
    this.world.later(this, atMs - this.clockMs, happen)
  }
}
