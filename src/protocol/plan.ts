/**
 * The plan: how many voices an error bound takes.
 *
 * Against an informed cartel that holds a share f of the owners, m unanimous replicas of distinct owners are
 * wrong with probability at most f^m, the chance that the draw met only its members. After a disagreement
 * unanimity is gone; then Wald's sequential test accepts at a lead of d voices, wrong with probability
 * r^d / (1 + r^d) for r = f / (1 − f). (Notes on reliability, §3; both checked there by Monte Carlo.)
 */
import { ProtocolError } from './errors.ts'

export const errorBoundDefault = 1e-4
export const colludingShareDefault = 0.01

/** More voices than this and the mesh is not worth asking. */
const voicesMax = 64

/** The least m with f^m ≤ ε. Throws ProtocolError('impossible-bound'). */
export function replicasFor(errorBound: number, colludingShare: number): number {
  checkBound(errorBound, colludingShare)
  for (let m = 1; m <= voicesMax; m += 1) if (atMost(colludingShare ** m, errorBound)) return m
  throw new ProtocolError({
    code: 'impossible-bound',
    why: `no ${voicesMax} replicas reach ${errorBound} when a share of ${colludingShare} colludes`,
  })
}

/** The least d with r^d / (1 + r^d) ≤ ε. Throws ProtocolError('impossible-bound'). */
export function leadFor(errorBound: number, colludingShare: number): number {
  checkBound(errorBound, colludingShare)
  const r = colludingShare / (1 - colludingShare)
  for (let d = 1; d <= voicesMax; d += 1) if (atMost(r ** d / (1 + r ** d), errorBound)) return d
  throw new ProtocolError({
    code: 'impossible-bound',
    why: `no lead of ${voicesMax} voices reaches ${errorBound} when a share of ${colludingShare} colludes`,
  })
}

/** 0.01² is 1.0000000000000002e-4 in binary: a bound that is met in decimals is met. */
function atMost(value: number, bound: number): boolean {
  return value <= bound * (1 + 1e-9)
}

function checkBound(errorBound: number, colludingShare: number): void {
  if (!(errorBound > 0 && errorBound < 1))
    throw new ProtocolError({ code: 'impossible-bound', why: `${errorBound} is not between 0 and 1` })
  if (!(colludingShare >= 0 && colludingShare < 0.5))
    throw new ProtocolError({
      code: 'impossible-bound',
      why: `a colluding share of ${colludingShare} is not between 0 and 0.5, where no number of voices helps`,
    })
}
