/**
 * When a place may be dialled, counted over all peers that say they live there: one dial at a time, growing pauses
 * after failures, and after so many a long rest. What counts is host and port, not the peer: peers cost nothing to
 * invent, and twenty of them could have a whole mesh knock at the door of somebody who never heard of it.
 *
 * A host has a budget of failures beside that, since it has 65,535 ports. Where a peer was met, no other is looked for
 * in the meantime, and that peer is excused from the budget.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import type { Place } from './reach.ts'

interface Spot {
  failures: number
  notBeforeMs: number
  /** Somebody is being dialled here. */
  isBusy: boolean
  /** The peer that was met here, and until when no other is looked for. */
  met: { readonly peer: PeerId; readonly untilMs: number } | null
  /** Failures of each peer in whose stead another answered. */
  readonly strangers: Map<PeerId, number>
}

interface Budget {
  left: number
  atMs: number
}

/** Places and hosts that are remembered, those dialled last: a few for each peer. */
const spotsMax = 4_096
/** Peers that are looked for at one place where others answer; the rest waits until these have been given up. */
const strangersMax = 4

export class DialPlan {
  readonly #bounds: NetworkBounds
  readonly #now: () => number
  readonly #spots = new BoundedMap<string, Spot>(spotsMax)
  readonly #budgets = new BoundedMap<string, Budget>(spotsMax)

  /** `now`: milliseconds that only rise. */
  constructor(bounds: NetworkBounds, now: () => number = () => systemClock.monotonicMs()) {
    this.#bounds = bounds
    this.#now = now
  }

  /** The time before which the peer is not to be dialled at this place; Infinity: not before something has changed. */
  notBeforeMs(place: Place, peer: PeerId): number {
    const { dialFailuresMax: failuresMax, dialRestMs } = this.#bounds
    const spot = this.#spots.peek(place.name)
    if (spot === undefined) return this.#spareMs(place)
    if (spot.isBusy) return Number.POSITIVE_INFINITY
    if (spot.met?.peer === peer) return spot.notBeforeMs
    const looked = spot.strangers.get(peer)
    const others = [...spot.strangers.values()].filter((failures) => failures < failuresMax).length
    if (looked === undefined ? others >= strangersMax : looked >= failuresMax) return Number.POSITIVE_INFINITY
    const restMs = spot.failures < failuresMax ? 0 : dialRestMs
    return Math.max(spot.notBeforeMs + restMs, spot.met?.untilMs ?? 0, this.#spareMs(place))
  }

  /** Tells whether somebody who needs the peer now may dial it here: where it was met, also before a pause is over. */
  isFree(place: Place, peer: PeerId): boolean {
    const spot = this.#spots.peek(place.name)
    if (spot?.met?.peer === peer) return !spot.isBusy
    return this.notBeforeMs(place, peer) <= this.#now()
  }

  /** `reached` or `failed` follows. */
  begin(place: Place): void {
    const spot = this.#spots.get(place.name) ?? newSpot()
    spot.isBusy = true
    this.#spots.set(place.name, spot)
  }

  reached(place: Place, peer: PeerId): void {
    const untilMs = this.#now() + this.#bounds.dialRestMs
    this.#spots.set(place.name, { ...newSpot(), met: { peer, untilMs } })
  }

  /** `isAnother`: somebody answered, and it was not this peer. */
  failed(place: Place, peer: PeerId, isAnother: boolean): void {
    const spot = this.#spots.peek(place.name)
    if (spot === undefined) return
    spot.isBusy = false
    if (spot.met?.peer !== peer) this.#pay(place)
    else if (isAnother) spot.met = null
    let failures = spot.failures
    if (isAnother) {
      failures = spot.strangers.get(peer) ?? 0
      spot.strangers.set(peer, failures + 1)
    } else spot.failures += 1
    spot.notBeforeMs = this.#now() + redialPauseMs(failures, this.#bounds)
  }

  /** The peer is nowhere any more. */
  forget(place: Place, peer: PeerId): void {
    this.#spots.peek(place.name)?.strangers.delete(peer)
  }

  /** When the host has a failure to spare. */
  #spareMs(place: Place): number {
    const { left, atMs } = this.#budget(place)
    return left >= 1 ? 0 : atMs + (1 - left) * this.#budgetOf(place).everyMs
  }

  #pay(place: Place): void {
    const budget = this.#budget(place)
    budget.left = Math.max(0, budget.left - 1)
    this.#budgets.set(place.host, budget)
  }

  #budget(place: Place): Budget {
    const nowMs = this.#now()
    const { most, everyMs } = this.#budgetOf(place)
    const { left, atMs } = this.#budgets.peek(place.host) ?? { left: most, atMs: nowMs }
    return { left: Math.min(most, left + (nowMs - atMs) / everyMs), atMs: nowMs }
  }

  /** A machine near by may hold a whole mesh, and may be somebody's router all the same. */
  #budgetOf({ isNear }: Place): { readonly most: number; readonly everyMs: number } {
    const { hostFailuresMax, hostFailureEveryMs, nearFailuresMax, nearFailureEveryMs } = this.#bounds
    return isNear
      ? { most: nearFailuresMax, everyMs: nearFailureEveryMs }
      : { most: hostFailuresMax, everyMs: hostFailureEveryMs }
  }
}

/** Doubles from `redialMinMs` to `redialMaxMs`, with half of it random so that a cell does not redial in step. */
export function redialPauseMs(
  failures: number,
  bounds: Pick<NetworkBounds, 'redialMinMs' | 'redialMaxMs'>,
): number {
  const pauseMs = Math.min(bounds.redialMaxMs, bounds.redialMinMs * 2 ** Math.min(failures, 30))
  return pauseMs * (0.5 + Math.random() / 2)
}

function newSpot(): Spot {
  return { failures: 0, notBeforeMs: 0, isBusy: false, met: null, strangers: new Map() }
}
