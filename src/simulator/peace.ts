/** Checks what must hold once all trouble is over and all stewards have had the time to talk. */
import type { Checkers } from './checkers.ts'
import type { Population } from './population.ts'
import type { SimJob } from './sim-job.ts'
import type { StewardNode } from './steward-node.ts'

/** `areKept`: no machine was lost for good, so that what was accepted must be somewhere, and the ledgers agree. */
export function checkPeace(
  jobs: readonly SimJob[],
  population: Population,
  checkers: Checkers,
  areKept: boolean,
): void {
  for (const job of jobs) {
    const { id } = job.manifest
    const living = population.stewards.filter((node) => population.isUp(node) && node.knows(job))
    checkers.converged(
      id,
      living.map((node) => node.rootOf(job)),
    )
    if (!areKept) continue
    checkers.kept(id, (result) => living.some((node) => node.hasResult(result)))
    checkAccounts(job, living, population, checkers)
  }
}

/** Once they have spoken, with nothing lost, each vehicle's ledger says what each steward's does. */
function checkAccounts(
  { manifest: { id } }: SimJob,
  stewards: readonly StewardNode[],
  population: Population,
  checkers: Checkers,
): void {
  for (const vehicle of population.vehicles) {
    if (!population.isUp(vehicle) || !vehicle.worksFor(id)) continue
    for (const steward of stewards)
      vehicle.reconcile(id, (before) => steward.answer(id, vehicle.peer, before))
    for (const steward of stewards) checkers.ledgers.agree(id, steward.peer, vehicle.peer)
  }
}
