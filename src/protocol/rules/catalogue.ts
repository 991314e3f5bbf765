/**
 * All rules, in the order in which `carpool why` shows them.
 *
 * stop, where going on may harm somebody or something: a driver needs the computer, an unplugged pack or a flat 12 V
 * battery strands people, heat ages a pack and the reserve is somebody's way home. drain, where it is a matter of
 * more or less: the minute that a shard takes is nothing to a quiet evening, a monthly bill or a charge somewhat
 * below the one asked for, and a shard that is thrown away is energy paid for nothing.
 */
import { caps } from './caps.ts'
import type { Hours } from './hours.ts'
import type { Finding, Moment, Rule } from './rule.ts'
import { vehicleRules } from './vehicle-rules.ts'
import { clockTime } from './wording.ts'

export const rules: readonly Rule[] = [
  {
    code: 'paused',
    says: 'stop',
    preference: null,
    settles: false,
    isForAll: true,
    look: ({ pausedUntilMs, local }) => ({
      isFine: pausedUntilMs === null,
      value:
        pausedUntilMs === null
          ? 'no'
          : pausedUntilMs === 'told'
            ? 'until told otherwise'
            : `until ${clockTime(local.minuteOfWeek(pausedUntilMs))}`,
      limit: 'not paused',
    }),
  },
  ...vehicleRules,
  ...caps,
  {
    code: 'quiet-hours',
    says: 'drain',
    preference: 'quietHours',
    settles: false,
    isForAll: true,
    look: (moment) =>
      moment.preferences.quietHours.length === 0
        ? null
        : {
            ...outsideOf(moment.quiet, moment),
            limit: `not ${moment.preferences.quietHours.join(', ')} (${moment.preferences.timeZone})`,
          },
  },
  {
    code: 'ready-by',
    says: 'drain',
    preference: 'readyBy',
    settles: false,
    isForAll: true,
    look: (moment) =>
      moment.preferences.readyBy.length === 0
        ? null
        : {
            ...outsideOf(moment.leaving, moment),
            limit: `ready by ${moment.preferences.readyBy.join(', ')} (${moment.preferences.timeZone})`,
          },
  },
  {
    code: 'category',
    says: 'drain',
    preference: 'categories',
    settles: false,
    isForAll: true,
    look: ({ preferences }) =>
      preferences.categories === null
        ? null
        : {
            isFine: true,
            value: 'asked of each offer',
            limit: `jobs of ${preferences.categories.join(', ')}`,
          },
  },
]

/** Said by when it ends or begins, so that the finding changes only then. */
function outsideOf(hours: Hours, { minuteOfWeek, local, nowMs }: Moment): Omit<Finding, 'limit'> {
  const isFine = !hours.has(minuteOfWeek)
  const edgeMs = isFine ? hours.nextBeginning(local, nowMs) : hours.nextEnd(local, nowMs)
  const edge = edgeMs === null ? 'ever' : clockTime(local.minuteOfWeek(edgeMs))
  return { isFine, value: `${isFine ? 'not before' : 'until'} ${edge}` }
}
