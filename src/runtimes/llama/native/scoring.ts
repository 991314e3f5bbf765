/**
 * Judges claimed answers of the native engine without generating them again.
 *
 * Two machines of different kinds sum in different orders, so that their bits differ, and now and then a token. An auditor therefore
 * reads the claimed tokens in one pass, as it reads a prompt, and looks at two numbers for each: its *gap*, by how many nats the auditor's
 * likeliest token is likelier than the claimed one (none, where that is the likeliest), and the *difference* between the claimed
 * log-probability and its own. Another model, fewer bits a weight, or a shortened prompt move one or both by orders of magnitude more than
 * another processor does. (Notes: Token-DiFR, arXiv 2511.20621, has both ideas. TOPLOC, 2501.16007, needs hidden states, which the engine
 * does not show.)
 *
 * Single tokens prove nothing: where two tokens are about as likely, either may be taken. So means over a window of answers are judged,
 * by limits that are measured for the model: the auditor's own answers, generated once by the kernels of its machine and once by those
 * of the oldest machines, are scored; the worst mean of a window of those, times a margin, is the limit.
 */

/** What is left of a claimed answer once it was held against the network. */
export interface ClaimScore {
  readonly tokens: number
  /** Sums over the tokens, in nats. */
  readonly gap: number
  readonly difference: number
}

/** What a mean over a window may be, at most, in nats a token. */
export interface ScoreLimits {
  readonly gapMax: number
  readonly differenceMax: number
}

/** One token that is all wrong counts for no more than this, so that no single one decides. e^-20 is 2e-9. */
export const natsMax = 20

/** What the worst honest window is multiplied by. The cheats that were measured are 20 times further off, and more (docs/figures.md). */
const margin = 5

/**
 * No limit is lower, as windows are finite and other processors than those of the auditor may sum otherwise: a hundredth of what another
 * quantisation of the letters' model moves the one, and what one near-tie in 500 tokens moves the other. Guesses, by the bench.
 */
const least: ScoreLimits = { gapMax: 1e-3, differenceMax: 1e-4 }

/** The limits that honest windows give. At least one window. */
export function limitsOf(honest: readonly ClaimScore[]): ScoreLimits {
  const means = honest.map(meansOf)
  return {
    gapMax: Math.max(least.gapMax, margin * Math.max(...means.map(({ gap }) => gap))),
    differenceMax: Math.max(
      least.differenceMax,
      margin * Math.max(...means.map(({ difference }) => difference)),
    ),
  }
}

/** Says whether a window of claims is what the model says. One without tokens says nothing, which is true. */
export function isWithin(window: ClaimScore, { gapMax, differenceMax }: ScoreLimits): boolean {
  const { gap, difference } = meansOf(window)
  return gap <= gapMax && difference <= differenceMax
}

export function sumOf(scores: readonly ClaimScore[]): ClaimScore {
  return scores.reduce(
    (sum, { tokens, gap, difference }) => ({
      tokens: sum.tokens + tokens,
      gap: sum.gap + gap,
      difference: sum.difference + difference,
    }),
    { tokens: 0, gap: 0, difference: 0 },
  )
}

function meansOf({ tokens, gap, difference }: ClaimScore): {
  readonly gap: number
  readonly difference: number
} {
  if (tokens === 0) return { gap: 0, difference: 0 }
  return { gap: gap / tokens, difference: difference / tokens }
}

/** `likeliest`: the log-probability of the likeliest token that was allowed; `own`: of the claimed one. */
export function scoreOfToken(likeliest: number, own: number, claimed: number): ClaimScore {
  return {
    tokens: 1,
    gap: Math.min(natsMax, Math.max(0, likeliest - own)),
    difference: Math.min(natsMax, Math.abs(claimed - own)),
  }
}
