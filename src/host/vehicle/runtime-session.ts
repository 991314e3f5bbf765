/**
 * Turns a manifest into a session that a slot can load, and pages into records, for vehicles and for stewards that
 * recompute.
 */

import type { Cid, JobId } from '../../protocol/ids.ts'
import { type Manifest, resultEngine } from '../../protocol/job/manifest.ts'
import type { PageRecord, ShardResult } from '../../protocol/job/result.ts'
import type { Shard } from '../../protocol/job/shard.ts'
import type { SessionRefused, SessionSpec, Slot } from '../executor/contract.ts'
import { unseal, unwrapKey } from '../sealing/sealing.ts'
import { readFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

/** A page may take this much, unless the job says otherwise: the slowest page measured took 15 s of WASM. */
const pageCpuMsMaxDefault = 120_000
/** The wall clock runs while others use the cores, too … */
const wallFactor = 4
/** … and must not be what ends a page that CPU time should end, since its message is compared. A guess. */
const wallMsMin = 60_000

/** Options that bound a page instead of being handed to the runtime. */
const pageCpuMsOption = 'pageCpuMsMax'

/** Documents larger than this are not loaded for a page: a vehicle's memory is its owner's. */
const documentBytesMax = 256 * 2 ** 20

export function sessionOf(job: JobId, manifest: Manifest, engine: string, blocks: JobBlocks): SessionSpec {
  const { [pageCpuMsOption]: _, ...options } = manifest.options
  return {
    key: `${job}/${engine}`,
    runtime: manifest.runtime,
    engine,
    options,
    weights: async () => {
      const files = new Map<string, Uint8Array>()
      for (const { name, file, bytes } of manifest.weights)
        files.set(name, await readFile(file, (cid) => blocks.get(cid), bytes))
      return files
    },
  }
}

export interface ShardRun {
  readonly result: ShardResult
  readonly cpuMs: number
  readonly wallMs: number
}

/**
 * Runs the pages of one shard in a slot that has the session loaded. Rejects with SlotKilled or SlotFailed,
 * which say nothing about the shard, and StoreError when a document is not here.
 */
export async function runShard(
  slot: Slot,
  manifest: Manifest,
  shard: Shard,
  key: Uint8Array,
  blocks: JobBlocks,
): Promise<ShardRun> {
  const cpuMsMax = Number(manifest.options[pageCpuMsOption] ?? pageCpuMsMaxDefault)
  const limits = { cpuMsMax, wallMsMax: Math.max(wallMsMin, cpuMsMax * wallFactor) }
  const documents = new Map<Cid, Promise<Uint8Array>>()
  const runs = await Promise.all(
    shard.pages.map(async ({ document, page, key: wrapped }) => {
      let bytes = documents.get(document)
      if (bytes === undefined) {
        const opened = unwrapKey(key, wrapped, `the key of document ${document}`)
        bytes = readFile(document, (cid) => blocks.get(cid), documentBytesMax).then((sealed) =>
          unseal(opened, sealed, `document ${document}`),
        )
        documents.set(document, bytes)
      }
      return slot.run(await bytes, page, limits)
    }),
  )
  const records: PageRecord[] = runs.map(({ output, text, error }) => ({ output, text, error }))
  return {
    result: { engine: resultEngine(manifest), records },
    cpuMs: runs.reduce((sum, run) => sum + run.cpuMs, 0),
    wallMs: runs.reduce((sum, run) => sum + run.wallMs, 0),
  }
}

/** Returns the failure that every page of a shard gets when the runtime refuses the job's weights or options. */
export function refusedShard(manifest: Manifest, shard: Shard, refusal: SessionRefused): ShardRun {
  const error = { code: refusal.code, message: refusal.message.slice(0, 1024) }
  const records = shard.pages.map(() => ({ output: new Uint8Array(0), text: '', error }))
  return { result: { engine: resultEngine(manifest), records }, cpuMs: 0, wallMs: 0 }
}
