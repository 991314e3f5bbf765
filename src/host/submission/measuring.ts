/**
 * Measures what documents cost before they are cut into shards.
 *
 * Nobody can guess what a stranger's module does with a document: a millisecond, or a minute. A wrong guess puts 24 documents
 * of two seconds into one shard, which one vehicle then computes while the others idle. So a few documents run here first, in
 * a child of their own. What they take decides how many share a shard, and nothing else: it is no part of the job's identity,
 * its price or its proof, and a machine that cannot measure falls back on the runtime's guess.
 */
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { ScoredClaim } from '../../runtimes/messages.ts'
import type { Executor, SessionSpec, Slot } from '../executor/contract.ts'
import { Turns } from '../turns.ts'
import type { Samples } from './samples.ts'

/** A sample is not begun once so much CPU time is spent. */
const cpuMsMax = 2 * shardCostMsTarget
/** A document that runs into this is a shard by itself, however long it would take. */
const sampleCpuMsMax = shardCostMsTarget
/** For all samples: a node whose vehicle drives computes nothing meanwhile, and a submission does not wait for the drive. */
const wallMsMax = 15_000

export interface Sample {
  /** The document's length. */
  readonly bytes: number
  readonly cpuMs: number
  readonly outputBytes: number
}

/** Estimates for a document of so many bytes. */
export interface Measure {
  readonly costMsOf: (bytes: number) => number
  readonly outputBytesOf: (bytes: number) => number
}

export class Measuring {
  readonly #executor: Pick<Executor, 'openSlot'>
  readonly #turns = new Turns()
  #slot: Slot | undefined

  constructor(executor: Pick<Executor, 'openSlot'>) {
    this.#executor = executor
  }

  /** Null where nothing could be measured. */
  async measure({ kept }: Samples, session: SessionSpec): Promise<Measure | null> {
    if (kept.length === 0) return null
    const samples = await this.#turns.inTurn('', () => this.#run(kept, session))
    return samples.length === 0 ? null : measureOf(samples)
  }

  /**
   * Answers some documents by this machine's kernels and by those of the oldest machines, and scores each answer. Empty where that cannot
   * be done here.
   */
  calibrate({ kept }: Samples, session: SessionSpec): Promise<ScoredClaim[]> {
    return this.#turns.inTurn('', () => this.#calibrate(kept, session))
  }

  async #calibrate(documents: readonly Uint8Array[], session: SessionSpec): Promise<ScoredClaim[]> {
    this.#slot ??= this.#executor.openSlot()
    const slot = this.#slot
    const claimed: { readonly document: Uint8Array; readonly output: Uint8Array }[] = []
    const scores: ScoredClaim[] = []
    try {
      for (const engine of [`${session.engine}@oldest`, session.engine]) {
        await slot.prepare({ ...session, key: `calibrating ${engine}`, engine })
        for (const document of documents) {
          const { output, error } = await slot.run(document, 0)
          if (error === null) claimed.push({ document, output })
        }
      }
      for (const { document, output } of claimed) {
        const score = (await slot.score?.(document, 0, output)) ?? null
        if (score !== null) scores.push(score)
      }
    } catch {
      // What is wrong with the model is the vehicles' to say.
    } finally {
      await slot.kill()
    }
    return scores
  }

  async #run(documents: readonly Uint8Array[], session: SessionSpec): Promise<Sample[]> {
    this.#slot ??= this.#executor.openSlot()
    const slot = this.#slot
    const samples: Sample[] = []
    const late = setTimeout(() => void slot.kill(), wallMsMax)
    let spentMs = 0
    const take = async (document: Uint8Array) => {
      const sample = await runOne(slot, document)
      spentMs += sample.cpuMs
      samples.push(sample)
    }
    try {
      await slot.prepare(session)
      for (const document of documents) {
        if (spentMs >= cpuMsMax) break
        await take(document)
        // The first also pays for what V8 compiles: it runs once more, and the second time counts.
        if (samples.length > 1 || spentMs > sampleCpuMsMax / 4) continue
        samples.length = 0
        await take(document)
      }
    } catch {
      // What is wrong with the module is the vehicles' to say, in the words that all of them use.
    } finally {
      clearTimeout(late)
      await slot.kill()
    }
    return samples
  }
}

async function runOne(slot: Slot, document: Uint8Array): Promise<Sample> {
  const { cpuMs, output, text, error } = await slot.run(document, 0, { cpuMsMax: sampleCpuMsMax, wallMsMax })
  const isLimit = error?.code === 'cpu-limit' || error?.code === 'time-limit'
  return {
    bytes: document.byteLength,
    cpuMs: isLimit ? Math.max(cpuMs, sampleCpuMsMax) : cpuMs,
    outputBytes: output.byteLength + Buffer.byteLength(text),
  }
}

/** By lines through what was measured: most of what is computed takes some time to begin, and some for each byte. */
export function measureOf(samples: readonly Sample[]): Measure {
  return {
    costMsOf: lineThrough(samples.map(({ bytes, cpuMs }) => ({ x: bytes, y: cpuMs }))),
    outputBytesOf: lineThrough(samples.map(({ bytes, outputBytes }) => ({ x: bytes, y: outputBytes }))),
  }
}

/** The line of least squares, where it rises; it is never below half of the least that was measured. */
function lineThrough(points: readonly { readonly x: number; readonly y: number }[]): (x: number) => number {
  const mean = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0) / of.length
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))]
  const spread = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const shared = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0)
  const slope = spread === 0 ? 0 : Math.max(0, shared / spread)
  const least = Math.min(...points.map(({ y }) => y)) / 2
  return (x) => Math.max(least, meanY + slope * (x - meanX))
}
