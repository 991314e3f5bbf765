/**
 * One lease in one slot, from its first shard to its last.
 *
 * A few shards are under way at once, so that the child never waits for the next document: a shard of a
 * hundred tiny documents and a single scanned page go through the same pipe. Results are durable before they
 * are reported. What fails here (no process starts, a block is gone) is this vehicle's failure and ends the
 * run; what fails in a document is a record.
 */
import type { Cid } from '../../protocol/ids.ts'
import { encodeResult, type Manifest, type Shard } from '../../protocol/job.ts'
import type { Lease } from '../../protocol/lease.ts'
import { resultBytesMax } from '../../protocol/limits.ts'
import type { Verified } from '../../protocol/record.ts'
import { SessionRefused } from '../executor/contract.ts'
import type { Slot } from '../executor/slot.ts'
import type { Provisions } from '../provisions.ts'
import { refusedShard, runShard, type ShardRun, sessionOf } from '../runtime-session.ts'
import type { BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'

/**
 * Handed to the child ahead of the shard that it runs: two in any case, which hides the disk, and as many more as
 * these bytes of documents hold. A lease of tiny shards goes to the child whole, so that its results come back in
 * a few chunks and share their commits: with 4 at a time, a no-op took 12 ms a shard and most of it was fsync.
 */
const shardsAheadMin = 2
const bytesAheadMax = 2 ** 20

export interface LeaseRunOptions {
  readonly slot: Slot
  readonly manifest: Verified<Manifest>
  readonly lease: Verified<Lease>
  readonly blocks: BlockStore
  readonly provisions: Provisions
  readonly onShard: (done: { place: number; result: Cid; cpuMs: number; wallMs: number }) => void
}

export class LeaseRun {
  readonly #options: LeaseRunOptions
  #stopAfter = Number.POSITIVE_INFINITY
  #done = 0

  constructor(options: LeaseRunOptions) {
    this.#options = options
  }

  /** The shard under way is the last one. */
  drain(): void {
    this.#stopAfter = this.#done + 1
  }

  /** Resolves when nothing runs any more: all done, drained, or killed. Rejects with this vehicle's failures. */
  async run(): Promise<void> {
    const { slot, manifest, lease, blocks } = this.#options
    let refusal: SessionRefused | undefined
    try {
      await slot.prepare(sessionOf(manifest.id, manifest.payload, manifest.payload.engine.name, blocks))
    } catch (error) {
      if (!(error instanceof SessionRefused)) throw error
      refusal = error
    }
    const underWay: { readonly done: Promise<void>; readonly bytes: number }[] = []
    let bytes = 0
    for (const [place, cid] of lease.payload.shards.entries()) {
      const shard = await this.#options.provisions.shard(cid)
      const more = documentBytes(shard)
      while (underWay.length >= shardsAheadMin && bytes + more > bytesAheadMax) {
        const first = underWay.shift()!
        await first.done
        bytes -= first.bytes
      }
      if (
        this.#done >= this.#stopAfter ||
        (this.#stopAfter !== Number.POSITIVE_INFINITY && underWay.length > 0)
      )
        break
      const done = this.#shard(place, shard, refusal)
      done.catch(() => {}) // met when its turn comes
      underWay.push({ done, bytes: more })
      bytes += more
    }
    await Promise.all(underWay.map(({ done }) => done))
  }

  async #shard(place: number, shard: Shard, refusal: SessionRefused | undefined): Promise<void> {
    const { slot, manifest, blocks, onShard } = this.#options
    const ran: ShardRun =
      refusal === undefined
        ? await runShard(slot, manifest.payload, shard, blocks)
        : refusedShard(manifest.payload, shard, refusal)
    const bytes = encodeWithinBounds(ran)
    const result = cidOf('dag-cbor', bytes)
    await blocks.put(result, bytes, { kind: 'result', job: manifest.id })
    this.#done += 1
    onShard({ place, result, cpuMs: ran.cpuMs, wallMs: ran.wallMs })
  }
}

/** Of its documents, each counted once, as they lie in memory. */
function documentBytes({ pages }: Shard): number {
  return [...new Map(pages.map(({ document, bytes }) => [document, bytes])).values()].reduce(
    (a, b) => a + b,
    0,
  )
}

/** A shard whose outputs do not fit in a block gets errors instead, the same on every vehicle. */
function encodeWithinBounds(run: ShardRun): Uint8Array {
  const bytes = encodeResult(run.result)
  if (bytes.byteLength <= resultBytesMax) return bytes
  const error = { code: 'output-limit', message: `the results of one shard exceed ${resultBytesMax} bytes` }
  const records = run.result.records.map(() => ({ output: new Uint8Array(0), text: '', error }))
  return encodeResult({ ...run.result, records })
}
