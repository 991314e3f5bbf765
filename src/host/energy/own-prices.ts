/**
 * The prices that this node's owner asks: an amount that stands, or one that follows the price of power (protocol/energy/own-ask.ts).
 *
 * The energy of a unit is what this vehicle measured of the last weeks' work, with what came to nothing and the share of the
 * computer that is awake for it; before the first pages a guess that is rather too much. Where nobody knows what power costs, it
 * asks the most that can be asked, and so gets no work that is paid: an owner who said that the price follows power is never
 * to work below its cost.
 */
import type { Logger } from 'pino'
import type { AsksAhead } from '../../protocol/energy/cheap-hours.ts'
import { askNow, hourlyAsks, type UnitEnergy } from '../../protocol/energy/own-ask.ts'
import { unitMicrosMax } from '../../protocol/limits.ts'
import type { Ask } from '../../protocol/price.ts'
import { unitOfRuntime } from '../../runtimes/registry.ts'
import type { Clock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { PriceNow } from '../history/energy-hours.ts'
import { TariffSource } from './tariff-source.ts'

/** Prices that follow power. */
export interface AutoPrice {
  /** Null: of all runtimes that have no price of their own. */
  readonly runtimes: readonly string[] | null
  /** A share of the cost of energy: 0.2 for 20 %. */
  readonly margin: number
}

export interface OwnPricesOptions {
  /** The prices that stand, by runtime. */
  readonly fixed: ReadonlyMap<string, Ask>
  readonly auto: AutoPrice | null
  readonly tariff: string | null
  readonly engines: readonly { readonly runtime: string; readonly id: string }[]
  /** Joules of a unit as measured; null: too few were done. */
  readonly unitJoules: (runtime: string) => number | null
  readonly slotWatts: number
  /** Watts of the computer that is awake for the work, beside it. */
  readonly idleWatts: number
  readonly operatorPpm: () => number
  readonly clock: Clock
  readonly log: Pick<Logger, 'warn'>
  /** Called when any price changes. */
  readonly onChange: (asks: ReadonlyMap<string, Ask | null>) => void
}

export interface Offer {
  readonly ask: Ask | null
  readonly ahead?: AsksAhead
}

const lookMs = 60_000
/** Seconds of a slot for a page or a document, and for a token, before any was measured: rather too many. Guesses. */
const [firstPageSeconds, firstTokenSeconds] = [30, 0.3]

export class OwnPrices {
  readonly #options: OwnPricesOptions
  readonly #source: TariffSource
  #fixed: ReadonlyMap<string, Ask>
  #auto: AutoPrice | null
  #offers: ReadonlyMap<string, Offer> = new Map()
  #told = ''
  #isWarned = false
  #callOff = () => {}

  /** Throws Error of one sentence for a file that is no tariff, and for one without a currency where prices follow it. */
  constructor(options: OwnPricesOptions) {
    this.#options = options
    this.#fixed = options.fixed
    this.#auto = options.auto
    const { tariff, clock, log } = options
    const onChange = () => {
      if (this.#auto !== null) this.#look()
    }
    this.#source = new TariffSource({ spec: tariff, clock, log, onChange })
    const fault = this.#faultOf(options.auto)
    if (fault !== null) throw new Error(fault)
  }

  /** Call once the parts that hear of prices are there. */
  start(): void {
    if (this.#auto !== null) this.#follow()
  }

  /** The prices that stand from now on, by runtime, and those that follow power. Throws RequestError, and nothing has changed. */
  stand(fixed: ReadonlyMap<string, Ask>, auto: AutoPrice | null): void {
    const fault = this.#faultOf(auto)
    if (fault !== null)
      throw new RequestError(`${fault}; a tariff is read at the start, and so the node has to start again`)
    this.#fixed = fixed
    this.#auto = auto
    this.#callOff()
    if (auto === null) this.#look()
    else this.#follow()
  }

  #follow(): void {
    this.#look()
    this.#callOff = this.#options.clock.after(lookMs, () => this.#follow())
  }

  /** Why prices cannot follow power here; null: they can, or are not to. */
  #faultOf(auto: AutoPrice | null): string | null {
    if (auto === null) return null
    if (this.#options.tariff === null)
      return 'a price that follows power needs the price of power: --tariff 0.30EUR, or a file, or a command'
    return this.#source.tariff !== null && this.#source.tariff.currency === null
      ? 'a price that follows power needs a tariff with its currency, such as --tariff 0.30EUR'
      : null
  }

  stop(): void {
    this.#callOff()
    this.#source.stop()
  }

  /** The price of a kilowatt-hour now; null: not known, or of no currency in which it could be kept. */
  readonly now: PriceNow = () => {
    const { tariff } = this.#source
    const kwhMicros = tariff?.priceAt(this.#options.clock.now()) ?? null
    return kwhMicros === null || tariff?.currency == null ? null : { currency: tariff.currency, kwhMicros }
  }

  offer({ runtime, id }: { readonly runtime: string; readonly id: string }): Offer {
    return this.#offers.get(id) ?? this.#offerOf(runtime)
  }

  #look(): void {
    const { engines, onChange } = this.#options
    this.#offers = new Map(engines.map(({ runtime, id }) => [id, this.#offerOf(runtime)]))
    const text = JSON.stringify([...this.#offers])
    if (text === this.#told) return
    this.#told = text
    onChange(new Map([...this.#offers].map(([id, { ask }]) => [id, ask])))
  }

  #offerOf(runtime: string): Offer {
    const { clock, log } = this.#options
    const auto = this.#auto
    const stands = this.#fixed.get(runtime)
    if (stands !== undefined) return { ask: stands }
    if (auto === null || (auto.runtimes !== null && !auto.runtimes.includes(runtime))) return { ask: null }
    const nowMs = clock.now()
    const { tariff } = this.#source
    const energy = this.#energyOf(runtime, auto.margin)
    const micros = tariff === null ? null : askNow(tariff, energy, nowMs)
    if (tariff !== null && micros === null && !this.#isWarned)
      log.warn(
        'nobody knows what power costs now: until that is known, this node asks more than anybody pays',
      )
    this.#isWarned = tariff !== null && micros === null
    const ahead = tariff === null ? undefined : hourlyAsks(tariff, energy, nowMs)
    const unitMicros = Math.min(micros ?? unitMicrosMax, unitMicrosMax)
    const ask = {
      currency: tariff?.currency ?? 'XXX',
      unitMicros,
      ...(energy.per === 1 ? {} : { per: energy.per }),
    }
    return { ask, ...(ahead === undefined || micros === null ? {} : { ahead: bounded(ahead) }) }
  }

  #energyOf(runtime: string, margin: number): UnitEnergy {
    const { unitJoules, slotWatts, idleWatts, operatorPpm } = this.#options
    const { pricedPer: per } = unitOfRuntime(runtime)
    // One slot may be all that works, and then the computer is awake for it alone.
    const first = (slotWatts + idleWatts) * (per === 1 ? firstPageSeconds : firstTokenSeconds)
    return { joules: unitJoules(runtime) ?? first, per, margin, operatorPpm: operatorPpm() }
  }
}

function bounded({ hour, unitMicros }: AsksAhead): AsksAhead {
  return { hour, unitMicros: unitMicros.map((micros) => Math.min(micros, unitMicrosMax)) }
}
