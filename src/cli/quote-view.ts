/** Puts into words what a job would cost, before anything is sent. Pure functions of the node's quote. */
import { clean } from '../base/printable.ts'
import type { Quote } from '../host/api.ts'
import { formatMoney } from '../protocol/price.ts'
import { quantileOf } from '../protocol/verification/spread.ts'
import { unitOfRuntime } from '../runtimes/registry.ts'
import { formatBound, formatCount, formatDuration, formatNumber, formatPer } from './format.ts'
import { describeAssurance, describeLeftOut, describeRefused, describeWork } from './job-view.ts'

/** Describes the cost of a job: the plan it would get first, and then the others that meet the bound. */
export function describeQuote(quote: Quote): string[] {
  const { documents, shards, engine, supply, plans } = quote
  const needed = plans[0]?.ownersNeeded ?? 0
  return [
    [
      formatCount(documents, 'document'),
      ...describeWork(quote),
      formatCount(shards, 'shard'),
      `engine ${clean(engine)}`,
      `${formatCount(supply.owners, 'owner')} with ${formatCount(supply.slots, 'slot')}`,
    ].join(', '),
    ...describeLeftOut(quote),
    ...describeRefused(quote),
    ...plans.map((plan, i) =>
      [
        `${i === 0 ? 'chosen:' : 'or:'} ${describeAssurance(plan)}`,
        `${plan.executionsPerShard.toFixed(2)} executions a shard`,
        plan.elapsedMs === null
          ? `${formatDuration(plan.computeMs)} of computing`
          : `${formatDuration(plan.computeMs)} of computing, about ${formatDuration(plan.elapsedMs)} here`,
        plan.errorBound === null
          ? 'no bound: nobody vouches for the owners'
          : formatBound(Number(plan.errorBound.toPrecision(3))),
        `${formatCount(plan.ownersNeeded, 'owner')} needed`,
        ...describeCost(plan.cost, quote),
      ].join(', '),
    ),
    ...(supply.owners < needed
      ? [`too few: ${formatCount(needed, 'owner')} needed, ${formatNumber(supply.owners)} known`]
      : []),
    ...describeDearer(quote),
    ...describeWaiting(quote),
    ...describeSpread(quote),
    ...describeBudget(quote),
  ]
}

function describeCost(cost: Quote['plans'][number]['cost'], { payment, units }: Quote): string[] {
  if (cost === null || payment === null) return []
  const { currency } = payment
  const expected = formatMoney(cost.expectedMicros, currency)
  const isOpen = units !== null && units.output > 0
  return [
    `${isOpen ? `${expected} if every answer is as long as it may be` : `${expected} expected`}, ${formatMoney(cost.worstMicros, currency)} if every shard is disputed and copied at the highest price`,
  ]
}

/** Describes what a job gains by its time. */
function describeWaiting({ waiting, payment, runtime }: Quote): string[] {
  if (waiting === null || payment === null || waiting.nowMicros === null) return []
  const { isTime, nowMicros, thenMicros } = waiting
  const price = (micros: number) =>
    `${formatMoney(Math.round(micros), payment.currency)}${formatPer(payment.per ?? 1, unitOfRuntime(runtime).one)}`
  if (thenMicros === null)
    return [
      'it does not wait: before the deadline there are too few hours with vehicles that say what they will ask',
    ]
  if (isTime) return [`it does not wait: ${price(nowMicros)} now is as cheap as it gets before the deadline`]
  const less = Math.round((1 - thenMicros / nowMicros) * 100)
  return [
    `it waits: vehicles ask ${price(nowMicros)} now, and about ${price(thenMicros)} in the cheapest hours before the deadline, ${less} % less; with --at-once it does not wait`,
  ]
}

/** Describes the owners whom a higher price would bring. */
function describeDearer({ dearer, payment, runtime }: Quote): string[] {
  if (dearer.owners === 0) return []
  const unit = unitOfRuntime(runtime).one
  const from = dearer.from
    .map(({ currency, unitMicros, per = 1 }) => `${formatMoney(unitMicros, currency)}${formatPer(per, unit)}`)
    .join(' or ')
  const than =
    payment === null
      ? 'and this job pays nothing: name --price-cap and --budget'
      : 'which is more than --price-cap'
  const ask = dearer.owners === 1 ? 'asks' : 'ask'
  return [`${formatCount(dearer.owners, 'owner')} more ${ask} from ${from}, ${than}`]
}

/** A document that cannot be read at all is refused before anything is paid; one that fails later was work. */
export function describeErrorsPaid({ payment, units }: Quote): string[] {
  if (payment === null) return []
  const cost = units === null ? 'as much as a result' : 'what went in'
  return [
    `an error on which owners agree is work done, and costs ${cost}; documents that cannot be read by their first bytes are not sent, and cost nothing`,
  ]
}

/** How far the cost may be off, by the owners that the draw names; nothing where all ask the same. */
function describeSpread({ payment, plans }: Quote): string[] {
  const cost = plans[0]?.cost ?? null
  if (payment === null || cost === null || cost.spread.deviationMicros === 0) return []
  const { expectedMicros, spread } = cost
  const high = quantileOf(0.95, expectedMicros, spread)
  const low = Math.max(spread.leastMicros, 2 * expectedMicros - high)
  const [from, to, sure] = [low, high, quantileOf(0.99, expectedMicros, spread) + spread.reserveMicros].map(
    (micros) => formatMoney(micros, payment.currency),
  )
  return [
    `owners ask different prices: ${from} to ${to} in nine of ten jobs, by whom the draw names; a budget of ${sure} suffices for 99 of 100`,
  ]
}

function describeBudget({ payment, plans, units }: Quote): string[] {
  const { cost = null, budgetChance = null } = plans[0] ?? {}
  if (payment === null || payment.budgetMicros === null || cost === null || budgetChance === null) return []
  const budget = formatMoney(payment.budgetMicros, payment.currency)
  const expected = formatMoney(cost.expectedMicros, payment.currency)
  if (payment.budgetMicros < cost.expectedMicros)
    return [
      `too little: the budget of ${budget} is below ${units === null ? `the expected ${expected}` : `the ${expected} that is set aside at first`}`,
    ]
  if (payment.budgetMicros >= cost.worstMicros) return [`the budget of ${budget} is enough even then`]
  return [
    `the budget of ${budget} is enough with a chance of ${describeChance(budgetChance)}, if nobody leaves or disagrees, and is never exceeded; a job that runs out of it ends as failed and keeps what is verified`,
  ]
}

/** In words where the model says nothing finer. */
function describeChance(chance: number): string {
  if (chance >= 0.995) return 'more than 99 %'
  if (chance < 0.01) return 'less than 1 %'
  // It is known to say too much there (spread.ts).
  if (chance < 0.495) return 'less than 50 %'
  return `${Math.round(100 * chance)} %`
}
