/**
 * Callers: the stewards that a vehicle dials since they have work and cannot dial it.
 *
 * A steward that acts names the engines of its jobs in its advert (`calls`). A vehicle that others cannot dial, offers one of
 * them and may work then connects to it, and keeps that up as long as it is called. Anybody may call, which costs a vehicle a
 * dial, as any address in an advert does: the dials are bounded in the same way (../network/dial-plan.ts). Of more callers than
 * a vehicle connects to at once, it draws others now and then, so that nobody who calls for nothing keeps out the others.
 *
 * In a mesh of a thousand vehicles all would dial at the same moment, so each waits for a random time, the longer the more it knows of.
 */
import type { PeerId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Clock } from '../clock.ts'
import { shuffled } from '../shuffled.ts'

export interface CallersOptions {
  readonly self: PeerId
  /** All that this node believes to be there, itself among them. */
  readonly everybody: () => readonly Capacity[]
  /** Connects to these, and keeps that up; nobody else is sought any more. */
  readonly seek: (peers: readonly PeerId[]) => void
  readonly clock: Clock
}

/** Stewards that a vehicle connects to since they call: each may give it work for its slots. A guess. */
export const callersMax = 8
/** After this long it draws others of those that call: as long as an advert needs to reach everybody. */
export const redrawMs = 60_000
/** Per vehicle that is known: 512 of them knock within ten seconds, which a steward can take. A guess. */
const waitPerVehicleMs = 20

export class Callers {
  readonly #options: CallersOptions
  #sought: readonly PeerId[] = []
  #drawnMs = Number.NEGATIVE_INFINITY
  #callOff: (() => void) | undefined
  #isStopped = false

  constructor(options: CallersOptions) {
    this.#options = options
  }

  /** Call when the roster, or what this node offers, has changed. */
  look(): void {
    if (this.#isStopped) return
    const calling = this.#calling()
    // Who has ceased to call is let go at once.
    const still = this.#sought.filter((peer) => calling.includes(peer))
    if (still.length < this.#sought.length) this.#seek(still)
    const isDue = this.#options.clock.monotonicMs() - this.#drawnMs >= redrawMs
    const wants = calling.length > still.length && (still.length < callersMax || isDue)
    if (!wants || this.#callOff !== undefined) return
    const waitMs = Math.random() * waitPerVehicleMs * this.#options.everybody().length
    this.#callOff = this.#options.clock.after(waitMs, () => {
      this.#callOff = undefined
      this.#draw()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#callOff?.()
  }

  #draw(): void {
    const calling = this.#calling()
    const isDue = this.#options.clock.monotonicMs() - this.#drawnMs >= redrawMs
    const kept = isDue ? [] : this.#sought.filter((peer) => calling.includes(peer))
    const others = calling.filter((peer) => !kept.includes(peer))
    this.#drawnMs = this.#options.clock.monotonicMs()
    this.#seek([...kept, ...shuffled(others)].slice(0, callersMax))
  }

  #seek(peers: readonly PeerId[]): void {
    this.#sought = peers
    this.#options.seek(peers)
  }

  /** The stewards that call for what this node offers, and that it may have to dial. */
  #calling(): PeerId[] {
    const everybody = this.#options.everybody()
    const own = everybody.find(({ peer }) => peer === this.#options.self)
    if (own === undefined || own.reach === 'direct' || own.mode !== 'run' || own.slots.total === 0) return []
    const engines = new Set(own.engines.map(({ id }) => id))
    return everybody
      .filter(
        ({ peer, reach, calls = [] }) =>
          peer !== own.peer && reach !== 'outbound' && calls.some((id) => engines.has(id)),
      )
      .map(({ peer }) => peer)
  }
}
