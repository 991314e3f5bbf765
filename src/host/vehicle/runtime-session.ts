/**
 * Turns a manifest into a session that a slot can load, and pages into records, for vehicles and for stewards that
 * recompute.
 */

import type { JobId } from '../../protocol/ids.ts'
import { type FileReference, type Manifest, resultEngine } from '../../protocol/job/manifest.ts'
import type { PageRecord, ShardResult } from '../../protocol/job/result.ts'
import type { Shard } from '../../protocol/job/shard.ts'
import { documentBytesMax, weightsBytesMax } from '../../protocol/limits.ts'
import { ownOptionsOf, pageCpuMsMaxOf } from '../../runtimes/registry.ts'
import { ByteBudget } from '../byte-budget.ts'
import type { RecordResult, SessionRefused, SessionSpec, Slot, WeightFile } from '../executor/contract.ts'
import { unseal, unwrapKey } from '../sealing/sealing.ts'
import { readFile, readFileParts } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

/** The wall clock runs while others use the cores, too … */
const wallFactor = 4
/** … and must not be what ends a page that CPU time should end, since its message is compared. A guess. */
const wallMsMin = 60_000
/** A document that is larger than this goes to the child once at a time, and not once for each of its pages. A guess. */
const sharedBytesMax = 2 ** 20
/** All documents in memory, sealed and opened: room for one of the largest. */
const documentsInMemoryMax = 2 * documentBytesMax

/** The documents that a node has in memory for its slots. */
export function documentMemory(): ByteBudget {
  return new ByteBudget(documentsInMemoryMax)
}

export function sessionOf(job: JobId, manifest: Manifest, engine: string, blocks: JobBlocks): SessionSpec {
  return {
    key: `${job}/${engine}`,
    runtime: manifest.runtime,
    engine,
    options: ownOptionsOf(manifest.options),
    weights: async () => {
      const files = new Map<string, WeightFile>()
      for (const { name, file, bytes } of manifest.weights) {
        const read = () => readFileParts({ file, bytes }, (cid) => blocks.get(cid), weightsBytesMax)
        files.set(name, { bytes, read })
      }
      return files
    },
  }
}

export interface ShardRun {
  readonly result: ShardResult
  readonly cpuMs: number
  readonly wallMs: number
}

/** The means by which a shard's pages are read: its key, its job's blocks, and the memory for its documents. */
export interface ShardSource {
  readonly key: Uint8Array
  readonly blocks: JobBlocks
  readonly memory: ByteBudget
}

/**
 * Runs the pages of one shard in a slot that has the session loaded. Rejects with SlotKilled or SlotFailed,
 * which say nothing about the shard, and StoreError when a document is not here.
 */
export async function runShard(
  slot: Slot,
  manifest: Manifest,
  shard: Shard,
  source: ShardSource,
): Promise<ShardRun> {
  const cpuMsMax = pageCpuMsMaxOf(manifest.options)
  const limits = { cpuMsMax, wallMsMax: Math.max(wallMsMin, cpuMsMax * wallFactor) }
  const runs: RecordResult[] = new Array(shard.pages.length)
  const pages = Map.groupBy(shard.pages.keys(), (index) => shard.pages[index]!.document)
  await Promise.all(
    [...pages.values()].map(async (indices) => {
      const { document: file, bytes, key: wrapped } = shard.pages[indices[0]!]!
      const letGo = await source.memory.hold(2 * bytes)
      try {
        const document = await openedDocument({ file, bytes }, wrapped, source)
        const run = async (index: number) => {
          runs[index] = await slot.run(document, shard.pages[index]!.page, limits)
        }
        if (bytes <= sharedBytesMax) await Promise.all(indices.map(run))
        else for (const index of indices) await run(index)
      } finally {
        letGo()
      }
    }),
  )
  const records: PageRecord[] = runs.map(({ output, text, error }) => ({ output, text, error }))
  return {
    result: { engine: resultEngine(manifest), records },
    cpuMs: runs.reduce((sum, run) => sum + run.cpuMs, 0),
    wallMs: runs.reduce((sum, run) => sum + run.wallMs, 0),
  }
}

async function openedDocument(
  reference: FileReference,
  wrapped: Uint8Array,
  { key, blocks }: ShardSource,
): Promise<Uint8Array> {
  const opened = unwrapKey(key, wrapped, `the key of document ${reference.file}`)
  const sealed = await readFile(reference, (cid) => blocks.get(cid), documentBytesMax)
  return unseal(opened, sealed, `document ${reference.file}`)
}

/** Returns the failure that every page of a shard gets when the runtime refuses the job's weights or options. */
export function refusedShard(manifest: Manifest, shard: Shard, refusal: SessionRefused): ShardRun {
  const error = { code: refusal.code, message: refusal.message.slice(0, 1024) }
  const records = shard.pages.map(() => ({ output: new Uint8Array(0), text: '', error }))
  return { result: { engine: resultEngine(manifest), records }, cpuMs: 0, wallMs: 0 }
}
