/** A job in a swarm, from its submission to its end, as every benchmark runs it. */
import type { JobStatus, SubmitRequest } from '../src/host/api.ts'
import type { LocalClient } from '../src/host/local/client.ts'
import { submitDefaults } from '../src/host/submit-defaults.ts'

type Wanted = Pick<SubmitRequest, 'paths' | 'runtime' | 'replicas'> & Partial<SubmitRequest>

/** Throws Error when the job does not complete with every page verified. */
export async function runJob(node: LocalClient, wanted: Wanted): Promise<JobStatus> {
  const job = await submitJob(node, wanted)
  let last: JobStatus | undefined
  for await (const status of node.watch(job, new AbortController().signal)) last = status
  if (last?.state !== 'complete' || last.pages.verified !== last.pages.total)
    throw new Error(`job ${job} ended as ${last?.state}: ${last?.reason}`)
  return last
}

/** Answers the job's id. */
export async function submitJob(node: LocalClient, wanted: Wanted): Promise<string> {
  const { job } = await node.submit({ ...submitDefaults, standbys: 0, ...wanted })
  return job
}
