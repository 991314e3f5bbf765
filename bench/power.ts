/**
 * A simulated week of work that has time, with a market's prices of electricity: what the energy of a page costs where owners ask what
 * power costs and jobs wait for cheap hours, beside the same week at prices that stand. `docs/power.svg` shows when vehicles work.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CellOptions, CellWeek } from '../src/simulator/week/cell.ts'
import { pagesPerShard } from '../src/simulator/week/cell-world.ts'
import type { BenchOptions, Figure } from './figure.ts'
import { plotPower } from './power-plot.ts'

type Answer = Pick<CellWeek, 'vehicles' | 'violations' | 'shardsVerified' | 'jobsMissed' | 'jobsDone'>

export async function power({ quick, note }: BenchOptions): Promise<Figure[]> {
  const seeds = quick ? [1] : [1, 2]
  const size = quick
    ? { vehicles: 12, robotaxis: 3, days: 3, shardsPerDay: 180 }
    : { vehicles: 20, robotaxis: 4, days: 7, shardsPerDay: 300 }
  const { shardsPerDay, ...cell } = size
  const answers = new Map<boolean, Answer[]>([
    [false, []],
    [true, []],
  ])
  const waiting = seeds.flatMap((seed) => [false, true].map((follows) => ({ seed, follows })))
  const total = waiting.length
  let done = 0
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { seed, follows } = next
      answers.get(follows)!.push(await run({ seed, ...cell, market: { follows, shardsPerDay } }))
      done += 1
      note(`${done} of ${total} cells`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(total, availableParallelism()) }, work))

  const [before, after] = [answers.get(false)!, answers.get(true)!]
  const vehicles = after.flatMap((answer) => answer.vehicles)
  if (!quick)
    writeFileSync(
      new URL('../docs/power.svg', import.meta.url),
      plotPower(kwhByHour(before), kwhByHour(after)),
    )
  return [
    {
      name: 'energy of a page where prices follow power and jobs wait',
      unit: 'EUR for 1,000 pages',
      ours: pageCost(after) / 1e3,
      baseline: pageCost(before) / 1e3,
      of: 'where neither does',
      goal: { value: 'ratio', most: 0.8 },
    },
    {
      name: 'deadlines missed by jobs that wait',
      unit: '',
      ours: sum(after.map(({ jobsMissed }) => jobsMissed)),
      baseline: sum(after.map(({ jobsDone }) => jobsDone)),
      of: 'jobs done',
      goal: { value: 'ours', most: 0 },
    },
    {
      name: 'owners who earn less than their energy costs',
      unit: '',
      ours: vehicles.filter(({ owedMicros, costMicros }) => owedMicros < costMicros).length,
      baseline: vehicles.length,
      of: 'owners',
      goal: { value: 'ours', most: 0 },
    },
    {
      name: 'moments in which a vehicle computed against its owner, with prices that follow power',
      unit: '',
      ours: sum(after.map(({ violations }) => violations.length)),
      baseline: vehicles.length,
      of: 'vehicles',
      goal: { value: 'ours', most: 0 },
    },
  ]
}

/** In micros of a euro, of all energy: also of work that came to nothing. */
function pageCost(answers: readonly Answer[]): number {
  const cost = sum(answers.flatMap(({ vehicles }) => vehicles.map(({ costMicros }) => costMicros)))
  return cost / sum(answers.map(({ shardsVerified }) => shardsVerified)) / pagesPerShard
}

function kwhByHour(answers: readonly Answer[]): number[] {
  const hours = answers.flatMap(({ vehicles }) => vehicles.map((vehicle) => vehicle.kwhByHour))
  return Array.from({ length: 24 }, (_, hour) => sum(hours.map((each) => each[hour]!)))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function run(cell: CellOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./week-cell.ts', import.meta.url), { workerData: cell })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
