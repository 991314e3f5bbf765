/** The state of the owner's rules that outlives a restart: a row of the node's journal, as JSON. */
import { z } from 'zod'
import { departuresMax } from '../../protocol/rules/forecast.ts'
import type { ExecutorLog } from '../executor/contract.ts'
import type { Journal } from '../store/journal.ts'

export const keptSchema = z.strictObject({
  /** When the vehicle left, in order (src/protocol/rules/forecast.ts). */
  departures: z.array(z.int().min(0)).max(departuresMax),
  /** The energy that the work drew on this day, counted from 1970 in the vehicle's time zone. */
  energy: z.strictObject({ day: z.int(), wattHours: z.number().min(0) }),
  /** Bytes over a metered network in this month, counted from 1970 likewise. */
  metered: z.strictObject({ month: z.int(), bytes: z.int().min(0) }),
})

export type Kept = z.infer<typeof keptSchema>

export const nothingKept: Kept = {
  departures: [],
  energy: { day: 0, wattHours: 0 },
  metered: { month: 0, bytes: 0 },
}

const setting = 'owner/kept'

export function readKept(journal: Pick<Journal, 'getSetting'>, log: ExecutorLog): Kept {
  const text = journal.getSetting(setting)
  if (text === undefined) return nothingKept
  try {
    return keptSchema.parse(JSON.parse(text))
  } catch (error) {
    log.warn({ error }, 'the saved departures, energy and metered bytes cannot be read: counting starts anew')
    return nothingKept
  }
}

export function writeKept(journal: Pick<Journal, 'putSetting'>, kept: Kept, log: ExecutorLog): void {
  try {
    journal.putSetting(setting, JSON.stringify(kept))
  } catch (error) {
    // On a full disk; the next is due in a minute.
    log.warn({ error }, 'the state of the owner’s rules was not saved')
  }
}
