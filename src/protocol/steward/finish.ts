/** Ends a job, and answers vehicles afterwards. */

import { type EndCode, endFor } from '../job/verdict.ts'
import type { StewardEffect, StewardInput } from './contract.ts'
import type { Desk } from './desk.ts'
import { withdrawLease } from './endings.ts'
import { publishVerdicts, settleOpenShards } from './judge.ts'
import { issue } from './signing.ts'

/** Every shard has its verdict: the verdicts decide how the job ends. */
export function concludeJob(desk: Desk, nowMs: number): void {
  const failed = desk.board.states.filter((shard) => shard.verdict?.outcome === 'failed').length
  if (failed === 0) finishJob(desk, 'verified', 'every shard is verified', nowMs)
  else finishJob(desk, 'shards-failed', `${failed} of ${desk.board.states.length} shards failed`, nowMs)
}

/**
 * Ends the job, once: leases are withdrawn, verdicts go first, also those on what is owed for open shards, and vehicles are
 * told.
 */
export function finishJob(desk: Desk, code: EndCode, reason: string, nowMs: number): void {
  if (desk.end !== undefined) return
  const end = endFor(code, reason, desk.options.drawSecret)
  for (const state of [...desk.leases.active()]) withdrawLease(desk, state, nowMs)
  settleOpenShards(desk, nowMs)
  publishVerdicts(desk)
  issue(desk, 'end', end)
  desk.end = end
  for (const peer of [...desk.leases.vehicles()].sort()) desk.effects.push({ type: 'tell-end', to: peer })
  desk.effects.push({ type: 'ended', end })
}

/** After the end there is nothing to decide; late vehicles are told so. */
export function answerAfterEnd(input: StewardInput): StewardEffect[] {
  if (input.type === 'receipt') return [{ type: 'tell-end', to: input.receipt.record.signer }]
  if (input.type === 'progress' || input.type === 'accepted') return [{ type: 'tell-end', to: input.from }]
  return []
}
