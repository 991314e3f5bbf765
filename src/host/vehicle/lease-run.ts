/**
 * One lease in one slot, from its first shard to its last.
 *
 * A few shards are under way at once, so that the child never waits for the next document: a shard of a
 * hundred tiny documents and a single scanned page go through the same pipe. Results are durable before they
 * are reported. What fails here (no process starts, a block is gone) is this vehicle's failure and ends the
 * run; what fails in a document is a record.
 */
import type { Cid } from '../../protocol/ids.ts'
import { encodeResult, type Manifest } from '../../protocol/job.ts'
import type { Lease } from '../../protocol/lease.ts'
import { resultBytesMax } from '../../protocol/limits.ts'
import type { Verified } from '../../protocol/record.ts'
import { SessionRefused } from '../executor/contract.ts'
import type { Slot } from '../executor/slot.ts'
import type { Provisions } from '../provisions.ts'
import { refusedShard, runShard, type ShardRun, sessionOf } from '../runtime-session.ts'
import type { BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'

/** Shards handed to the child ahead of the one it runs: enough to hide the disk, few enough to hold in memory. */
const shardsAhead = 4

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
    const underWay: Promise<void>[] = []
    for (let place = 0; place < lease.payload.shards.length; place += 1) {
      if (underWay.length >= shardsAhead) await underWay.shift()
      if (
        this.#done >= this.#stopAfter ||
        (this.#stopAfter !== Number.POSITIVE_INFINITY && underWay.length > 0)
      )
        break
      const shard = this.#shard(place, refusal)
      shard.catch(() => {}) // met when its turn comes
      underWay.push(shard)
    }
    await Promise.all(underWay)
  }

  async #shard(place: number, refusal: SessionRefused | undefined): Promise<void> {
    const { slot, manifest, lease, blocks, provisions, onShard } = this.#options
    const shard = await provisions.shard(lease.payload.shards[place]!)
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

/** A shard whose outputs do not fit in a block gets errors instead, the same on every vehicle. */
function encodeWithinBounds(run: ShardRun): Uint8Array {
  const bytes = encodeResult(run.result)
  if (bytes.byteLength <= resultBytesMax) return bytes
  const error = { code: 'output-limit', message: `the results of one shard exceed ${resultBytesMax} bytes` }
  const records = run.result.records.map(() => ({ output: new Uint8Array(0), text: '', error }))
  return encodeResult({ ...run.result, records })
}
