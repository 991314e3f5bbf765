/** One call from documents to a job. */
import { resolve } from 'node:path'
import { connectLocal } from '../host/local/client.ts'
import { checkRequest } from '../host/submission/checks.ts'
import type { Job, NodeOptions, Submission } from './contract.ts'
import { submitTo } from './job.ts'
import { CarpoolNode } from './node.ts'
import { runtimesWith } from './runtimes.ts'
import { requestOf } from './submission.ts'

/**
 * Submits documents to the node that runs on the data directory; without one, starts one, which `close()` of the job stops: keep it
 * until the job has ended, or standbys hold it. Resolves when the job has begun. Throws RequestError, a sentence for the person who
 * asked, before a node is started where that is possible; then nothing has left the machine.
 *
 * ```ts
 * await using job = await submit({ runtime: …, files: ['scans/'] }, { dataDir: 'data', bootstrap: ['/ip4/…/p2p/…'] })
 * for await (const { document, page, result } of job.results()) console.log(document, page, result?.text)
 * ```
 */
export async function submit(submission: Submission, where: NodeOptions): Promise<Job> {
  const dataDir = resolve(where.dataDir)
  const request = requestOf(submission)
  let node: CarpoolNode | undefined
  let client = await connectLocal(dataDir)
  if (client === undefined) {
    await checkRequest(request, false, await runtimesWith(where.runtimes ?? []))
    node = await CarpoolNode.start({ slots: 0, standsBy: false, ...where })
    client = await connectLocal(dataDir)
  }
  const close = async () => {
    client?.close()
    await node?.stop()
  }
  try {
    if (client === undefined) throw new Error(`the local socket in ${dataDir} does not answer`)
    return await submitTo(client, submission, close)
  } catch (error) {
    await close()
    throw error
  }
}
