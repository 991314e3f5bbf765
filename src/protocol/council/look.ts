/** The look of a council, once a second: it heeds handovers, judges, takes or leaves its turn, copies results, and says that it lives. */

import { isCancelOverdue } from './cancelling.ts'
import { sayLastWord } from './closing.ts'
import { askForRecords, greet } from './comparison.ts'
import { isJudging } from './ending.ts'
import { fetchResults, sayArrived } from './holding.ts'
import { passIdle } from './idle.ts'
import { followCounted, reviewDecisions } from './judging.ts'
import { lookAtPlaces, yields } from './leaving.ts'
import { otherActs, stepsAside } from './reaching.ts'
import { heedHandovers } from './replacement.ts'
import {
  beat,
  differs,
  fellowsOf,
  hasEnded,
  isActing,
  isAway,
  isReader,
  livingFellows,
  type Seat,
} from './seat.ts'
import { standDown, takeOver, tellSteward } from './turn.ts'

/**
 * Only every so many beats dial a steward that is not connected. Most of those are gone, and so seldom the attempt
 * costs nothing. A guess.
 */
const beatsBetweenDials = 5

export function look(seat: Seat, nowMs: number): void {
  seat.lookedMs = nowMs
  heedHandovers(seat, nowMs)
  if (seat.hasLeft) return
  reviewDecisions(seat, nowMs)
  followCounted(seat, nowMs)
  if (!isReader(seat) && !isActing(seat)) passIdle(seat, nowMs)
  if (!isActing(seat) && seat.attendance.acting(nowMs) !== undefined) otherActs(seat)
  if (isReader(seat)) {
    if (seat.steward !== undefined) standDown(seat)
    askForRecords(seat, nowMs)
  } else if (!hasEnded(seat)) {
    const mayAct = seat.shards !== null && !yields(seat, nowMs)
    const turn = mayAct && seat.attendance.myTurn(isActing(seat), nowMs, stepsAside(seat, nowMs))
    if (mayAct && isCancelOverdue(seat, nowMs)) takeOver(seat, false, nowMs)
    else if (turn && seat.steward === undefined) {
      if (!isJudging(seat, nowMs)) takeOver(seat, false, nowMs)
    } else if (!turn && seat.steward !== undefined) standDown(seat)
    else if (seat.stale || hasLostResults(seat, nowMs)) takeOver(seat, false, nowMs)
    seat.unsafeSinceMs = seat.steward?.isDecided ? (seat.unsafeSinceMs ?? nowMs) : undefined
    tellSteward(seat, { type: 'wake' }, nowMs)
    lookAtPlaces(seat, nowMs)
  }
  sayLastWord(seat, nowMs)
  sayArrived(seat)
  fetchResults(seat, nowMs)
  seat.looks += 1
  seat.watch.counts(seat.looks, nowMs)
  const dials = seat.looks % beatsBetweenDials === 0
  for (const peer of fellowsOf(seat))
    if (isAway(seat, peer, nowMs)) continue
    else if ((dials || seat.connected.has(peer)) && (!hasEnded(seat) || differs(seat, peer))) {
      if (dials) greet(seat, peer)
      else beat(seat, peer)
    }
}

/** A result is gone that the acting steward counted on. */
function hasLostResults(seat: Seat, nowMs: number): boolean {
  if (seat.steward === undefined || seat.results.areAllHere) return false
  return seat.results.unreachable(livingFellows(seat, nowMs)).some((id) => !seat.unreachable.has(id))
}
