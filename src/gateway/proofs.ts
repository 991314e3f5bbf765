/** The proof of each job of a batch, kept as a file of the tenant. */
import { rmSync } from 'node:fs'
import type { FileRow } from './files.ts'
import type { EndedPart } from './finish.ts'
import type { RunContext } from './run-context.ts'

/** Answers with the ids of the files. A proof that cannot be made is missed, and costs no result. */
export async function keepProofs(
  parts: readonly EndedPart[],
  rowFor: (title: string) => Omit<FileRow, 'id' | 'bytes'>,
  { node, files, log }: Pick<RunContext, 'node' | 'files' | 'log'>,
): Promise<readonly string[]> {
  const ids: string[] = []
  for (const { job, part } of parts) {
    if (job === null) continue
    const path = files.spoolPath()
    try {
      const { bytes } = await node.api.report(job, path)
      ids.push(files.add(rowFor(`proof-${part + 1}.car`), { path, bytes }).id)
    } catch (error) {
      rmSync(path, { force: true })
      log.warn({ job, error }, 'the proof of a batch cannot be written')
    }
  }
  return ids
}
