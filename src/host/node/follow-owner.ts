/** Makes the node follow the owner's rules. */
import type { Logger } from 'pino'
import { type Judgement, sentenceOf } from '../../protocol/rules/judgement.ts'
import type { Executor } from '../executor/contract.ts'
import { DeskWatch } from '../supervisor/desk-watch.ts'
import type { OwnerWatch, OwnerWatchOptions } from '../supervisor/owner-watch.ts'
import { SupervisedWatch } from '../supervisor/supervised-watch.ts'
import type { WorkerDriver } from '../vehicle/worker-driver.ts'

/** Throws Error of one sentence when a source of signals cannot be used. */
export async function startOwnerWatch(options: OwnerWatchOptions): Promise<OwnerWatch> {
  return options.signals.length === 0 ? new DeskWatch(options) : SupervisedWatch.start(options)
}

/** Slots and vehicle do what the rules say, `tell` has the mesh hear of it, and the log says why. The answer ends it. */
export function followJudgement(
  watch: OwnerWatch,
  executor: Pick<Executor, 'halt' | 'proceed'>,
  vehicle: Pick<WorkerDriver, 'setMode' | 'setAvailable' | 'setEnergyRate'>,
  tell: () => void,
  log: Pick<Logger, 'info'>,
): () => void {
  let last: Judgement | undefined
  const follow = (judgement: Judgement) => {
    const { verdict, reasons, availableUntilMs } = judgement
    vehicle.setEnergyRate(watch.energyRate)
    if (availableUntilMs !== last?.availableUntilMs) vehicle.setAvailable(availableUntilMs)
    if (verdict !== last?.verdict) {
      // Before a word is said or written about it.
      if (verdict === 'stop') executor.halt()
      else executor.proceed()
      vehicle.setMode(verdict)
      log.info({ verdict }, sentenceOf(judgement))
    }
    const isNews = reasons.join() !== last?.reasons.join() || availableUntilMs !== last?.availableUntilMs
    last = judgement
    if (isNews) tell()
  }
  follow(watch.judgement())
  return watch.onChange(follow)
}
