/** `carpool standby`: what the owner of a node decides about the jobs of others that it looks after. */
import type { Command } from 'commander'
import { shortPeer } from '../format.ts'
import { oneJob } from './jobs.ts'

export function standbyCommand(program: Command): void {
  const standby = program
    .command('standby')
    .summary('decide about the jobs of others that this node stands by for')

  oneJob(standby, 'release', 'hand a job over to another node, and let it go', async (node, job) => {
    const { heir, ...released } = await node.release(job)
    const text = `job ${released.job} is handed over to node ${shortPeer(heir)}, which has all it needs; this node has let it go`
    return { event: 'released', job: released.job, heir, text }
  }).description(
    'Stops standing by for a job that runs. The node asks others until one is willing, gives it its place and what is left of its ' +
      'part of the budget, waits until it holds the inputs and the results, and then frees what is kept of the job here. ' +
      'Where nobody is willing, the job stays with this node.',
  )
}
