/** Makes the node follow the owner's rules. */
import type { Logger } from 'pino'
import { type Judgement, type RuleVerdict, sentenceOf, stricter } from '../../protocol/rules/judgement.ts'
import type { Executor } from '../executor/contract.ts'
import { DeskWatch } from '../supervisor/desk-watch.ts'
import type { OwnerWatch, OwnerWatchOptions } from '../supervisor/owner-watch.ts'
import { SupervisedWatch } from '../supervisor/supervised-watch.ts'
import type { WorkerDriver } from '../vehicle/worker-driver.ts'

/** Throws Error of one sentence when a source of signals cannot be used. */
export async function startOwnerWatch(options: OwnerWatchOptions): Promise<OwnerWatch> {
  return options.signals.length === 0 ? new DeskWatch(options) : SupervisedWatch.start(options)
}

export interface Following {
  /** From now on the vehicle takes no more work, whatever its rules allow. */
  drain(): void
  stop(): void
}

/** Slots and vehicle do what the rules say, `tell` has the mesh hear of it, and the log says why. */
export function followJudgement(
  watch: OwnerWatch,
  executor: Pick<Executor, 'halt' | 'proceed'>,
  vehicle: Pick<WorkerDriver, 'setMode' | 'setAvailable' | 'setEnergyRate'>,
  tell: () => void,
  log: Pick<Logger, 'info'>,
): Following {
  let last: Judgement | undefined
  let isDraining = false
  const modeFor = (verdict: RuleVerdict) => (isDraining ? stricter(verdict, 'drain') : verdict)
  const follow = (judgement: Judgement) => {
    const { verdict, reasons, availableUntilMs } = judgement
    vehicle.setEnergyRate(watch.energyRate)
    if (availableUntilMs !== last?.availableUntilMs) vehicle.setAvailable(availableUntilMs)
    if (verdict !== last?.verdict) {
      // Before a word is said or written about it.
      if (verdict === 'stop') executor.halt()
      else executor.proceed()
      vehicle.setMode(modeFor(verdict))
      log.info({ verdict }, sentenceOf(judgement))
    }
    const isNews = reasons.join() !== last?.reasons.join() || availableUntilMs !== last?.availableUntilMs
    last = judgement
    if (isNews) tell()
  }
  follow(watch.judgement())
  return {
    drain: () => {
      isDraining = true
      vehicle.setMode(modeFor(watch.judgement().verdict))
    },
    stop: watch.onChange(follow),
  }
}
