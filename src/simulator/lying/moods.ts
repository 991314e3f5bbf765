/**
 * The moods of a liar: for as long as one lasts, the liar leaves out, changes or delays what its honest part says, or
 * does not hear what it is told.
 */
import type { PeerId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { type Chance, cheapHash } from '../chance.ts'
import type { Parcel } from '../sim-world.ts'
import { count, type Lies, type Mood, moodWays } from './ways.ts'

/** Most pass before anybody is called lost; some last as long as a job. */
const shortMs = { least: 5_000, most: 60_000 }
const longMs = { least: 60_000, most: 400_000 }
const lateMsMax = 40_000
/** An honest steward answers each wrong root, and the liar's honest part answers that: it would never end. */
const wrongRootIntervalMs = 500

/** The fate of a parcel: it is sent so, perhaps only later. */
interface Sent {
  readonly parcel: Parcel
  readonly delayMs: number
}

export class Moods {
  readonly #chance: Chance
  readonly #lies: Lies
  /** Until when each lasts, and whether it has changed anything yet. */
  readonly #moods = new Map<Mood, { readonly untilMs: number; hasBitten: boolean }>()
  /** Peers to whom records are not told. */
  #left: ReadonlySet<PeerId> = new Set()
  /** When each peer was last told a wrong root. */
  readonly #beatMs = new Map<PeerId, number>()

  constructor(chance: Chance, lies: Lies) {
    this.#chance = chance
    this.#lies = lies
  }

  /** Another mood begins. `only`: it is this one, whenever it is one. */
  change(fellows: readonly PeerId[], nowMs: number, only?: Mood): void {
    const mood = only ?? moodWays[this.#chance.between(0, moodWays.length - 1)]!
    const { least, most } = this.#chance.happens(0.25) ? longMs : shortMs
    this.#moods.set(mood, { untilMs: nowMs + this.#chance.between(least, most), hasBitten: false })
    if (mood === 'withholds-records-from-some')
      this.#left = new Set(fellows.filter(() => this.#chance.happens(0.5)))
  }

  /** Undefined: nobody is told. */
  sent(to: PeerId, parcel: Parcel, nowMs: number): Sent | undefined {
    const isBeat = parcel.type === 'message' && parcel.message.type === 'beat'
    if (this.#bites('silent', true, nowMs)) return undefined
    if (this.#bites('idle', !isBeat, nowMs)) return undefined
    const isRecord = parcel.type === 'record'
    if (this.#bites('withholds-records-from-some', isRecord && this.#left.has(to), nowMs)) return undefined
    const delayMs = this.#bites('tells-late', isRecord, nowMs) ? this.#chance.between(1_000, lateMsMax) : 0
    if (!isBeat) return { parcel, delayMs }
    if (this.#lasts('beats-with-wrong-roots', nowMs)) {
      if (nowMs - (this.#beatMs.get(to) ?? 0) < wrongRootIntervalMs) return undefined
      this.#beatMs.set(to, nowMs)
    }
    return { parcel: this.#bent(parcel, nowMs), delayMs }
  }

  /** A vehicle's receipt: it is answered, and nobody hears of it. */
  withholds(parcel: Parcel, nowMs: number): boolean {
    return this.#bites('withholds-receipts', parcel.type === 'receipt', nowMs)
  }

  withholdsResults(nowMs: number): boolean {
    return this.#bites('withholds-results', true, nowMs)
  }

  recomputesWrongly(nowMs: number): boolean {
    return this.#bites('recomputes-wrongly', true, nowMs)
  }

  /** The nodes that its honest part hears of. */
  roster(
    capacities: readonly Capacity[],
    isAccomplice: (peer: PeerId) => boolean,
    nowMs: number,
  ): readonly Capacity[] {
    if (this.#bites('lists-accomplices-alone', true, nowMs))
      return capacities.filter(({ peer }) => isAccomplice(peer))
    if (this.#bites('calls-others-busy', true, nowMs))
      return capacities.map((capacity) =>
        isAccomplice(capacity.peer) ? capacity : { ...capacity, mode: 'drain' },
      )
    return capacities
  }

  #bent(parcel: Parcel, nowMs: number): Parcel {
    if (parcel.type !== 'message' || parcel.message.type !== 'beat') return parcel
    let beat = parcel.message
    if (this.#bites('beats-with-wrong-roots', true, nowMs))
      beat = { ...beat, root: cheapHash(new TextEncoder().encode(`${this.#chance.next()}`)) }
    if (this.#lasts('idle', nowMs)) beat = { ...beat, acting: true }
    if (this.#bites('beats-as-if-acting', !beat.acting, nowMs)) beat = { ...beat, acting: true }
    else if (this.#bites('beats-as-if-not-acting', beat.acting, nowMs)) beat = { ...beat, acting: false }
    return { type: 'message', message: beat }
  }

  #lasts(mood: Mood, nowMs: number): boolean {
    return (this.#moods.get(mood)?.untilMs ?? 0) > nowMs
  }

  /** Tells whether the mood lasts and there is something that it changes; each mood counts once. */
  #bites(mood: Mood, applies: boolean, nowMs: number): boolean {
    const known = this.#moods.get(mood)
    if (!applies || known === undefined || known.untilMs <= nowMs) return false
    if (!known.hasBitten) count(this.#lies, mood)
    known.hasBitten = true
    return true
  }
}
