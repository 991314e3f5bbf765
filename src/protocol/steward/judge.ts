/**
 * The judge: turns claims that count into verdicts, through audits where the job has them. It follows a verdict's
 * effects on other shards until nothing changes any more.
 */

import { alike } from '../../base/alike.ts'
import type { Cid, OwnerId, RecordId } from '../ids.ts'
import { packVerdicts, type ShardVerdict } from '../job/verdict.ts'
import {
  settledVerdictsMax,
  settleWaitMs,
  verdictReceiptsMax,
  windowIdleMs,
  windowMarginMs,
} from '../limits.ts'
import { besides, owedWithoutResult } from '../verification/owed.ts'
import { answersAlike, type Claim, representative } from '../verification/tally.ts'
import type { Desk } from './desk.ts'
import { contradictOwner, pointless, withdrawLease } from './endings.ts'
import type { ShardState } from './shard-state.ts'
import { issue } from './signing.ts'
import type { Check, ClosedWindow } from './windows.ts'

/** Decides what can be decided, until nothing changes any more. */
export function decideChanged(desk: Desk, nowMs: number): void {
  // A verdict contradicts owners, and a check passes windows, which changes other shards in turn.
  for (;;) {
    const changed = desk.board.takeChanged()
    if (changed.length === 0) break
    for (const shard of changed) if (shard.verdict === undefined) decideOne(desk, shard, nowMs)
    followChecks(desk)
  }
  const next = desk.board.nextToRecompute()
  if (next !== undefined)
    desk.effects.push({ type: 'recompute', position: next.position, claimed: claimedOf(next) })
}

/** The results that owners claim, those of the first leases first. */
function claimedOf({ claims }: ShardState): Cid[] {
  return [...new Set(claims.filter(({ exhausted }) => !exhausted).map(({ result }) => result))]
}

function decideOne(desk: Desk, shard: ShardState, nowMs: number): void {
  // Whichever side is looked at first would be unanimous otherwise.
  if ((desk.apart.get(shard.position)?.unseen.size ?? 0) > 0) return
  const { tally } = shard
  if (tally.state === 'accepted') {
    const { agreeing, result, because } = tally
    const contradicting = [...tally.contradicting, ...dismissed(desk, shard, agreeing)]
    giveVerdict(desk, shard, { outcome: 'accepted', result, because }, agreeing, contradicting, nowMs)
    for (const claim of tally.contradicting) {
      contradictOwner(desk, claim.owner, nowMs)
      if (because === 'recomputed' && desk.options.manifest.agreement === 'bytes')
        desk.effects.push({ type: 'lied', receipt: claim.receipt, because })
    }
  } else if (tally.disputed && mayRecompute(desk, shard)) {
    desk.board.queueToRecompute(shard)
  } else if (desk.board.exhausted(shard)) failShard(desk, shard, 'too-many-losses', nowMs)
  else if (!tally.disputed) provide(desk, shard, tally.leading, nowMs)
}

/** Under audits: nobody disagrees, and the shard has its verdict once enough of its claims' windows have passed. */
function provide(desk: Desk, shard: ShardState, agreeing: readonly Claim[], nowMs: number): void {
  const { audits, replicas } = desk.options.manifest.assurance
  if (audits === null || agreeing.length < audits.replicas) return
  // That a vehicle ran out of something is its word about itself.
  if (agreeing.some(({ exhausted }) => exhausted)) {
    desk.board.need(shard, replicas)
    return
  }
  const passed = agreeing.filter(({ owner }) => desk.windows!.hasPassed(owner, shard.position))
  if (desk.board.areEnough(shard.position, passed, audits.replicas)) {
    const result = representative(agreeing)
    giveVerdict(desk, shard, { outcome: 'accepted', result, because: 'audited' }, agreeing, [], nowMs)
    return
  }
  // Where the first voices are not enough by their order, all stand for the shard.
  const few = agreeing.slice(0, audits.replicas)
  for (const { owner, receipt } of desk.board.areEnough(shard.position, few, audits.replicas)
    ? few
    : agreeing)
    desk.windows!.add(owner, shard.position, receipt, nowMs)
}

/** Windows whose owners are idle while nothing waits, or that must close for other reasons (limits.ts). */
export function closeWindows(desk: Desk, nowMs: number): void {
  if (desk.windows === null) return
  const { deadlineMs } = desk.options.manifest
  const busy = new Set<OwnerId>()
  for (const { lease } of desk.leases.active()) busy.add(lease.payload.owner)
  const isLate = nowMs >= deadlineMs - windowMarginMs
  const due = desk.windows.takeDue(
    (owner, idleSinceMs) =>
      isLate || (!busy.has(owner) && (desk.board.wantedTotal === 0 || nowMs - idleSinceMs >= windowIdleMs)),
  )
  for (const window of due) {
    const { id } = issue(desk, 'window', window)
    desk.windows.close(id, window)
  }
  followChecks(desk)
}

function followChecks(desk: Desk): void {
  if (desk.windows === null) return
  for (const { window, checks } of desk.windows.pending((owner, position) =>
    checkOf(desk, owner, position),
  )) {
    for (const position of checks) askForCheck(desk, window, desk.board.states[position]!)
    if (window.passed) for (const position of window.positions) desk.board.touch(desk.board.states[position]!)
  }
}

function checkOf(desk: Desk, owner: OwnerId, position: number): Check {
  const shard = desk.board.states[position]!
  const { audits } = desk.options.manifest.assurance
  const voices = audits!.replicas + 1
  const { tally, verdict, claims, holders } = shard
  if (verdict?.outcome === 'failed') return 'void'
  if (verdict !== undefined) {
    const agreeing = verdict.agreeing.flatMap((receipt) => desk.state.claimOf(receipt, position) ?? [])
    const owners = new Set(agreeing.map((claim) => claim.owner))
    const isEnough = owners.size >= voices && desk.board.areEnough(shard.position, agreeing, voices)
    return (isEnough || verdict.because === 'recomputed') && owners.has(owner) ? 'passed' : 'never'
  }
  // After a restart its claims count once their results were looked at: until then it holds their shards.
  if (!holders.has(owner) && !claims.some((claim) => claim.owner === owner)) return 'void'
  const agrees =
    tally.state === 'open' &&
    !tally.disputed &&
    desk.board.areEnough(shard.position, tally.leading, voices) &&
    tally.leading.some((claim) => claim.owner === owner)
  return agrees ? 'passed' : 'pending'
}

function askForCheck(desk: Desk, window: ClosedWindow, shard: ShardState): void {
  const { audits, replicas } = desk.options.manifest.assurance
  if (!window.isSampled) desk.board.need(shard, replicas)
  else if (audits!.auditor === 'owners') desk.board.need(shard, audits!.replicas + 1)
  else if (shard.recomputation === 'none') desk.board.queueToRecompute(shard)
  else if (shard.recomputation === 'impossible') desk.board.need(shard, audits!.replicas + 1)
}

/** Claims of owners who had no voice any more, and said something else. */
function dismissed(desk: Desk, shard: ShardState, agreeing: readonly Claim[]): Claim[] {
  const { agreement } = desk.options.manifest
  return shard.claims.filter(
    (claim) =>
      desk.board.contradicted.has(claim.owner) &&
      !claim.exhausted &&
      !agreeing.some((other) => answersAlike(claim, other, agreement)),
  )
}

function mayRecompute(desk: Desk, shard: ShardState): boolean {
  return desk.options.manifest.assurance.arbiter === 'steward' && shard.recomputation === 'none'
}

/** Gives a shard up: its verdict is that it failed, why, and which claims are owed all the same. */
export function failShard(
  desk: Desk,
  shard: ShardState,
  because: 'no-owner-left' | 'too-many-losses' | 'ended',
  nowMs: number,
  owed = owedOn(desk, shard),
): void {
  const others = besides(owed, shard.claims)
  giveVerdict(desk, shard, { outcome: 'failed', result: null, because }, owed, others, nowMs)
}

/** The claims on an open shard that are owed if nothing more comes of it. */
function owedOn({ board, options }: Desk, { tally, claims }: ShardState): readonly Claim[] {
  if (tally.state !== 'open') return []
  const voices = claims.filter(({ owner }) => !board.contradicted.has(owner))
  return owedWithoutResult(tally, voices, options.manifest.assurance)
}

/** The job ends without results for these shards: claims on them that agree are owed, and the records say so. */
export function settleOpenShards(desk: Desk, nowMs: number): void {
  for (const shard of [...desk.board.open]) {
    if (desk.apart.has(shard.position)) continue
    const owed = owedOn(desk, shard)
    if (owed.length > 0) failShard(desk, shard, 'ended', nowMs, owed)
  }
}

function giveVerdict(
  desk: Desk,
  shard: ShardState,
  decision: Pick<ShardVerdict, 'outcome' | 'result' | 'because'>,
  agreeing: readonly Claim[],
  contradicting: readonly Claim[],
  nowMs: number,
): void {
  const receipts = (claims: readonly Claim[]) => claims.slice(0, verdictReceiptsMax).map((c) => c.receipt)
  const before = desk.unpublished.at(-1)
  const verdict: ShardVerdict = {
    position: shard.position,
    shard: shard.entry.shard,
    outcome: decision.outcome,
    status: 'final',
    result: decision.result,
    because: decision.because,
    agreeing: alike(before?.agreeing, receipts(agreeing)),
    contradicting: alike(before?.contradicting, receipts(contradicting)),
    settles: alike(before?.settles, desk.apart.get(shard.position)?.settles ?? []),
  }
  desk.unpublished.push(verdict)
  settleShard(desk, verdict, nowMs)
}

function settleShard(desk: Desk, verdict: ShardVerdict, nowMs: number): void {
  const shard = desk.board.states[verdict.position]!
  desk.board.decide(shard, verdict)
  desk.windows?.settle(verdict.position)
  for (const { lease } of [...shard.holders.values()]) {
    const state = desk.leases.get(lease)
    if (state !== undefined && state.state !== 'closed' && pointless(desk, state))
      withdrawLease(desk, state, nowMs)
  }
}

/** Puts verdicts on record, as many in one as it takes. */
export function publishVerdicts(desk: Desk): void {
  for (const shards of packVerdicts(desk.unpublished.splice(0))) {
    issue(desk, 'verdict', { shards })
    desk.safe = desk.stewards.length === 1
    desk.effects.push({ type: 'decided', verdicts: shards })
  }
}

/** Takes up what the records say of a shard. */
export function restoreVerdict(
  desk: Desk,
  position: number,
  unreachable: ReadonlySet<RecordId>,
  nowMs: number,
): void {
  const standing = desk.state.standing(position, unreachable)
  switch (standing.state) {
    case 'open':
      break
    case 'stands':
      settleShard(desk, standing.verdict, nowMs)
      for (const owner of desk.state.contradictedBy(standing.verdict)) contradictOwner(desk, owner, nowMs)
      break
    case 'apart':
      desk.apart.set(position, {
        settles: standing.left.map(({ record }) => record.id).slice(0, settledVerdictsMax),
        unseen: new Set(
          standing.left.flatMap(({ verdict }) => [...verdict.agreeing, ...verdict.contradicting]),
        ),
        untilMs: nowMs + settleWaitMs,
      })
  }
}

/** Claims that nobody has looked at by now are not waited for any more, to settle what stewards apart decided. */
export function stopWaiting(desk: Desk, nowMs: number): void {
  for (const [position, { unseen, untilMs }] of desk.apart)
    if (unseen.size > 0 && nowMs >= untilMs) {
      unseen.clear()
      desk.board.touch(desk.board.states[position]!)
    }
}
