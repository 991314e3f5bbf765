/** The preferences of a cell's owners: most have Carpool's defaults, many differ a little. */
import { defaultPreferences, type Preferences } from '../../protocol/rules/preferences.ts'
import type { Chance } from '../chance.ts'
import { dayMs, type Habits, hourMs, type Kind } from './trips.ts'
import type { Hours } from './watchful.ts'

export interface Owner {
  readonly preferences: Preferences
  readonly hours: Hours
  /** Millionths of a euro for a page. */
  readonly pageMicros: number
  readonly pauses: readonly { readonly atMs: number; readonly forMs: number }[]
}

export function ownerOf(chance: Chance, kind: Kind, { leavesAt }: Habits, timeZone: string): Owner {
  const isPrivate = kind === 'private'
  // Ten to twenty minutes before it usually leaves, on the quarter.
  const readyBy = isPrivate && chance.happens(0.3) ? Math.floor(leavesAt / 15) / 4 : null
  const quiet: readonly [number, number] | null =
    isPrivate && chance.happens(0.1) ? (chance.happens(0.5) ? [22, 6] : [12, 14]) : null
  const preferences: Preferences = {
    ...defaultPreferences,
    timeZone,
    readyBy: readyBy === null ? [] : [`mon-fri ${clock(readyBy)}`],
    quietHours: quiet === null ? [] : [`${clock(quiet[0])}-${clock(quiet[1])}`],
    // A vehicle that has no charger where it stands may still spare some charge.
    pluggedOnly: !(isPrivate && chance.happens(0.05)),
    reservePercent: isPrivate && chance.happens(0.2) ? 70 : 50,
    chargePercentMin: isPrivate ? 80 : 60,
    unmeteredOnly: !(isPrivate && chance.happens(0.03)),
    meteredBytesPerMonthMax: null,
  }
  const pauses =
    isPrivate && chance.happens(0.25)
      ? [{ atMs: chance.between(0, 7) * dayMs + 20 * hourMs, forMs: hourMs }]
      : []
  return {
    preferences,
    hours: { quiet, readyBy },
    pageMicros: chance.between(80, 133),
    pauses,
  }
}

/** 7.25 → '07:15'. */
function clock(hour: number): string {
  const minutes = Math.round(hour * 60)
  return `${`${Math.floor(minutes / 60)}`.padStart(2, '0')}:${`${minutes % 60}`.padStart(2, '0')}`
}
