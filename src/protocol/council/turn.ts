/** Takes turns: a Steward is made from the records when the turn comes to this node, and let go when it passes. */

import { assert } from '../../base/assert.ts'
import type { PeerId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { StewardEffect } from '../steward/contract.ts'
import { Steward } from '../steward/steward.ts'
import { mayEnd } from './ending.ts'
import {
  beat,
  excludingStewards,
  fellowsOf,
  isActing,
  livingFellows,
  pathsTo,
  type Seat,
  spread,
} from './seat.ts'

/** Takes up the job where its records leave it. */
export function takeOver(seat: Seat, fresh: boolean, nowMs: number): void {
  assert(seat.shards !== null, 'who acts for a job knows its shards')
  const wasActing = isActing(seat)
  if (fresh) seat.begunMs = nowMs
  seat.stale = false
  seat.places.stay()
  const before = seat.steward
  const steward = newSteward(seat, seat.shards, nowMs)
  seat.steward = steward
  if (!wasActing) {
    seat.actingSinceMs = nowMs
    seat.ownReturnMs = nowMs
    seat.effects.push({ type: 'acting', acting: true })
  }
  seat.unreachable = new Set(seat.results.unreachable(livingFellows(seat, nowMs)))
  follow(seat, steward.restore(nowMs, seat.unreachable), nowMs)
  if (!fresh)
    for (const peer of seat.capacities.keys()) if (seat.connected.has(peer)) adoptVehicle(seat, peer)
  if (seat.records.decisions.isCancelled) tellSteward(seat, { type: 'cancel' }, nowMs)
  const [capacities, operatorPpm] = [[...seat.capacities.values()], seat.operatorPpm]
  tellSteward(seat, { type: 'roster', capacities, operatorPpm }, nowMs)
  for (const peer of seat.connected) tellSteward(seat, { type: 'connected', peer }, nowMs)
  if (before !== undefined && seat.steward === steward) follow(seat, steward.succeed(before, nowMs), nowMs)
  if (!wasActing) for (const peer of fellowsOf(seat)) beat(seat, peer)
}

function adoptVehicle(seat: Seat, peer: PeerId): void {
  if (!seat.records.isSteward(peer)) seat.effects.push({ type: 'adopt', to: peer })
}

/** The turn has passed to another, or the job has ended. */
export function standDown(seat: Seat): void {
  seat.steward = undefined
  seat.actingSinceMs = undefined
  seat.stale = false
  seat.effects.push({ type: 'acting', acting: false })
  for (const peer of fellowsOf(seat)) beat(seat, peer)
}

function newSteward(seat: Seat, shards: readonly ShardEntry[], nowMs: number): Steward {
  const { job, manifest, self, sha256, drawSecret } = seat.options
  const stewards = excludingStewards(seat)
  const epoch = pathsTo(seat, [self]).at(-1)?.epoch ?? 0
  const issuer = seat.issuer
  const state = seat.records
  return new Steward({
    job,
    manifest,
    shards,
    self,
    stewards,
    epoch,
    drawSecret,
    sha256,
    state,
    issuer,
    safe: mayEnd(seat, nowMs),
  })
}

/** Hands an input to the Steward, while there is one. */
export function tellSteward(seat: Seat, input: Parameters<Steward['handle']>[0], nowMs: number): void {
  if (seat.steward === undefined) return
  if (input.type === 'wake')
    follow(seat, seat.steward.handle({ type: 'safe', safe: mayEnd(seat, nowMs) }, nowMs), nowMs)
  follow(seat, seat.steward.handle(input, nowMs), nowMs)
}

/** Takes note of the steward's decisions: its records are the job's, and the other stewards get them at once. */
function follow(seat: Seat, effects: readonly StewardEffect[], nowMs: number): void {
  for (const effect of effects) {
    if (effect.type === 'wake') continue // the council's own look wakes it
    seat.effects.push(effect)
    if (effect.type === 'offer') seat.watch.offered(effect.lease, effect.to)
    if (effect.type === 'issue' || effect.type === 'keep') seat.ownNewsMs = nowMs
    if (effect.type === 'keep') seat.ownReturnMs = nowMs
    if (effect.type === 'issue') spread(seat, effect.issued)
    else if (effect.type === 'keep') spread(seat, effect.receipt)
  }
}
