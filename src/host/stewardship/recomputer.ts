/** The arbiter's bench: runs a disputed shard here, on the steward's own machine, with the exact engine. */

import type { Cid, JobId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { comparedOf } from '../../protocol/verification/examination.ts'
import type { Recomputation } from '../../protocol/verification/tally.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Executor, Slot } from '../executor/contract.ts'
import { packResult } from '../sealing/blind-results.ts'
import { sha256 } from '../sha256.ts'
import type { BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'
import { documentMemory, runShard, sessionOf } from '../vehicle/runtime-session.ts'

export class Recomputer {
  readonly #executor: Executor
  readonly #engines: readonly EngineDescription[]
  readonly #blocks: BlockStore
  readonly #memory = documentMemory()
  #slot: Slot | undefined

  constructor(executor: Executor, engines: readonly EngineDescription[], blocks: BlockStore) {
    this.#executor = executor
    this.#engines = engines
    this.#blocks = blocks
  }

  /** Tells whether this node can settle disputes of a runtime: it must have an engine that is exact everywhere. */
  can(runtime: string): boolean {
    return this.#engines.some((engine) => engine.runtime === runtime && engine.isa === null)
  }

  /** `key`: the shard's. Null when it cannot be done here. Keeps the result it found, so that the report can show it. */
  async recompute(
    job: JobId,
    manifest: Manifest,
    shard: Cid,
    key: Uint8Array,
  ): Promise<Recomputation | null> {
    const exact = this.#engines.find((engine) => engine.runtime === manifest.runtime && engine.isa === null)
    const mine = this.#blocks.of(job)
    const bytes = await mine.get(shard)
    if (exact === undefined || bytes === undefined) return null
    this.#slot ??= this.#executor.openSlot()
    await this.#slot.prepare(sessionOf(job, manifest, exact.engine, mine))
    const own: Manifest = { ...manifest, engine: { name: exact.engine, id: exact.id } }
    const { result } = await runShard(this.#slot, own, decodeShard(bytes), {
      key,
      blocks: mine,
      memory: this.#memory,
    })
    const encoded = packResult(manifest, result, key)
    const cid = cidOf('dag-cbor', encoded)
    await mine.put(cid, encoded, 'result')
    return { result: cid, ...comparedOf(sha256, result, manifest.agreement) }
  }
}
