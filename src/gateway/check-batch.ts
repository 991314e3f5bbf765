/** Checks a batch as a whole: its lines, and whether there is room for what its jobs will keep. */
import { existsSync } from 'node:fs'
import { inputGone } from './batch-faults.ts'
import type { Batch, BatchFacts } from './batches.ts'
import { checkLines } from './check.ts'
import type { Model } from './models.ts'
import type { RunContext } from './run-context.ts'

/** From then on what its jobs keep counts as its tenant's. Throws what the disk throws, and the signal's reason. */
export async function checkBatch(
  batch: Batch,
  models: readonly Model[],
  { lines, files, clock, batches }: RunContext,
  signal: AbortSignal,
): Promise<Pick<BatchFacts, 'errors'> | Pick<BatchFacts, 'counts' | 'model'>> {
  const { id, tenant, facts } = batch
  signal.throwIfAborted()
  lines.forget(id)
  lines.forgetParts(id)
  if (!existsSync(files.pathOf(facts.inputFileId))) return { errors: [inputGone] }
  const checked = await checkLines(batch, { files, lines, clock, models }, signal)
  if (checked.errors.length > 0) return { errors: checked.errors }
  const refused = files.refusal(tenant, checked.bytes)
  if (refused !== undefined) return { errors: [{ ...refused, line: null, param: null }] }
  batches.kept.hold(id, checked.bytes)
  return {
    counts: { total: checked.total, completed: 0, failed: 0 },
    model: checked.models.length === 1 ? checked.models[0]! : null,
  }
}
