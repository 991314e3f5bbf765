/**
 * Clocks that are off: a node's own, or a neighbour's.
 *
 * A vehicle without a battery for its clock begins each day in some other year, and then everything that it signs is over, or not
 * yet true, for all others. What a neighbour says is signed with a time, so that each advert shows by how much two clocks differ.
 * Where most owners agree and this node does not, its own clock is off; otherwise the neighbour's is. It is a hint for
 * people: no clock is ever set by it, and nobody is held to account for it.
 *
 * Only adverts that come from their author count, since others may have been under way for long, and the last one of each owner.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { type Clock, ClockSteps } from '../clock.ts'
import type { Notices } from '../notices.ts'

/** Clocks that differ by less are near enough: an advert lives for three minutes, and a lease for longer. A guess. */
const clockOffMsMin = 60_000
/** Peers that are compared with, the last ones. */
const peersMax = 64
/** An offset is told anew once the one that was told is wrong by a tenth. */
const changedBy = 0.1

interface Sample {
  readonly owner: OwnerId
  readonly serial: number
  /** The peer's clock less this node's. */
  readonly aheadMs: number
}

export class ClockOffsets {
  readonly #steps: ClockSteps
  readonly #notices: Pick<Notices, 'tell' | 'drop'>
  #samples = new BoundedMap<PeerId, Sample>(peersMax)
  /** By how much each clock was said to be off; '' stands for this node's. */
  readonly #told = new BoundedMap<string, number>(peersMax)

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>, notices: Pick<Notices, 'tell' | 'drop'>) {
    this.#steps = new ClockSteps(clock)
    this.#notices = notices
  }

  /** Takes by how much a neighbour's clock is ahead, by what it signed and has just come from it. */
  heard({ peer, owner, serial }: Pick<Capacity, 'peer' | 'owner' | 'serial'>, aheadMs: number): void {
    // What was compared with a clock that has been set since says nothing.
    if (this.#steps.take() !== 0) this.#samples = new BoundedMap(peersMax)
    const last = this.#samples.peek(peer)
    if (last !== undefined && last.serial >= serial) return
    this.#samples.set(peer, { owner, serial, aheadMs })
    this.#judge()
  }

  #judge(): void {
    const byOwner = new Map([...this.#samples].map(([, { owner, aheadMs }]) => [owner, aheadMs]))
    const offsets = [...byOwner.values()].toSorted((a, b) => a - b)
    // Of two in the middle the one nearer to this node's clock: half of the others are no majority.
    const middle = offsets.slice((offsets.length - 1) >> 1, (offsets.length >> 1) + 1)
    const commonMs = middle.reduce((a, b) => (Math.abs(b) < Math.abs(a) ? b : a))
    const isOwn = offsets.length > 1 && Math.abs(commonMs) >= clockOffMsMin
    this.#tell(
      '',
      isOwn ? -commonMs : 0,
      (how) =>
        `this node's clock is ${how} those of its neighbours: set it, or let a time server; what a node with such a clock signs is not believed`,
    )
    for (const [peer, { aheadMs }] of this.#samples) {
      const offMs = aheadMs - (isOwn ? commonMs : 0)
      const whose = offsets.length > 1 ? 'its owner has to set it' : 'one of the two has to be set'
      this.#tell(
        peer,
        offMs,
        (how) => `the clock of ${peer} is ${how} ${isOwn ? 'those of others' : "this node's"}: ${whose}`,
      )
    }
  }

  /** Told once, and again when it has changed. */
  #tell(about: string, offMs: number, sentence: (how: string) => string): void {
    if (Math.abs(offMs) < clockOffMsMin) {
      this.#told.delete(about)
      this.#notices.drop('clock', about)
      return
    }
    const toldMs = this.#told.peek(about)
    const isSame =
      toldMs !== undefined &&
      Math.abs(offMs - toldMs) <= Math.max(clockOffMsMin, Math.abs(toldMs) * changedBy)
    const saidMs = isSame ? toldMs : offMs
    this.#told.set(about, saidMs)
    const how = `${spanOf(Math.abs(saidMs))} ${saidMs > 0 ? 'ahead of' : 'behind'}`
    this.#notices.tell({ kind: 'clock', about, text: sentence(how) })
  }
}

/** Returns a sentence's end for a greeting that was refused: that clocks differ, if they do. */
export function differenceOfClocks(theirsMs: number | undefined, oursMs: number): string {
  const aheadMs = (theirsMs ?? oursMs) - oursMs
  if (Math.abs(aheadMs) < clockOffMsMin) return ''
  const how = `${spanOf(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'}`
  return `; the clock of the node that was refused is ${how} the other's, and one of the two has to be set`
}

/** Returns a length of time in its two largest units. */
export function spanOf(ms: number): string {
  const units = [
    ['days', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const
  const first = units.findIndex(([, unitMs]) => ms >= unitMs)
  if (first === -1) return '0 s'
  let restMs = ms
  const parts = units.slice(first, first + 2).map(([name, unitMs]) => {
    const count = Math.floor(restMs / unitMs)
    restMs -= count * unitMs
    return count === 0 ? '' : `${count} ${count === 1 && name === 'days' ? 'day' : name}`
  })
  return parts.filter((part) => part !== '').join(' ')
}
