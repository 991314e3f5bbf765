/** The gain of a job that waits for cheap hours, as its stewards will judge it. */
import { cheapHours, type PricedVehicle, type Wait } from '../../protocol/energy/cheap-hours.ts'
import { jobDeadlineDefaultMs } from '../../protocol/limits.ts'
import { isAffordable } from '../../protocol/price.ts'
import type { SubmitRequest } from '../api.ts'
import { systemClock } from '../clock.ts'
import type { Market } from './assurance.ts'

/** `needMs`: the work, all executions together. Null: it does not wait. */
export function waitOf(
  { runtime, payment, waits, deadlineMs }: SubmitRequest,
  { capacities, owner: self }: Pick<Market, 'capacities' | 'owner'>,
  engine: string,
  needMs: number,
): Wait | null {
  if (!waits || payment === null) return null
  const vehicles = capacities.flatMap(
    ({ engines, owner, slots, mode, availableUntilMs }): PricedVehicle[] => {
      const offered = engines.find((one) => one.runtime === runtime && one.id === engine)
      if (offered === undefined || owner === self || slots.total === 0 || mode !== 'run') return []
      if (!isAffordable(offered.ask, payment)) return []
      const { ask, ahead } = offered
      return [{ slots: slots.total, unitMicros: ask?.unitMicros ?? 0, ahead, availableUntilMs }]
    },
  )
  const nowMs = systemClock.now()
  return cheapHours(vehicles, needMs, nowMs, nowMs + (deadlineMs ?? jobDeadlineDefaultMs))
}
