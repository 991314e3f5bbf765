/**
 * A job of somebody else is ended by its submitter alone. A standby that wants to stop is released: another node takes its
 * place, and only then it lets the job go. One that forgot a job that runs would leave it without what it holds.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { Released } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { Registry } from './registry.ts'

/** Deletes a job; also one that cannot be read here, which nobody can go on with. Throws RequestError where it runs. */
export async function forgetJob(registry: Registry, job: JobId): Promise<void> {
  const held = await registry.hold(job).catch((error) => {
    if (registry.isStopped || !(error instanceof RequestError || error instanceof ProtocolError)) throw error
    return undefined
  })
  try {
    if (held !== undefined) refuseForget(held.stewardship)
  } finally {
    held?.release()
  }
  await registry.drop(job)
}

/** Throws RequestError where the job runs: on its submitter's node, too, since to forget it would end it without a word. */
function refuseForget({ job, isReader, isSubmitters, hasEnded }: CouncilDriver): void {
  if (isReader || hasEnded) return
  if (isSubmitters) throw new RequestError(`job ${job} runs; to end it first: carpool cancel ${job}`)
  throw new RequestError(
    `this node stands by for job ${job}, which runs; to hand it over to another node: carpool standby release ${job}`,
  )
}

/** Throws RequestError where the job stays with this node, in one sentence that says why. */
export async function releaseJob(registry: Registry, job: JobId): Promise<Released> {
  const heir = await registry.use(job, (stewardship) => handOver(stewardship))
  await registry.gone(job)
  return { job, heir }
}

async function handOver(stewardship: CouncilDriver): Promise<PeerId> {
  const { job, isReader, isSubmitters, hasEnded } = stewardship
  if (isSubmitters)
    throw new RequestError(
      `job ${job} was submitted to this node, which cannot hand it over; to end it: carpool cancel ${job}`,
    )
  if (isReader) throw new RequestError(`this node only reads job ${job}, and does not stand by for it`)
  if (hasEnded)
    throw new RequestError(`job ${job} has ended; to free what is kept of it: carpool forget ${job}`)
  switch (await stewardship.release()) {
    case 'left':
      return stewardship.heir!
    case 'kept':
      throw new RequestError(
        `no node that is connected is willing to stand by for job ${job} in the place of this one, which keeps it; try again later`,
      )
    case 'ended':
      throw new RequestError(
        `job ${job} ended before another node had all of it; to free what is kept of it: carpool forget ${job}`,
      )
  }
}
