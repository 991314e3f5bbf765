/** Judging: the consequences of verdicts and ends that count from now on, and the results to look at before those of others do. */
import type { PeerId } from '../ids.ts'
import type { WantedProof } from '../state/sought-results.ts'
import { fetchResultsOf } from './holding.ts'
import { fellowsOf, type Seat } from './seat.ts'
import { standDown } from './turn.ts'

/** Follows what counts since the last time. `from`: whoever sent it along has its results, too. */
export function followCounted(seat: Seat, nowMs: number, from?: PeerId): void {
  const { decisions } = seat.records
  if (decisions.takeReopened()) {
    seat.changes += 1
    if (seat.steward !== undefined) seat.stale = true
  }
  const counted = decisions.takeCounted()
  const { verdicts, ends } = counted
  if (verdicts.length === 0 && ends.length === 0) return
  seat.changes += 1
  seat.effects.push({ type: 'counted', ...counted })
  for (const { id, signer } of verdicts) {
    if (signer === seat.options.self) continue
    seat.attendance.decided(signer)
    seat.progress.decided(nowMs)
    if (seat.steward !== undefined) seat.stale = true
    const verdict = decisions.verdicts.records.get(id)!
    seat.results.learn(verdict)
    fetchResultsOf(seat, verdict, from ?? signer)
  }
  if (ends.length > 0 && !seat.knowsEnd) learnEnd(seat)
}

/** Follows the leases that count from now on, or no more. */
export function followRecounted(seat: Seat): void {
  const leases = seat.records.takeRecounted()
  if (leases.length === 0) return
  seat.changes += 1
  seat.effects.push({ type: 'recounted', leases })
  if (seat.steward !== undefined) seat.stale = true
}

function learnEnd(seat: Seat): void {
  seat.knowsEnd = true
  const { signer, payload: end } = seat.records.end()!
  if (signer === seat.options.self) return // it said so itself
  if (seat.steward !== undefined) standDown(seat)
  seat.effects.push({ type: 'ended', end })
}

/** Asks for the results that verdicts of other stewards rest on, so that they can be judged here. */
export function lookAtProofs(seat: Seat): void {
  const { decisions } = seat.records
  const wanted = decisions.takeWanted()
  const asked = wanted.flatMap((want) => {
    const from = whoHas(seat, want)
    return from === undefined ? [] : [{ result: want.result, pages: want.pages, from }]
  })
  if (asked.length > 0) seat.effects.push({ type: 'collect', wanted: asked })
  const unasked = wanted.filter((want) => whoHas(seat, want) === undefined)
  if (unasked.length > 0)
    decisions.examined(unasked.map(({ result, pages }) => ({ result, pages, finding: { state: 'missing' } })))
}

/** Judges again what rests on other shards, or on the time; asks again for what did not come. Call it at every look. */
export function reviewDecisions(seat: Seat, nowMs: number): void {
  const { decisions } = seat.records
  decisions.askAgain()
  decisions.review(nowMs)
  if (!decisions.isLooking) seat.judgingSinceMs = undefined
  else seat.judgingSinceMs ??= nowMs
}

/**
 * The steward that gave the verdict has its results, and so have those that hold them: asked in vain, the next one is
 * asked. Those that have left come last.
 */
function whoHas(seat: Seat, { signer, tries }: WantedProof): PeerId | undefined {
  const reached = [...new Set([signer, ...fellowsOf(seat)])].filter((peer) => seat.connected.has(peer))
  const [here, left] = [true, false].map((stays) =>
    reached.filter((peer) => (seat.places.heirOf(peer) === undefined) === stays),
  )
  return [...here!, ...left!][tries % reached.length]
}

/** One that comes and goes has it done no more often. A guess. */
const soughtAnewEveryMs = 120_000

/** A steward is reached: it may have the results that nobody else delivered, which are asked for as if they never had been. */
export function seekAnew({ soughtAnewMs, records }: Seat, steward: PeerId, nowMs: number): void {
  if (nowMs - (soughtAnewMs.get(steward) ?? Number.NEGATIVE_INFINITY) < soughtAnewEveryMs) return
  soughtAnewMs.set(steward, nowMs)
  records.decisions.askAgain(true)
}
