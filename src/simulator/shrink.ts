/** Makes a scenario that violates something smaller, as long as it still does: the numbers that are left matter. */
import { calm, type Scenario } from './scenario.ts'

/** Each try runs a world; most are over at the violation. */
const triesMax = 100

/** `violates` runs it. Tries to leave each fault out, then to halve each size. */
export function shrink(scenario: Scenario, violates: (smaller: Scenario) => boolean): Scenario {
  let least = scenario
  let tries = 0
  for (let changed = true; changed; ) {
    changed = false
    for (const smaller of smallerThan(least)) {
      if (tries === triesMax) return least
      tries += 1
      if (!violates(smaller)) continue
      least = smaller
      changed = true
      break
    }
  }
  return least
}

const faults = (Object.keys(calm) as (keyof Scenario)[]).filter((key) => calm[key] === 0)
const sizes = ['jobs', 'shardsPerJob', 'vehicles', 'stewards', 'standbys'] as const

function* smallerThan(scenario: Scenario): Generator<Scenario> {
  for (const fault of faults) if (scenario[fault] !== 0) yield { ...scenario, [fault]: 0 }
  for (const size of sizes) {
    const half = Math.floor(scenario[size] / 2)
    const smaller = { ...scenario, [size]: half }
    if (half > 0 && smaller.stewards > smaller.standbys) yield smaller
  }
}
