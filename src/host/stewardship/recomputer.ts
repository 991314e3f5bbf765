/** The arbiter's bench: runs a disputed shard here, on the steward's own machine, with an engine whose results the job's are compared with. */

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

/** The engine that a job names, and how its results compare. */
type JobEngine = Pick<EngineDescription, 'id' | 'agreement'>

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

  /** Tells whether this node can settle disputes of a job: by an engine that is exact everywhere, or by the job's own. */
  can(runtime: string, engine: JobEngine): boolean {
    return this.#engineFor(runtime, engine) !== undefined
  }

  /** Where bytes are compared within a class of processors, another engine's are no answer. */
  #engineFor(runtime: string, { id, agreement }: JobEngine): EngineDescription | undefined {
    return this.#engines.find(
      (engine) =>
        engine.runtime === runtime && (agreement === 'class-bytes' ? engine.id === id : engine.isa === null),
    )
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
    const { runtime, agreement } = manifest
    const own = this.#engineFor(runtime, { id: manifest.engine.id, agreement })
    const mine = this.#blocks.of(job)
    const bytes = await mine.get(shard)
    if (own === undefined || bytes === undefined) return null
    this.#slot ??= this.#executor.openSlot()
    await this.#slot.prepare(sessionOf(job, manifest, own.engine, mine))
    const asRun: Manifest = { ...manifest, engine: { name: own.engine, id: own.id } }
    const packer = new ResultPacker({
      manifest: asRun,
      key,
      keep: (part, size) => mine.withRoom(size, () => mine.putMany(part, 'result')),
    })
    await runShard(
      this.#slot,
      asRun,
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
