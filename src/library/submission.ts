/** A program's submission as a node's request. */
import { resolve } from 'node:path'
import type { SubmitRequest } from '../host/api.ts'
import { RequestError } from '../host/errors.ts'
import { stdinPath } from '../host/submission/stdin.ts'
import { submitDefaults } from '../host/submit-defaults.ts'
import { unitMicrosMax } from '../protocol/limits.ts'
import { formatMoney, parseMoney, parsePrice } from '../protocol/price.ts'
import { runtimeIn, runtimes } from '../runtimes/registry.ts'
import type { Submission } from './contract.ts'

/** Throws RequestError. */
export function requestOf(submission: Submission): SubmitRequest {
  const { runtime, files = [], documents, engine, module, model, promptTemplate } = submission
  const { failsIfShort, priceCap, budget } = submission
  if (files.length === 0 && documents === undefined)
    throw new RequestError('a submission needs documents: give files, or documents')
  const given = <Value>(value: Value | undefined, fallback: Value) => value ?? fallback
  return {
    ...submitDefaults,
    paths: [...files.map((path) => resolve(path)), ...(documents === undefined ? [] : [stdinPath])],
    folder: process.cwd(),
    runtime,
    engine: given(engine, submitDefaults.engine),
    module: module === undefined ? null : resolve(module),
    model: model === undefined ? null : modelOf(runtime, model),
    promptTemplate: promptTemplate === undefined ? null : resolve(promptTemplate),
    languages: submission.languages ?? null,
    options: given(submission.options, submitDefaults.options),
    errorBound: given(submission.errorBound, submitDefaults.errorBound),
    replicas: submission.replicas ?? null,
    shardSize: submission.shardSize ?? null,
    deadlineMs: submission.deadlineMs ?? null,
    shortage: failsIfShort === true ? 'fail' : 'wait',
    standbys: given(submission.standbys, submitDefaults.standbys),
    blind: given(submission.blind, submitDefaults.blind),
    category: given(submission.category, submitDefaults.category),
    payment: paymentOf(priceCap, budget),
  }
}

/** A model that comes in a package goes by its name; ./name is a file all the same. */
function modelOf(runtime: string, model: string): string {
  const { packaged = {} } = (runtimeIn(runtimes, runtime)?.weights ?? {}) as { packaged?: object }
  return Object.hasOwn(packaged, model) ? model : resolve(model)
}

/** Throws RequestError. */
function paymentOf(priceCap: string | undefined, budget: string | undefined): SubmitRequest['payment'] {
  if (priceCap === undefined && budget === undefined) return null
  if (priceCap === undefined || budget === undefined)
    throw new RequestError('a job that pays needs both a priceCap and a budget')
  const [cap, whole] = [parsePrice(priceCap), parseMoney(budget)]
  if (cap === undefined || cap.micros > unitMicrosMax)
    throw new RequestError(
      `the priceCap ${JSON.stringify(priceCap)} is no price such as 0.0005EUR or 0.0002EUR/1k, of at most ${formatMoney(unitMicrosMax, 'EUR')}`,
    )
  if (whole === undefined)
    throw new RequestError(`the budget ${JSON.stringify(budget)} is no amount such as 5EUR`)
  if (whole.currency !== cap.currency)
    throw new RequestError(`the budget is in ${whole.currency} and the priceCap in ${cap.currency}`)
  return {
    currency: cap.currency,
    unitMicrosMax: cap.micros,
    ...(cap.per === 1 ? {} : { per: cap.per }),
    budgetMicros: whole.micros,
  }
}
