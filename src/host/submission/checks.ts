/**
 * Refuses a submission for what shows without a mesh: what nobody could execute, what nobody would, and what is not there. A
 * command asks this before it starts a node, and the node asks it again.
 */
import { jobDeadlineMsMax } from '../../protocol/limits.ts'
import type { Payment } from '../../protocol/price.ts'
import { type Runtimes, wrongOptionOf } from '../../runtimes/registry.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { unanimousFor } from './assurance.ts'
import { readPasswords } from './passwords.ts'
import { unitOf } from './runtime-facts.ts'
import { checkSources } from './sources.ts'
import { judgeTogether, judgeWeights, weightSources } from './weights.ts'

const dayMs = 24 * 3_600_000

/** `isQuote`: a quote needs no budget. Throws RequestError. */
export async function checkRequest(
  request: SubmitRequest,
  isQuote: boolean,
  known?: Runtimes,
): Promise<void> {
  refuseExcess(request, known)
  if (!isQuote) paymentOf(request, known)
  unanimousFor(request)
  const { runtime, module, model, traineddata } = request
  // Weights of our own are in the package; a file that somebody names may be anything.
  const named = new Set<string | null>([module, model, ...traineddata])
  const sources = weightSources(runtime, request, known)
  for (const source of sources) if (named.has(source.path)) judgeWeights(runtime, source, known)
  judgeTogether(runtime, sources, known)
  await readPasswords(request.passwordFile)
  await checkSources(request, known)
}

/** Refuses a job that every vehicle would decline. Throws RequestError. */
export function refuseExcess(
  { runtime, options, payment, deadlineMs }: SubmitRequest,
  known?: Runtimes,
): void {
  checkPrice(runtime, payment, known)
  const wrong = wrongOptionOf(runtime, options, known)
  if (wrong !== undefined) throw new RequestError(`--option for the ${runtime} runtime: ${wrong}`)
  if (deadlineMs !== null && deadlineMs > jobDeadlineMsMax)
    throw new RequestError(
      `a job may run for at most ${jobDeadlineMsMax / dayMs} days; give a --deadline of at most that`,
    )
}

/** Throws RequestError where the price is for another number of units than the runtime's, or there is no such runtime. */
function checkPrice(runtime: string, payment: SubmitRequest['payment'], known?: Runtimes): void {
  const { one, many, pricedPer } = unitOf(runtime, known)
  if (payment === null || (payment.per ?? 1) === pricedPer) return
  throw new RequestError(
    pricedPer === 1
      ? `the ${runtime} runtime is paid by the ${one}: give --price-cap without /1k, such as 0.0005EUR`
      : `the ${runtime} runtime is paid by 1,000 ${many}: give --price-cap as 0.0002EUR/1k`,
  )
}

/** Throws RequestError. */
export function paymentOf({ runtime, payment }: SubmitRequest, known?: Runtimes): Payment | null {
  if (payment === null) return null
  const { budgetMicros } = payment
  if (budgetMicros === null) throw new RequestError('a job that pays needs a budget: add --budget 5EUR')
  const { one: unit, pricedPer: per } = unitOf(runtime, known)
  const { currency, unitMicrosMax } = payment
  return { currency, unit, unitMicrosMax, ...(per === 1 ? {} : { per }), budgetMicros }
}
