/**
 * A verdict's own words: what it says has to fit together, before anybody asks whether it follows from what is here (proofs.ts). The
 * audit asks the same of each verdict in a report (../audit/verdicts.ts), and what it would refuse counts on no node: else one
 * record of a steward that lies, which says what is true and says it wrongly, would spoil the reports of all others.
 */
import type { Cid } from '../ids.ts'
import { comparesBytes, isTolerance, withinTolerance } from '../job/agreement.ts'
import type { Assurance, Manifest } from '../job/manifest.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { mostClaimed } from '../verification/tally.ts'
import type { RecordedClaim } from './proof-ground.ts'
import type { Seen } from './sought-results.ts'

/** 'never': they do not. 'waits': results that it speaks of were not looked at yet. */
export type OwnWords = 'fit' | 'never' | 'waits'

type Result = Pick<RecordedClaim, 'result'>

/** `agreeing`, `contradicting`: the claims that an accepting verdict names. `look`: what is known of a result; one that nobody asked for is asked for. */
export function ownWords(
  { result, because }: ShardVerdict,
  agreeing: readonly RecordedClaim[],
  contradicting: readonly Result[],
  { agreement, assurance }: Manifest,
  look: (result: Cid) => Seen,
): OwnWords {
  if (result === null || !mayAccept(because, assurance)) return 'never'
  if (new Set(agreeing.map(({ owner }) => owner)).size !== agreeing.length) return 'never'
  if (contradicting.some((claim) => claim.result === result)) return 'never'
  const fit = (some: readonly Result[], fits: (seen: Seen) => OwnWords) =>
    worstOf([...new Set(some.map((claim) => claim.result))].map((one) => fits(look(one))))
  const accepted = comparesBytes(agreement) ? undefined : look(result)
  const text = typeof accepted === 'object' && accepted.state === 'good' ? accepted.text : undefined
  // Who ran out of something says nothing, and so does not say something else.
  const areOthers = fit(contradicting, (seen) => {
    if (seen === 'asked') return 'waits'
    if (seen === 'missing' || seen.state !== 'good') return 'fit'
    return seen.exhausted || (agreement === 'class-text' && seen.text === text) ? 'never' : 'fit'
  })
  if (areOthers !== 'fit') return areOthers
  if (comparesBytes(agreement)) return agreeing.every((claim) => claim.result === result) ? 'fit' : 'never'
  const isScored = isTolerance(agreement) && agreement.relation === 'scored'
  // A recomputation is its steward's word, and so is that a claim passed a score.
  if (because === 'recomputed' && isScored) return 'fit'
  if (isTolerance(agreement) && because !== 'recomputed' && mostClaimed(agreeing) !== result) return 'never'
  const others = because === 'recomputed' ? [{ result }] : agreeing
  return fit(agreeing, (one) =>
    fit(others, (other) => {
      if (typeof one === 'string' || typeof other === 'string') return 'waits'
      if (one.state !== 'good' || other.state !== 'good') return 'never'
      if (one === other) return 'fit'
      if (!isTolerance(agreement)) return one.text === other.text ? 'fit' : 'never'
      const { content } = one
      const isWithin =
        content !== undefined &&
        other.content !== undefined &&
        withinTolerance(agreement, content, other.content)
      return isWithin ? 'fit' : 'never'
    }),
  )
}

/** Reasons for which a shard is accepted, by this job's rules. */
function mayAccept(because: ShardVerdict['because'], { arbiter, audits }: Assurance): boolean {
  if (because === 'recomputed') return arbiter === 'steward' || audits?.auditor === 'steward'
  if (because === 'audited') return audits !== null
  return because === 'unanimous' || because === 'lead'
}

function worstOf(all: readonly OwnWords[]): OwnWords {
  if (all.includes('never')) return 'never'
  return all.includes('waits') ? 'waits' : 'fit'
}
