/** Voices: the claims that a verdict of a report names, and how they compare. */
import type { Cid, OwnerId } from '../ids.ts'
import { type Agreement, isTolerance, withinTolerance } from '../job/agreement.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import type { Finding } from '../verification/examination.ts'
import type { AuditedRecords, Claim } from './records.ts'

export type Voice = Claim & { readonly result: Cid }

/** A verdict whose receipts are all in the report. */
export interface Voiced {
  readonly verdict: ShardVerdict
  readonly agreeing: readonly Voice[]
  readonly contradicting: readonly Voice[]
  readonly name: string
}

/** The owners whose vehicles said two things of one place of a lease, whether that is paid or not. */
export function equivocators({ claims }: AuditedRecords): Set<OwnerId> {
  const said = new Map<string, Cid>()
  const owners = new Set<OwnerId>()
  for (const { lease, owner, results } of claims.values())
    for (const [position, result] of results) {
      const place = `${lease.id}/${position}`
      if ((said.get(place) ?? result) !== result) owners.add(owner)
      said.set(place, result)
    }
  return owners
}

/** Returns the result that most of these claim, of equals the one whose lease was signed first. */
export function mostClaimed(voices: readonly Voice[]): Cid {
  const counts = new Map<Cid, number>()
  for (const { result } of voices) counts.set(result, (counts.get(result) ?? 0) + 1)
  const most = Math.max(...counts.values())
  const best = voices.filter(({ result }) => counts.get(result) === most)
  return best.reduce((first, next) => (isEarlier(next.lease, first.lease) ? next : first)).result
}

function isEarlier(a: Verified, b: Verified): boolean {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch
  return a.signer === b.signer ? a.serial < b.serial : a.signer < b.signer
}

/** Compares results whose bytes differ. */
export function isSame(a: Finding, b: Finding, agreement: Agreement): boolean {
  if (a.state !== 'good' || b.state !== 'good') return false
  if (!isTolerance(agreement)) return a.text === b.text
  return (
    a.content !== undefined && b.content !== undefined && withinTolerance(agreement, a.content, b.content)
  )
}

/** The same of a claim and of what a steward recomputed. That a claim passed a score is the steward's word, as the recomputation is. */
export function mayHavePassed(claimed: Finding, recomputed: Finding, agreement: Agreement): boolean {
  const isScored = isTolerance(agreement) && agreement.relation === 'scored'
  return isScored ? claimed.state === 'good' : isSame(claimed, recomputed, agreement)
}
