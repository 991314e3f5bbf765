/** The arbiter's bench: runs a disputed shard here, on the steward's own machine, with an engine whose results the job's are compared with. */

import type { Cid, JobId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { recomputedAs } from '../../protocol/verification/examination.ts'
import type { Recomputation } from '../../protocol/verification/tally.ts'
import { type EngineDescription, engineThatJudges } from '../../runtimes/messages.ts'
import { systemClock } from '../clock.ts'
import type { Executor, Slot } from '../executor/contract.ts'
import { ResultPacker } from '../result-packer.ts'
import type { BlockStore } from '../store/blocks.ts'
import { documentMemory, outputBacklog, runShard, sessionOf } from '../vehicle/runtime-session.ts'
import { passingClaims } from './claim-scores.ts'
import { type StrangersBounds, StrangersTime, strangersBounds } from './strangers-time.ts'

/** A slot holds one session at a time: a second run that began meanwhile would get the first one's documents. */
interface Bench {
  slot: Slot | undefined
  turn: Promise<unknown>
}

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
  readonly #strangersTime: StrangersTime
  /** Jobs of this node's submitter wait for no stranger's. */
  readonly #own: Bench = { slot: undefined, turn: Promise.resolve() }
  readonly #strangers: Bench = { slot: undefined, turn: Promise.resolve() }

  constructor(
    executor: Executor,
    engines: readonly EngineDescription[],
    blocks: BlockStore,
    bounds: StrangersBounds = strangersBounds,
  ) {
    this.#executor = executor
    this.#engines = engines
    this.#blocks = blocks
    this.#strangersTime = new StrangersTime(bounds, () => systemClock.monotonicMs())
  }

  /** Tells whether this node can settle disputes of a job: by an engine that is exact everywhere, or by the job's own. */
  can(runtime: string, engine: JobEngine): boolean {
    return this.#engineFor(runtime, engine) !== undefined
  }

  #engineFor(runtime: string, { id, agreement }: JobEngine): EngineDescription | undefined {
    const engines = this.#engines.filter((engine) => engine.runtime === runtime)
    return isOfItsOwn(agreement) ? engineThatJudges(engines, id) : engines.find(({ isa }) => isa === null)
  }

  /**
   * Runs a shard here, after the runs that wait already; or finds claims of it that pass a score, where those are as good. `isOwn`: this
   * node's submitter brought the job. Null when it cannot be done here, when this machine ran out of something, or when the job had its share of
   * this node's time for strangers; rejects where a stranger's takes too long. Keeps the result that it found, so that the report can show it.
   */
  recompute(
    job: JobId,
    manifest: Manifest,
    disputed: Disputed,
    isOwn: boolean,
  ): Promise<Recomputation | null> {
    const bench = isOwn ? this.#own : this.#strangers
    const run = bench.turn.then(() =>
      isOwn
        ? this.#recompute(bench, job, manifest, disputed)
        : this.#recomputeForStranger(job, manifest, disputed),
    )
    bench.turn = run.catch(() => undefined)
    return run
  }

  /** As long as its job may take time here. */
  async #recomputeForStranger(
    job: JobId,
    manifest: Manifest,
    disputed: Disputed,
  ): Promise<Recomputation | null> {
    const msMax = this.#strangersTime.for(job)
    if (msMax === 0) return null
    const beganMs = systemClock.monotonicMs()
    const timer = setTimeout(() => void this.#strangers.slot?.kill(), msMax)
    try {
      return await this.#recompute(this.#strangers, job, manifest, disputed)
    } finally {
      clearTimeout(timer)
      this.#strangersTime.spent(job, systemClock.monotonicMs() - beganMs)
    }
  }

  async #recompute(
    bench: Bench,
    job: JobId,
    manifest: Manifest,
    { shard, key, claimed }: Disputed,
  ): Promise<Recomputation | null> {
    const { runtime, agreement } = manifest
    const own = this.#engineFor(runtime, { id: manifest.engine.id, agreement })
    const mine = this.#blocks.of(job)
    const bytes = await mine.get(shard)
    if (own === undefined || bytes === undefined) return null
    bench.slot ??= this.#executor.openSlot()
    await bench.slot.prepare(sessionOf(job, manifest, own.engine, mine))
    const asRun: Manifest = { ...manifest, engine: { name: own.engine, id: own.id } }
    const decoded = decodeShard(bytes)
    const source = { key, blocks: mine, memory: this.#memory, backlog: outputBacklog(bench.slot) }
    const passing = await passingClaims(bench.slot, manifest, decoded, source, claimed)
    if (passing !== null) return passing
    const packer = new ResultPacker({
      manifest: asRun,
      key,
      keep: (part, size) => mine.withRoom(size, () => mine.putMany(part, 'result')),
    })
    await runShard(bench.slot, asRun, decoded, source, (record) => packer.add(record))
    const result = await packer.finish()
    const found = recomputedAs(result.cid, packer.compared)
    if (found !== null)
      await mine.withRoom(result.bytes.byteLength, () => mine.put(result.cid, result.bytes, 'result'))
    return found
  }
}
