/**
 * Scores claims of a shard on the steward's own machine: each page's claimed answer is held against the network, at a fraction of what
 * it takes to make it again.
 */
import type { Cid } from '../../protocol/ids.ts'
import { isTolerance } from '../../protocol/job/agreement.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { PageRecord } from '../../protocol/job/result.ts'
import type { Shard } from '../../protocol/job/shard.ts'
import { voicesMax } from '../../protocol/limits.ts'
import { ComparedPages, recomputedAs } from '../../protocol/verification/examination.ts'
import { isWithin, type Score, sumOf } from '../../protocol/verification/score.ts'
import type { Recomputation } from '../../protocol/verification/tally.ts'
import type { RecordResult, Slot } from '../executor/contract.ts'
import { readPages } from '../result-reader.ts'
import { sha256 } from '../sha256.ts'
import { runShard, type ShardSource } from '../vehicle/runtime-session.ts'

/**
 * The claims whose answers the network would give as well, and of them the first as what stands. Null where none passes, or where the job's
 * results are compared in another way. `slot`: has the job's session. Rejects as `runShard`.
 */
export async function passingClaims(
  slot: Slot,
  manifest: Manifest,
  shard: Shard,
  source: ShardSource,
  claimed: readonly Cid[],
): Promise<Recomputation | null> {
  const { agreement } = manifest
  if (!isTolerance(agreement) || agreement.relation !== 'scored') return null
  const passed: Cid[] = []
  let first: Recomputation | null = null
  for (const cid of claimed.slice(0, voicesMax)) {
    const records = await recordsOf(manifest, cid, shard, source)
    if (records === null) continue
    const score = await scoreOf(slot, manifest, shard, source, records)
    if (score === null || !isWithin(score, agreement)) continue
    const compared = new ComparedPages(sha256, agreement)
    for (const record of records) compared.add(record)
    first ??= recomputedAs(cid, compared)
    passed.push(cid)
  }
  return first && { ...first, passed }
}

/** Null where the result is not here, or is none: no steward counts it then. */
async function recordsOf(
  manifest: Manifest,
  cid: Cid,
  { pages }: Shard,
  { key, blocks }: ShardSource,
): Promise<readonly PageRecord[] | null> {
  const bytes = await blocks.get(cid)
  if (bytes === undefined) return null
  const records: PageRecord[] = []
  for await (const part of readPages(manifest, bytes, pages.length, key, (block) => blocks.get(block)))
    records.push(...part)
  return records
}

/** Null where some page's record is none that the engine could give. */
async function scoreOf(
  slot: Slot,
  manifest: Manifest,
  shard: Shard,
  source: ShardSource,
  records: readonly PageRecord[],
): Promise<Score | null> {
  const scores: (Score | null)[] = []
  let next = 0
  // Pages are sent in their order. What the slot answers to each is its score, and no record.
  const scoring: Slot = {
    prepare: (session) => slot.prepare(session),
    freeze: () => slot.freeze(),
    resume: () => slot.resume(),
    kill: () => slot.kill(),
    run: async (document, page, limits): Promise<RecordResult> => {
      const place = next
      next += 1
      const { error, output } = records[place]!
      if (error !== null) {
        const own = await slot.run(document, page, limits)
        const isSame = own.error?.code === error.code && own.error.message === error.message
        scores[place] = isSame ? sumOf([]) : null
        return { ...nothing, error: own.error ?? noAnswer }
      }
      const score = (await slot.score?.(document, page, output, limits)) ?? null
      scores[place] = score
      return score === null ? { ...nothing, error: noAnswer } : { ...nothing, units: score.units }
    },
  }
  let counted = 0
  await runShard(scoring, manifest, shard, source, async ({ units }) => {
    const claimed = records[counted]!.units
    if (units?.input !== claimed?.input || units?.output !== claimed?.output) scores[counted] = null
    counted += 1
  })
  return scores.includes(null) ? null : sumOf(scores as Score[])
}

const noAnswer: RecordResult['error'] = { code: 'bad-request', message: '' }
const nothing: RecordResult = { output: new Uint8Array(0), text: '', error: null, cpuMs: 0, wallMs: 0 }
