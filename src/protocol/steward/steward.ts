/**
 * The steward: looks after one job, from its manifest to its end.
 *
 * It draws vehicles, leases them shards, renews the leases that show progress, takes back those that do not,
 * collects the results that receipts commit to, tallies them, and says when the job is done. All it knows
 * follows from the job's manifest and from signed records in their order (draws, leases, receipts, verdicts),
 * so a steward that is restored from them goes on where it was; leases under way are then heard of again or
 * lapse. The alternative, a table of states that is updated in place (BOINC's), cannot be merged with a second
 * steward's, and a job must outlive its steward.
 *
 * A lease of a paid job promises money when it is issued: what its vehicle asks for each unit, never more than this
 * steward's allowance takes (../job/allowance.ts). When the allowance has no room for another lease, the steward
 * writes off what closed leases can no longer bring, and waits for what is under way and for what other stewards give
 * it. When nothing of that comes any more, the job fails, with its budget as the reason and all verified results
 * kept.
 *
 * It is a desk of plain data (desk.ts) and parts that work on it: what vehicles say comes in by intake.ts, judge.ts makes
 * verdicts of it, leasing.ts gives out what is wanted, as far as purse.ts says that it can be paid, endings.ts takes back,
 * hopeless.ts gives up, finish.ts ends. The driver's contract is in contract.ts.
 */
import { impossible } from '../../base/assert.ts'
import type { RecordId } from '../ids.ts'
import type { JobEnd, ShardVerdict } from '../job/verdict.ts'
import { shortageGraceMs } from '../limits.ts'
import type { CountedClaim, JobView, ShardStanding } from '../state/job-view.ts'
import { learnCensus } from './abroad.ts'
import { clockWasSet } from './clock-set.ts'
import type { StewardEffect, StewardInput } from './contract.ts'
import { type Desk, goOn, newDesk, type StewardOptions } from './desk.ts'
import { checkDesk } from './desk-check.ts'
import { answerAfterEnd, concludeJob, finishJob } from './finish.ts'
import { copyLateResults, copyStragglers, failForWantOfKeys, failForWantOfOwners } from './hopeless.ts'
import {
  collectAgain,
  declined,
  giveUpLapsed,
  giveUpOverdue,
  heardOf,
  heardProgress,
  receiveReceipt,
  takeExamined,
  undelivered,
} from './intake.ts'
import { closeWindows, decideChanged, publishVerdicts, stopWaiting } from './judge.ts'
import { assignWork } from './leasing.ts'
import { replenish } from './purse.ts'
import { takeFrom, takeUp } from './restoring.ts'
import { learnAdverts, learnRoster, learnStewards, takeArriving } from './roster.ts'
import { claimsOf, standingsOf, verdictsOf, viewOf } from './view.ts'

/** How often a steward looks for stragglers and lapsed leases: a guess, short against every time it judges. */
const lookIntervalMs = 1_000

export class Steward {
  readonly #desk: Desk

  constructor(options: StewardOptions) {
    this.#desk = newDesk(options)
  }

  /**
   * Goes on where the state leaves the job. Call before the first input; asks for missing results. Nobody has the
   * results that `unreachable` verdicts accept: shards that only they decided are open again.
   */
  restore(nowMs: number, unreachable: ReadonlySet<RecordId> = new Set()): StewardEffect[] {
    return takeUp(this.#desk, nowMs, unreachable) ? this.#drain(nowMs) : []
  }

  /** Goes on in the place of another one on this node, whose records have changed. Call after `restore`. */
  succeed(before: Steward, nowMs: number): StewardEffect[] {
    takeFrom(this.#desk, before.#desk)
    return this.#desk.end === undefined ? this.#drain(nowMs) : []
  }

  handle(input: StewardInput, nowMs: number): StewardEffect[] {
    const desk = this.#desk
    if (input.type === 'clock-set') {
      clockWasSet(desk, input.byMs)
      return []
    }
    if (desk.end !== undefined) return answerAfterEnd(input)
    let isOld = false
    switch (input.type) {
      case 'roster':
        desk.operatorPpm = input.operatorPpm ?? 0
        learnRoster(desk, input.capacities)
        break
      case 'adverts':
        learnAdverts(desk, input.changed, input.gone)
        break
      case 'census':
        learnCensus(desk, input.census, input.members)
        break
      case 'accepted':
        heardOf(desk, input.lease, input.from, nowMs)
        break
      case 'declined':
        declined(desk, input, nowMs)
        break
      case 'undelivered':
        undelivered(desk, input.lease, nowMs)
        break
      case 'progress':
        heardProgress(desk, input.lease, input.from, input.done, nowMs)
        break
      case 'receipt':
        isOld = !receiveReceipt(desk, input.receipt, input.released, nowMs) && input.released === null
        break
      case 'examined':
        for (const examined of input.results) takeExamined(desk, examined, nowMs)
        break
      case 'recomputed': {
        const shard = desk.board.states[input.position]
        if (shard !== undefined) desk.board.recomputed(shard, input.found)
        break
      }
      case 'stewards':
        desk.stewards = input.stewards
        learnStewards(desk)
        break
      case 'allowance':
        desk.state.admit(input.allowance)
        desk.rooms.unshelve()
        break
      case 'safe':
        desk.safe = input.safe
        break
      case 'connected':
        desk.patience.returned(input.peer)
        collectAgain(desk, input.peer)
        for (const { lease } of desk.leases.resume(input.peer, nowMs))
          desk.effects.push({ type: 'offer', lease: lease.id, to: input.peer })
        break
      case 'disconnected':
        desk.patience.left(input.peer)
        desk.leases.suspend(input.peer, nowMs)
        break
      case 'cancel':
        finishJob(desk, 'cancelled', 'cancelled by its submitter', nowMs)
        break
      case 'wake':
        this.#look(nowMs)
        break
      case 'go-on':
        desk.goesOn = false
        if (desk.arriving.size > 0) takeArriving(desk)
        break
      default:
        impossible(input)
    }
    // Most of what a steward hears frees nobody, and there is nothing to give out that was not there before: the next look, in a second,
    // finds what it changes all the same.
    return this.#drain(nowMs, input.type !== 'progress' && input.type !== 'accepted' && !isOld)
  }

  /** Tells whether every shard has its verdict, and the end waits. */
  get isDecided(): boolean {
    return this.#desk.end === undefined && this.#desk.board.open.size === 0
  }

  get end(): JobEnd | undefined {
    return this.#desk.end
  }

  view(): JobView {
    return viewOf(this.#desk)
  }

  standings(): ShardStanding[] {
    return standingsOf(this.#desk)
  }

  /** Verdicts so far, in the order of shards. */
  verdicts(): ShardVerdict[] {
    return verdictsOf(this.#desk)
  }

  /** Every claim that was counted, with the verdict on its shard where there is one. */
  claims(): Generator<CountedClaim> {
    return claimsOf(this.#desk)
  }

  /** Asserts what holds between two inputs. It walks over the whole job, so it is for tests. */
  check(): void {
    checkDesk(this.#desk)
  }

  /** Lapsed leases, stragglers, shards that cannot go on, the deadline. */
  #look(nowMs: number): void {
    const desk = this.#desk
    const { deadlineMs, shortage } = desk.options.manifest
    giveUpLapsed(desk, nowMs)
    giveUpOverdue(desk, nowMs)
    copyStragglers(desk, nowMs)
    copyLateResults(desk, nowMs)
    closeWindows(desk, nowMs)
    replenish(desk, nowMs)
    stopWaiting(desk, nowMs)
    // Whatever is decided by the deadline counts, wherever its results are.
    if (nowMs >= deadlineMs && desk.board.open.size === 0) concludeJob(desk, nowMs)
    else if (nowMs >= deadlineMs)
      finishJob(
        desk,
        'deadline-passed',
        `the deadline passed with ${desk.board.open.size} shards open`,
        nowMs,
      )
    else if (shortage === 'fail' && nowMs - desk.startedMs! >= shortageGraceMs)
      failForWantOfOwners(desk, nowMs)
    if (desk.end === undefined) failForWantOfKeys(desk, nowMs)
    if (desk.end === undefined) desk.effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
  }

  /** Everything that follows from what just happened; then the effects, in order. */
  #drain(nowMs: number, mayAssign = true): StewardEffect[] {
    const desk = this.#desk
    if (desk.startedMs === undefined) {
      desk.startedMs = nowMs
      desk.effects.push({ type: 'wake', atMs: nowMs + lookIntervalMs })
    }
    if (desk.end === undefined) {
      decideChanged(desk, nowMs)
      publishVerdicts(desk)
      if (desk.board.open.size === 0) {
        desk.short = undefined
        if (desk.safe) concludeJob(desk, nowMs)
      } else if (desk.arriving.size > 0) {
        desk.rooms.refresh(nowMs)
        goOn(desk)
      } else if (mayAssign) assignWork(desk, nowMs)
    }
    const { effects } = desk
    desk.effects = []
    return effects
  }
}
