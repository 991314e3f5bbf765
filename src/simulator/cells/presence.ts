/**
 * When a vehicle is in the mesh, and when its owner lets it work, over one day: the production rules, looked at where its life changes
 * and every half an hour between. A vehicle is in the mesh while it is plugged in, or works.
 *
 * A million vehicles have no time for a reading every ten seconds, which the rules ask for. So they are looked at with nothing to
 * settle, and what they would have settled, ten minutes of good readings, is added here.
 */
import { defaultPreferences } from '../../protocol/rules/preferences.ts'
import { OwnerRules } from '../../protocol/rules/rules.ts'
import { Chance } from '../chance.ts'
import { startMs, timeZone } from '../week/cell-world.ts'
import { Life } from '../week/life.ts'
import { ownerOf } from '../week/owners.ts'
import { dayMs, habitsOf, type Kind, minuteMs, type Trip, tripsOf } from '../week/trips.ts'

export const stepMs = 5 * minuteMs
export const stepsPerDay = dayMs / stepMs
const lookMs = 30 * minuteMs
/** By step of five minutes, whether it is there, and whether it may work. */
export interface Presence {
  readonly here: Uint8Array
  readonly works: Uint8Array
  /** A car that pays for its network by the megabyte. */
  readonly isMetered: boolean
}

/** The day of one vehicle, the same for the same seed and index. `evening`: on this day all of them park at home from this hour on. */
export function presenceOf(
  seed: number,
  index: number,
  kind: Kind,
  eveningHour: number | null = null,
): Presence {
  const chance = new Chance(seed, `vehicle ${index}`)
  const habits = habitsOf(chance, kind)
  const usual = tripsOf(chance, kind, habits, 0, 1)
  const trips =
    eveningHour === null ? usual : homeBy(usual, eveningHour * 60 * minuteMs, habits.homeKw, chance)
  const { preferences } = ownerOf(chance, kind, habits, timeZone)
  const life = new Life(chance, kind, habits, trips)
  // What it has learned of departures says until when it is there, and not whether it may work.
  const rules = new OwnerRules({ ...preferences, settleMs: 0 })
  const here = new Uint8Array(stepsPerDay)
  const works = new Uint8Array(stepsPerDay)
  let goodSinceMs = Number.NEGATIVE_INFINITY
  for (let nowMs = 0; nowMs < dayMs; ) {
    life.advance(nowMs, 0)
    const readings = life.readings(startMs + nowMs)
    const judged = rules.handle(
      readings === undefined ? { type: 'look' } : { type: 'readings', readings },
      startMs + nowMs,
    )
    const isGood = judged.judgement.verdict === 'run'
    if (!isGood) goodSinceMs = Number.POSITIVE_INFINITY
    else if (goodSinceMs === Number.POSITIVE_INFINITY) goodSinceMs = nowMs
    const nextMs = Math.min(dayMs, Math.max(nowMs + 1, life.nextChangeMs), nowMs + lookMs)
    const worksFromMs = goodSinceMs + defaultPreferences.settleMs
    fill(works, worksFromMs, nextMs, nowMs)
    fill(here, isGood ? Math.max(nowMs, worksFromMs) : nextMs, nextMs, nowMs)
    if (life.truth.plugged) fill(here, nowMs, nextMs, nowMs)
    nowMs = nextMs
  }
  return { here, works, isMetered: life.isMetered }
}

/** All that are out come home within half an hour, and plug in. */
function homeBy(trips: readonly Trip[], fromMs: number, homeKw: number, chance: Chance): Trip[] {
  const before = trips.filter(({ arrivesMs }) => arrivesMs < fromMs)
  const arrivesMs = fromMs + chance.between(0, 30 * 60_000)
  return [
    ...before,
    { leavesMs: arrivesMs - 20 * minuteMs, arrivesMs, chargerKw: Math.max(homeKw, 4) },
  ].filter(({ leavesMs }, i, all) => i === 0 || leavesMs > all[i - 1]!.arrivesMs)
}

function fill(steps: Uint8Array, fromMs: number, untilMs: number, leastMs: number): void {
  const first = Math.ceil(Math.max(fromMs, leastMs) / stepMs)
  for (let step = first; step * stepMs < untilMs; step += 1) steps[step] = 1
}
