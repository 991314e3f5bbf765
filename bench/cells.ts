/**
 * Cells: what a vehicle pays for its mesh when that has a thousand vehicles, and when it has a million; and the share of voices that a
 * cartel gets of draws abroad. `docs/cells.svg` shows the first over the size of the mesh. The million takes two hours of two cores.
 */
import { writeFileSync } from 'node:fs'
import { CartelWorld, cartelWays } from '../src/simulator/cells/cartel.ts'
import { type DayResult, liveDay } from '../src/simulator/cells/day.ts'
import { plotCells } from './cells-plot.ts'
import type { BenchOptions, Figure } from './figure.ts'

export async function cells({ quick, note }: BenchOptions): Promise<Figure[]> {
  const sizes = quick ? [500] : [1_000, 10_000, 100_000, 1_000_000]
  const days = sizes.map((vehicles) => {
    const sampled = { sampledCells: quick ? 4 : 64, sampledHours: quick ? 1 : 24 }
    const day = liveDay({ seed: 1, vehicles, scenario: 'ordinary', ...sampled }, () => {})
    note(`${vehicles} vehicles: ${Math.round(day.bytesPerSecond)} bytes/s, ${day.moves.toFixed(2)} moves`)
    return day
  })
  if (!quick) writeFileSync(new URL('../docs/cells.svg', import.meta.url), plotCells(days))
  return [...days.flatMap(costs), ...cartels(quick)]
}

function costs(day: DayResult): Figure[] {
  const name = `a vehicle in a mesh of ${day.vehicles}`
  return [
    {
      ...{
        name: `${name}, network`,
        unit: 'bytes/s',
        ours: day.bytesPerSecond,
        baseline: (day.vehicles / 60) * 11_000,
      },
      ...{ of: 'one topic for all', goal: null },
    },
    {
      ...{ name: `${name}, processor`, unit: '% of a core', ours: 100 * day.cpuShare },
      ...{ baseline: (day.vehicles / 60) * 0.45, of: 'one topic for all', goal: null },
    },
  ]
}

function cartels(quick: boolean): Figure[] {
  return [0.01, 0.05, 0.2].flatMap((f) => {
    const world = new CartelWorld(1, quick ? 16 : 64, f)
    return cartelWays.map((way): Figure => {
      const { share } = world.measure(way, f, quick ? 10 : 400, 20)
      const name = `voices of a cartel that ${way}, one cell captured`
      return { name, unit: '%', ours: 100 * share, baseline: 100 * f, of: 'its share of owners', goal: null }
    })
  })
}
