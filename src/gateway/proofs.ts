/** The proof of each job of a batch, which becomes a file of the tenant. */
import { rmSync } from 'node:fs'
import type { EndedPart } from './finish.ts'
import type { RunContext } from './run-context.ts'

export interface SpooledProof {
  readonly title: string
  readonly path: string
  readonly bytes: number
}

/** Answers with files that have no row yet. A proof that cannot be made is missed, and costs no result. */
export async function writeProofs(
  parts: readonly EndedPart[],
  { node, files, log }: Pick<RunContext, 'node' | 'files' | 'log'>,
): Promise<readonly SpooledProof[]> {
  const proofs: SpooledProof[] = []
  for (const [place, { job }] of parts.entries()) {
    if (job === null) continue
    const path = files.spoolPath()
    try {
      const { bytes } = await node.api.report(job, path)
      proofs.push({ title: `proof-${place + 1}.car`, path, bytes })
    } catch (error) {
      rmSync(path, { force: true })
      log.warn({ job, error }, 'the proof of a batch cannot be written')
    }
  }
  return proofs
}
