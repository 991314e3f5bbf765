/** Checks what must hold once all trouble is over and all honest stewards have had the time to talk. */
import type { Cid } from '../protocol/ids.ts'
import type { Checkers } from './checkers.ts'
import { isLiar } from './liars.ts'
import type { Population } from './population.ts'
import { ReportAudits } from './report-checker.ts'
import type { SimJob } from './sim-job.ts'
import type { StewardNode } from './steward-node.ts'

/**
 * Stewards have this long after the last record that one of them signed to make their records equal. They compare them
 * every two seconds; where 3 messages in 10 are lost, one comparison in three succeeds, and 45 in a row do not fail.
 */
export const settledMs = 90_000

/** `areKept`: no machine was lost for good, so that what was accepted must be somewhere, and the ledgers agree. `blocks`: of lists from abroad. */
export function checkPeace(
  jobs: readonly SimJob[],
  population: Population,
  checkers: Checkers,
  areKept: boolean,
  blocks: ReadonlyMap<Cid, Uint8Array>,
): void {
  for (const job of jobs) {
    const { id } = job.manifest
    const living = population.honest.filter((node) => population.isUp(node) && node.knows(job))
    const stewards = seated(job, living)
    checkers.converged(
      id,
      stewards.map((node) => node.rootOf(job)),
    )
    const has = (result: Cid) => living.some((node) => node.hasResult(result))
    const audits = new ReportAudits(job, has, blocks)
    for (const node of living) checkShown(job, node, audits, checkers)
    if (!areKept) continue
    checkers.kept(id, has)
    checkAccounts(job, stewards, population, checkers)
  }
}

/**
 * Those that have a place for the honest stewards of the manifest, and for themselves. A liar may make a node a steward whose place nobody
 * else heeds: nobody sends it anything. And one that was replaced, and speaks to its taker alone, has its place for that one still: the
 * taker only reads, and what the liar tells it after the end it tells nobody.
 */
function seated({ manifest, ...job }: SimJob, living: readonly StewardNode[]): readonly StewardNode[] {
  const first = firstOf({ manifest, ...job }, living)
  return living.filter((taker) =>
    [...first, taker].every((node) =>
      node.stewardsOf({ manifest, ...job }).some((place) => place.peer === taker.peer),
    ),
  )
}

/** The honest stewards of the manifest that live. */
function firstOf({ manifest }: SimJob, living: readonly StewardNode[]): readonly StewardNode[] {
  return living.filter(({ peer }) => manifest.payload.stewards.some((place) => place.peer === peer))
}

/**
 * The view that an honest steward has of a job in the end; of one that has ended it can prove it, with the results that some other
 * one may have where its own disk lost them.
 */
function checkShown(job: SimJob, node: StewardNode, audits: ReportAudits, checkers: Checkers): void {
  const shown = node.shownOf(job)
  if (shown === undefined) return
  checkers.shown.look(node.peer, job.manifest.id, shown)
  if (shown.view().end === null) return
  const problems = audits.problems(node.storyOf(job), node.reportedOf(job), shown)
  checkers.audited(job.manifest.id, node.peer, problems, node.doubts(job))
}

/**
 * Once they have spoken, with nothing lost, each honest vehicle's ledger says what each steward's does. Beside liars, a node may be
 * made a steward of a job that ended long ago, and that it had left and forgotten. The results that verdicts rest on may be gone
 * by then, so it may have fewer shards decided, and say less.
 */
function checkAccounts(
  job: SimJob,
  stewards: readonly StewardNode[],
  population: Population,
  checkers: Checkers,
): void {
  const { id } = job.manifest
  const isFull = (steward: StewardNode) => population.liars.length === 0 || hasJudged(job, steward)
  for (const vehicle of population.vehicles) {
    if (!population.isUp(vehicle) || !vehicle.worksFor(id) || isLiar(vehicle.temper)) continue
    for (const steward of stewards)
      vehicle.reconcile(id, (before) => steward.answer(id, vehicle.peer, before))
    for (const steward of stewards)
      if (isFull(steward)) checkers.ledgers.agree(id, steward.peer, vehicle.peer, vehicle.clockMs - settledMs)
      else checkers.ledgers.owesNoMore(id, steward.peer, vehicle.peer)
  }
}

/** It shows each shard of the job as decided. */
function hasJudged(job: SimJob, steward: StewardNode): boolean {
  const { verified, failed, returned, total } = steward.shownOf(job)!.view().shards
  return verified + failed + returned === total
}
