/**
 * A simulated week of 1,000 vehicles, a fifth of them robotaxis, in ten cells: what owners allow, what of it is used, what
 * departures waste, whether anything ever computes against a rule, and what that comes to in kilowatt-hours and money.
 * `docs/week.svg` shows it over the day.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CellOptions, CellWeek } from '../src/simulator/week/cell.ts'
import type { VehicleWeek } from '../src/simulator/week/cell-world.ts'
import { Presence } from '../src/simulator/week/presence.ts'
import { hourMs, type Kind } from '../src/simulator/week/trips.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { plotWeek } from './week-plot.ts'

/** A household's tariff in Germany, about. */
const kwhEur = 0.3

interface Answer extends Omit<CellWeek, 'presence'> {
  readonly presence: ReturnType<Presence['bins']>
}

export async function week({ quick, note }: BenchOptions): Promise<Figure[]> {
  const cells = Array.from(
    { length: quick ? 1 : 10 },
    (_, i): CellOptions => ({
      seed: i + 1,
      vehicles: quick ? 50 : 100,
      robotaxis: quick ? 10 : 20,
      days: quick ? 2 : 7,
    }),
  )
  const answers: Answer[] = []
  const waiting = [...cells]
  const work = async () => {
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      answers.push(await run(cell))
      note(`${answers.length} of ${cells.length} cells`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(cells.length, availableParallelism()) }, work))

  const presence = new Presence()
  for (const answer of answers) presence.merge(Presence.of(answer.presence))
  const vehicles = answers.flatMap((answer) => answer.vehicles)
  const violations = answers.flatMap((answer) => answer.violations)
  for (const violation of violations) note(violation)
  for (const line of inWords(vehicles, answers)) note(line)
  if (!quick) writeFileSync(new URL('../docs/week.svg', import.meta.url), plotWeek(presence))
  return [...shares(vehicles, violations), ...money(vehicles, 'private'), ...money(vehicles, 'robotaxi')]
}

function run(cell: CellOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./week-cell.ts', import.meta.url), { workerData: cell })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function shares(vehicles: readonly VehicleWeek[], violations: readonly string[]): Figure[] {
  const total = totalsOf(vehicles)
  return [
    {
      name: 'parked hours in which a vehicle works',
      unit: '%',
      ours: (100 * total.computedMs) / total.parkedMs,
      baseline: (100 * total.allowedMs) / total.parkedMs,
      of: 'what owners allow',
      goal: null,
    },
    {
      name: 'work wasted by departures',
      unit: '% of hours',
      ours: (100 * (total.brokenOffMs + total.unpaidMs)) / total.computedMs,
      baseline: (100 * total.brokenOffMs) / total.computedMs,
      of: 'broken off in the middle of a shard',
      goal: { value: 'ours', most: 3 },
    },
    {
      name: 'moments in which a vehicle computed against its owner',
      unit: '',
      ours: violations.length,
      baseline: vehicles.length,
      of: 'vehicles',
      goal: { value: 'ours', most: 0 },
    },
  ]
}

function money(all: readonly VehicleWeek[], kind: Kind): Figure[] {
  const vehicles = all.filter((vehicle) => vehicle.kind === kind)
  return [
    {
      name: `owed to the owner of a ${kind} vehicle, median`,
      unit: 'EUR a week',
      ours: median(vehicles.map(({ owedMicros }) => owedMicros / 1e6)),
      baseline: median(vehicles.map(({ kwh }) => kwh * kwhEur)),
      of: `its electricity at ${kwhEur} EUR/kWh`,
      goal: null,
    },
    {
      name: `electricity of a ${kind} vehicle, median`,
      unit: 'kWh a week',
      ours: median(vehicles.map(({ kwh }) => kwh)),
      baseline: median(vehicles.map(({ parkedMs }) => (parkedMs / hourMs) * 0.3)),
      of: 'working whenever parked',
      goal: null,
    },
  ]
}

function inWords(vehicles: readonly VehicleWeek[], answers: readonly Answer[]): string[] {
  const hours = (kind: Kind, key: 'parkedMs' | 'allowedMs' | 'computedMs') => {
    const of = vehicles.filter((vehicle) => vehicle.kind === kind)
    return (totalsOf(of)[key] / hourMs / of.length).toFixed(1)
  }
  const lines = (['private', 'robotaxi'] as const).map(
    (kind) =>
      `a ${kind} vehicle: ${hours(kind, 'parkedMs')} h parked, ${hours(kind, 'allowedMs')} h allowed, ${hours(kind, 'computedMs')} h worked`,
  )
  const owed = vehicles.map(({ owedMicros }) => owedMicros / 1e6).sort((a, b) => a - b)
  const at = (share: number) => owed[Math.floor(share * (owed.length - 1))]!.toFixed(2)
  const total = totalsOf(vehicles)
  return [
    ...lines,
    `owed by owner, 10th, 50th, 90th of 100: ${at(0.1)}, ${at(0.5)}, ${at(0.9)} EUR; all: ${(total.owedMicros / 1e6).toFixed(0)} EUR for ${total.kwh.toFixed(0)} kWh`,
    `${answers.reduce((sum, { shardsVerified }) => sum + shardsVerified, 0)} shards verified, two replicas each; not decided when the week ended: ${((100 * total.pendingMs) / total.computedMs).toFixed(2)} % of hours`,
  ]
}

function totalsOf(vehicles: readonly VehicleWeek[]) {
  const sum = (key: Exclude<keyof VehicleWeek, 'kind'>) =>
    vehicles.reduce((total, vehicle) => total + vehicle[key], 0)
  return {
    parkedMs: sum('parkedMs'),
    allowedMs: sum('allowedMs'),
    computedMs: sum('computedMs'),
    brokenOffMs: sum('brokenOffMs'),
    unpaidMs: sum('unpaidMs'),
    pendingMs: sum('pendingMs'),
    kwh: sum('kwh'),
    owedMicros: sum('owedMicros'),
  }
}
