/**
 * Weighs options that are valid: each may be meant, and hardly ever is. Nothing is refused for them, since an owner may know
 * better; each warning has the figure that it is about.
 */
import { existsSync } from 'node:fs'
import { commandPrefix, readTariff } from '../../host/energy/tariff-source.ts'
import { categoryDefault } from '../../protocol/job/manifest.ts'
import { type Ask, formatMoney, isLikePriced } from '../../protocol/price.ts'
import { Hours } from '../../protocol/rules/hours.ts'
import { spansOfLeaving, spansOfQuiet } from '../../protocol/rules/preferences.ts'
import { weekMinutes } from '../../protocol/rules/week.ts'
import { runtimes, unitOfRuntime } from '../../runtimes/registry.ts'
import type { Config, OptionName } from './config.ts'
import { nearest } from './nearest.ts'
import { asksOf, autoRuntimesOf } from './options.ts'
import { wishOf } from './preferences.ts'

/** An owner who lets a car work for less than this a week hardly means to. A guess. */
const weekMinutesMin = 120
/** A slot that may work for less than this a day mostly starts and ends. A guess. */
const dayMinutesMin = 30
const dearTimes = 1_000
/** Where no other owner's price is known: what the examples in README.md ask for a page, in millionths of any currency. */
const usualMicros = 200
/** A median of fewer prices says nothing. */
const asksMin = 3

/** The price that another owner asks, by runtime. */
export interface OthersAsk {
  readonly runtime: string
  readonly ask: Ask
}

/** One sentence each. `others`: the prices that a running node knows of. Throws ConfigError like `wishOf`. */
export function warningsOf(config: Config<OptionName>, others: readonly OthersAsk[]): string[] {
  return [
    ...ofHours(config),
    ...ofCaps(config),
    ...ofNames(config),
    ...ofPrices(config, others),
    ...ofSources(config),
  ]
}

function ofHours(config: Config<OptionName>): string[] {
  const { preferences } = wishOf(config)
  const left = weekMinutes - new Hours([...spansOfQuiet(preferences), ...spansOfLeaving(preferences)]).minutes
  if (left >= weekMinutesMin) return []
  const names = [
    ...(preferences.quietHours.length > 0 ? ['quietHours'] : []),
    ...(preferences.readyBy.length > 0 ? ['readyBy'] : []),
  ]
  return [`${names.join(' and ')} leave ${left} minutes a week to work in`]
}

function ofCaps({ powerWattsMax, energyWhPerDayMax, slotWatts }: Config<OptionName>): string[] {
  const warnings: string[] = []
  if (powerWattsMax !== null && powerWattsMax < slotWatts)
    warnings.push(
      `powerWattsMax is ${powerWattsMax} W, and one busy slot draws ${slotWatts} W (slotWatts): it works in fits and starts`,
    )
  if (energyWhPerDayMax !== null && (energyWhPerDayMax / slotWatts) * 60 < dayMinutesMin)
    warnings.push(
      `energyWhPerDayMax of ${energyWhPerDayMax} Wh is ${round((energyWhPerDayMax / slotWatts) * 60)} minutes a day of one slot at ${slotWatts} W (slotWatts)`,
    )
  return warnings
}

function ofNames({ categories, price }: Config<OptionName>): string[] {
  const known = Object.keys(runtimes)
  return [
    ...(categories ?? [])
      .filter((category) => category !== categoryDefault)
      .map(
        (category) =>
          `jobs are of the category ${categoryDefault} unless their submitters name another, and ${category} is no such${meant(nearest(category, [categoryDefault]))}`,
      ),
    ...[...asksOf(price).keys(), ...(autoRuntimesOf(price) ?? [])]
      .filter((runtime) => !known.includes(runtime))
      .map(
        (runtime) =>
          `price names ${runtime}, and the runtimes are ${known.join(', ')}${meant(nearest(runtime, known))}`,
      ),
  ]
}

function ofPrices({ price, tariff }: Config<OptionName>, others: readonly OthersAsk[]): string[] {
  const unpriced = ofAuto(price, tariff)
  const dear = [...asksOf(price)].flatMap(([runtime, ask]) => {
    const theirs = others
      .filter(
        (other) => other.runtime === runtime && isLikePriced(other.ask, ask) && other.ask.unitMicros > 0,
      )
      .map((other) => other.ask.unitMicros)
      .sort((a, b) => a - b)
    const isKnown = theirs.length >= asksMin
    const median = isKnown ? theirs[Math.floor(theirs.length / 2)]! : usualMicros
    if (ask.unitMicros < dearTimes * median) return []
    const { one, many } = unitOfRuntime(runtime)
    const unit = ask.per === undefined ? `a ${one}` : `${ask.per} ${many}`
    const than = isKnown
      ? `the median of ${theirs.length} vehicles that this node knows, ${formatMoney(median, ask.currency)}`
      : `${formatMoney(median, ask.currency)}, since no other owner's price is known here`
    return [
      `price asks ${formatMoney(ask.unitMicros, ask.currency)} for ${unit} of ${runtime}, ${Math.round(ask.unitMicros / median)} times ${than}`,
    ]
  })
  return [...unpriced, ...dear]
}

function ofAuto(price: readonly string[], tariff: string | null): string[] {
  const auto = autoRuntimesOf(price)
  if (auto === undefined) return []
  const both = (auto ?? [])
    .filter((runtime) => asksOf(price).has(runtime))
    .map(
      (runtime) => `price has an amount for ${runtime}, and auto: the amount is asked, whatever power costs`,
    )
  const fault = whyNoTariff(tariff)
  return fault === null
    ? both
    : [...both, `price follows that of power (auto), and ${fault}: no node starts so`]
}

/** Null: prices can follow it. A command is run by the node alone. */
function whyNoTariff(spec: string | null): string | null {
  if (spec === null) return 'there is no tariff'
  if (spec.startsWith(commandPrefix)) return null
  try {
    return readTariff(spec).currency === null ? `the tariff ${spec} has no currency` : null
  } catch (error) {
    return (error as Error).message
  }
}

function ofSources({ signals }: Config<OptionName>): string[] {
  return signals.flatMap((spec) => {
    const [, path] = /^trace:([^?]+)/.exec(spec) ?? []
    return path === undefined || existsSync(path) ? [] : [`signals names ${path}, and there is no such file`]
  })
}

function meant(name: string | null): string {
  return name === null ? '' : `; did you mean ${name}?`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
