/**
 * Judges claimed answers of language models that were not made again.
 *
 * Two machines of different kinds sum in different orders, so that their bits differ, and now and then a token. An auditor therefore
 * reads the claimed tokens in one pass, as it reads a prompt, and looks at two numbers for each: its *gap*, by how many nats the auditor's
 * likeliest token is likelier than the claimed one (none, where that is the likeliest), and the *difference* between the claimed
 * log-probability and its own. Another model, fewer bits a weight, or a shortened prompt move one or both by far more than another
 * processor does. (Token-DiFR, arXiv 2511.20621, has both ideas. TOPLOC, 2501.16007, needs hidden states, which the engine does not show.)
 *
 * Single tokens prove nothing: where two are about as likely, either may be taken. So means over the tokens of a shard are judged, by
 * limits that were measured for the model: answers that the submitter's machine made, once by its own kernels and once by those of the
 * oldest processors, are scored there, and the worst mean, times a margin, is the limit. docs/figures.md has how often it errs.
 */
import { type Scored, scoreNatsMax } from '../job/agreement.ts'

/** Sums over tokens, in nats. */
export interface Score {
  readonly tokens: number
  readonly gap: number
  readonly difference: number
}

/**
 * The work of a score, as a part of an answer's: half for the smallest models that were measured, a fifth for those of 3e9 weights. The
 * prompt is paid by both.
 */
export const scoreCost = 0.5

type Limits = Pick<Scored, 'gapMax' | 'differenceMax'>

/** The cheats that were measured are further off by more than this. */
const margin = 5

/** The limits that honest windows give. `least`: none is lower, as few answers are measured (the engine's own, in its runtime's description). */
export function limitsOf(honest: readonly Score[], least: Limits): Limits {
  const worst = (name: 'gap' | 'difference') =>
    honest.reduce((most, one) => Math.max(most, meanOf(one, name)), 0)
  return {
    gapMax: Math.min(scoreNatsMax, Math.max(least.gapMax, margin * worst('gap'))),
    differenceMax: Math.min(scoreNatsMax, Math.max(least.differenceMax, margin * worst('difference'))),
  }
}

/** Says whether claims are what the network says. Those without a token are: there is nothing to say. */
export function isWithin(claims: Score, { gapMax, differenceMax }: Limits): boolean {
  return meanOf(claims, 'gap') <= gapMax && meanOf(claims, 'difference') <= differenceMax
}

export function sumOf(scores: readonly Score[]): Score {
  const sum = { tokens: 0, gap: 0, difference: 0 }
  for (const { tokens, gap, difference } of scores) {
    sum.tokens += tokens
    sum.gap += gap
    sum.difference += difference
  }
  return sum
}

function meanOf({ tokens, ...sums }: Score, name: 'gap' | 'difference'): number {
  return tokens === 0 ? 0 : sums[name] / tokens
}
