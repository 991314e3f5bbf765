/** The arbiter's bench: runs a disputed shard here, on the steward's own machine, with the exact engine. */

import type { Cid, JobId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { recomputedAs } from '../../protocol/verification/examination.ts'
import type { Recomputation } from '../../protocol/verification/tally.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Executor, Slot } from '../executor/contract.ts'
import { ResultPacker } from '../result-packer.ts'
import type { BlockStore } from '../store/blocks.ts'
import { documentMemory, outputBacklog, runShard, sessionOf } from '../vehicle/runtime-session.ts'

export class Recomputer {
  readonly #executor: Executor
  readonly #engines: readonly EngineDescription[]
  readonly #blocks: BlockStore
  readonly #memory = documentMemory()
  #slot: Slot | undefined
  /** A slot holds one session at a time: a second run that began meanwhile would get the first one's documents. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(executor: Executor, engines: readonly EngineDescription[], blocks: BlockStore) {
    this.#executor = executor
    this.#engines = engines
    this.#blocks = blocks
  }

  /** Tells whether this node can settle disputes of a runtime: it must have an engine that is exact everywhere. */
  can(runtime: string): boolean {
    return this.#engines.some((engine) => engine.runtime === runtime && engine.isa === null)
  }

  /**
   * Runs a shard here, after the runs that wait already. `key`: the shard's. Null when it cannot be done here, or when
   * this machine ran out of something. Keeps the result that it found, so that the report can show it.
   */
  recompute(job: JobId, manifest: Manifest, shard: Cid, key: Uint8Array): Promise<Recomputation | null> {
    const run = this.#turn.then(() => this.#recompute(job, manifest, shard, key))
    this.#turn = run.catch(() => undefined)
    return run
  }

  async #recompute(
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
    const packer = new ResultPacker({
      manifest: own,
      key,
      keep: (part, size) => mine.withRoom(size, () => mine.putMany(part, 'result')),
    })
    await runShard(
      this.#slot,
      own,
      decodeShard(bytes),
      { key, blocks: mine, memory: this.#memory, backlog: outputBacklog(this.#slot) },
      (record) => packer.add(record),
    )
    const result = await packer.finish()
    const found = recomputedAs(result.cid, packer.compared)
    if (found !== null)
      await mine.withRoom(result.bytes.byteLength, () => mine.put(result.cid, result.bytes, 'result'))
    return found
  }
}
