/**
 * Runs one lease in one slot, from its first shard to its last.
 *
 * A few shards are under way at once, so that the child never waits for the next document: a shard of a hundred tiny
 * documents and a single scanned page go through the same pipe. Results are durable before they are reported, and so
 * is the note that they are done, in the same commit: a vehicle that is killed afterwards never computes them again. A failure here (no process starts, a block is gone) is this vehicle's and ends the run; a
 * failure in a document is a record.
 */

import type { Lease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { PageLog } from '../../protocol/job/receipt-log.ts'
import type { PageRecord } from '../../protocol/job/result.ts'
import { documentBytesOf, type Shard } from '../../protocol/job/shard.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { logCharsMax } from '../../protocol/sizes.ts'
import type { Done } from '../../protocol/worker/contract.ts'
import type { Backlog, ByteBudget } from '../byte-budget.ts'
import { SessionRefused, type Slot } from '../executor/contract.ts'
import { ResultPacker } from '../result-packer.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { Journal } from '../store/journal.ts'
import type { Provisions } from './provisions.ts'
import { outputBacklog, refusalOf, runShard, type ShardRun, sessionOf } from './runtime-session.ts'

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
  /** The keys of its shards. */
  readonly keys: readonly Uint8Array[]
  /** Places that need no run any more. */
  readonly finished: ReadonlySet<number>
  readonly blocks: JobBlocks
  /** For its documents, shared by all leases of this node. */
  readonly memory: ByteBudget
  readonly journal: Journal
  readonly provisions: Provisions
  /** `errors`: of its pages. */
  readonly onShard: (done: Done, pages: number, logs: readonly PageLog[], errors: number) => void
}

export class LeaseRun {
  readonly #options: LeaseRunOptions
  readonly #backlog: Backlog
  #stopAfter = Number.POSITIVE_INFINITY
  #done = 0

  constructor(options: LeaseRunOptions) {
    this.#options = options
    this.#backlog = outputBacklog(options.slot)
  }

  /** The shard under way is the last one. */
  drain(): void {
    this.#stopAfter = this.#done + 1
  }

  /** Resolves when nothing runs any more: all done, drained, or killed. Rejects with this vehicle's failures. */
  async run(): Promise<void> {
    const { slot, manifest, lease, finished, blocks } = this.#options
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
      if (finished.has(place)) continue
      const shard = await this.#options.provisions.shard(cid)
      const more = documentBytesOf(shard)
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
    const { slot, manifest, lease, keys, blocks, memory, journal, onShard } = this.#options
    const key = keys[place]!
    const packer = new ResultPacker({
      manifest: manifest.payload,
      key,
      keep: (part, bytes) => blocks.withRoom(bytes, () => blocks.putMany(part, 'result')),
    })
    const logs: PageLog[] = []
    let [page, errors] = [0, 0]
    const take = (record: PageRecord, log?: string) => {
      // Whoever stands by for a blind job may hear its receipts, and must not read what its documents say.
      if (log && manifest.payload.blind === null) logs.push({ place, page, text: log.slice(-logCharsMax) })
      page += 1
      if (record.error !== null) errors += 1
      return packer.add(record)
    }
    const backlog = this.#backlog
    let ran: ShardRun = { cpuMs: 0, wallMs: 0 }
    if (refusal === undefined)
      ran = await runShard(slot, manifest.payload, shard, { key, blocks, memory, backlog }, take)
    else for (const { units } of shard.pages) await take(refusalOf(refusal, units))
    const { cid: result, bytes } = await packer.finish()
    const { units } = packer.compared
    const done: Done = { place, result, ...(units && { units }), cpuMs: ran.cpuMs, wallMs: ran.wallMs }
    // In one commit: either without the other would have the shard done again after a kill.
    const note = () => journal.leases.noteFinished(manifest.id, lease.id, done)
    await blocks.withRoom(bytes.byteLength, () => blocks.put(result, bytes, 'result', note))
    this.#done += 1
    onShard(done, shard.pages.length, logs, errors)
  }
}
