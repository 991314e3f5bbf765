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
import { passingClaims } from './claim-scores.ts'

/** The engine that a job names, and how its results compare. */
type JobEngine = Pick<EngineDescription, 'id' | 'agreement'>

/** A shard to decide: its block, its key, and the results that owners claim for it, the first lease's first. */
export interface Disputed {
  readonly shard: Cid
  readonly key: Uint8Array
  readonly claimed: readonly Cid[]
}

/** True where another engine's results are no answer: bytes within a class of processors, and log-probabilities. */
function isOfItsOwn(agreement: JobEngine['agreement']): boolean {
  return agreement === 'class-bytes' || (typeof agreement === 'object' && agreement.relation === 'scored')
}

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

  #engineFor(runtime: string, { id, agreement }: JobEngine): EngineDescription | undefined {
    return this.#engines.find(
      (engine) =>
        engine.runtime === runtime && (isOfItsOwn(agreement) ? engine.id === id : engine.isa === null),
    )
  }

  /**
   * Runs a shard here, after the runs that wait already; or finds claims of it that pass a score, where those are as good. Null when it
   * cannot be done here, or when this machine ran out of something. Keeps the result that it found, so that the report can show it.
   */
  recompute(job: JobId, manifest: Manifest, disputed: Disputed): Promise<Recomputation | null> {
    const run = this.#turn.then(() => this.#recompute(job, manifest, disputed))
    this.#turn = run.catch(() => undefined)
    return run
  }

  async #recompute(
    job: JobId,
    manifest: Manifest,
    { shard, key, claimed }: Disputed,
  ): Promise<Recomputation | null> {
    const { runtime, agreement } = manifest
    const own = this.#engineFor(runtime, { id: manifest.engine.id, agreement })
    const mine = this.#blocks.of(job)
    const bytes = await mine.get(shard)
    if (own === undefined || bytes === undefined) return null
    this.#slot ??= this.#executor.openSlot()
    await this.#slot.prepare(sessionOf(job, manifest, own.engine, mine))
    const asRun: Manifest = { ...manifest, engine: { name: own.engine, id: own.id } }
    const decoded = decodeShard(bytes)
    const source = { key, blocks: mine, memory: this.#memory, backlog: outputBacklog(this.#slot) }
    const passing = await passingClaims(this.#slot, manifest, decoded, source, claimed)
    if (passing !== null) return passing
    const packer = new ResultPacker({
      manifest: asRun,
      key,
      keep: (part, size) => mine.withRoom(size, () => mine.putMany(part, 'result')),
    })
    await runShard(this.#slot, asRun, decoded, source, (record) => packer.add(record))
    const result = await packer.finish()
    const found = recomputedAs(result.cid, packer.compared)
    if (found !== null)
      await mine.withRoom(result.bytes.byteLength, () => mine.put(result.cid, result.bytes, 'result'))
    return found
  }
}
