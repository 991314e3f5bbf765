/**
 * The simulator: how many events a second the production protocol code handles on one core, with stand-in signatures,
 * and how many virtual hours of 50 nodes a real minute holds.
 */
import { scenarios } from '../src/simulator/scenario.ts'
import { Timeline } from '../src/simulator/timeline.ts'
import { World } from '../src/simulator/world.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const nodes = 50

export async function simulator(options: BenchOptions): Promise<Figure[]> {
  return [...rates(options), ...days(options)]
}

/** A thousand vehicles for a day, a twelfth of it when quick; every job must end complete. */
function days({ quick, note }: BenchOptions): Figure[] {
  const hours = quick ? 2 : 24
  const startedMs = performance.now()
  const { events, jobs, jobsComplete, violations } = new World(scenarios.fleet!, 1, hours * 60).run()
  if (jobsComplete < jobs || violations.length > 0) throw new Error('the fleet did not end its jobs')
  const minutes = (performance.now() - startedMs) / 60_000
  note(`${hours} hours of a fleet: ${events} events in ${minutes.toFixed(1)} min`)
  return [
    {
      name: `simulator, 1,000 vehicles for ${hours} h`,
      unit: 'min',
      ours: minutes,
      baseline: hours * 60,
      of: 'real time',
      goal: { value: 'ours', most: 10 },
    },
    {
      name: `simulator, 1,000 vehicles for ${hours} h, most memory`,
      unit: 'GiB',
      ours: process.resourceUsage().maxRSS / 2 ** 20,
      baseline: 4,
      of: 'the limit',
      goal: { value: 'ours', most: 4 },
    },
  ]
}

function rates({ quick, note }: BenchOptions): Figure[] {
  const calm = scenarios.calm!
  const rounds = quick ? 1 : 3
  const rates: number[] = []
  const hours: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now()
    const scenario = { ...calm, vehicles: nodes - calm.stewards, shardsPerJob: 200 }
    const { events, virtualMs } = new World(scenario, round + 1, 30).run()
    const seconds = (performance.now() - startedMs) / 1000
    rates.push(events / seconds)
    hours.push((virtualMs / 3_600_000 / seconds) * 60)
    note(`round ${round + 1} of ${rounds}: ${Math.round(events / seconds)} events/s`)
  }
  return [
    {
      name: `simulator, ${nodes} nodes`,
      unit: 'events/s',
      ours: median(rates),
      baseline: bareRate(),
      of: 'a timeline of empty events',
      goal: { value: 'ours', least: 300_000 },
    },
    {
      name: `simulator, ${nodes} nodes`,
      unit: 'virtual hours a minute',
      ours: median(hours),
      baseline: 1 / 60,
      of: 'real time',
      goal: { value: 'ours', least: 1 },
    },
  ]
}

/** What the event queue alone could do. */
function bareRate(): number {
  const timeline = new Timeline()
  const again = () => timeline.at(timeline.nowMs + 1_000, again)
  for (let i = 0; i < 500; i += 1) timeline.at(i, again)
  const startedMs = performance.now()
  while (timeline.events < 1_000_000) timeline.step(Number.POSITIVE_INFINITY)
  return timeline.events / ((performance.now() - startedMs) / 1000)
}
