/** Submitters that cancel their jobs from elsewhere: they tell one of the job's stewards after the other, until the job has ended. */
import { checked } from '../protocol/records.ts'
import { cancellationIn, nameOf } from './fixtures.ts'
import type { Mesh } from './mesh.ts'
import type { Population } from './population.ts'
import type { Scenario } from './scenario.ts'
import type { SimJob } from './sim-job.ts'
import type { SimWorld } from './sim-world.ts'
import type { Timeline } from './timeline.ts'

/** So often a submitter that cancels its job says so again, to the next of its stewards. */
const retellMs = 2_000
/** A crash, a partition and a pause, one after the other, and then the patience of a steward that stands by. */
const cancelledMsMax = 240_000

export interface CancellingWorld {
  readonly world: SimWorld
  readonly timeline: Timeline
  readonly mesh: Mesh
  readonly population: Population
  readonly note: (event: () => string) => void
}

/** Lets chance decide whether the job that was just submitted is cancelled, and at which moment within `withinMs`. */
export function planCancel(
  sim: CancellingWorld,
  { cancelled }: Scenario,
  job: SimJob,
  withinMs: number,
): void {
  const { chance } = sim.world
  if (cancelled > 0 && chance.happens(cancelled))
    sim.timeline.at(sim.timeline.nowMs + chance.between(1, withinMs), () => cancel(sim, job))
}

function cancel({ world, timeline, mesh, population, note }: CancellingWorld, job: SimJob): void {
  const { id, signer, payload } = job.manifest
  if (world.checkers.endOf(id) !== undefined) return
  note(() => `${nameOf(signer)} cancels its job`)
  world.checkers.cancel(id)
  const parcel = { type: 'record', entry: checked('cancellation', cancellationIn(job.manifest)) } as const
  const tell = (turn: number) => {
    if (world.checkers.endOf(id) !== undefined) return
    const place = payload.stewards[turn % payload.stewards.length]!
    const node = population.stewards.find(({ peer }) => peer === place.peer)
    if (node !== undefined) world.later(node, mesh.delayMs(), () => node.hear(signer, parcel))
    timeline.at(timeline.nowMs + retellMs, () => tell(turn + 1))
  }
  tell(world.chance.between(0, payload.stewards.length - 1))
  timeline.at(timeline.nowMs + cancelledMsMax, () => world.checkers.cancelledLate(id))
}
