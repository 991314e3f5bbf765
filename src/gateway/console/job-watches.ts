/** The status of jobs that somebody looks at: however many pages do, the node makes one, since each looks at every shard. */
import type { JobStatus, NodeApi } from '../../host/api.ts'
import type { Clock } from '../../host/clock.ts'

/** Nobody has looked for so long: it is watched no more. */
const idleMs = 15_000
/** Each is a watch of the node's. A guess. */
const watchesMax = 64

export interface JobLook {
  readonly status: JobStatus
  /** A letter for each shard, as NodeApi's shardMap says. */
  readonly map: string
}

interface Watch {
  readonly over: AbortController
  readonly first: Promise<void>
  look: JobLook | undefined
  askedMs: number
}

export class JobWatches {
  readonly #api: Pick<NodeApi, 'watch' | 'shardMap'>
  readonly #clock: Clock
  readonly #watches = new Map<string, Watch>()

  constructor(api: Pick<NodeApi, 'watch' | 'shardMap'>, clock: Clock) {
    this.#api = api
    this.#clock = clock
  }

  /** As it stood a moment ago; undefined where the node does not have the job. */
  async look(job: string): Promise<JobLook | undefined> {
    const nowMs = this.#clock.monotonicMs()
    this.#dropIdle(nowMs)
    let watch = this.#watches.get(job)
    if (watch === undefined) {
      watch = this.#begin(job, nowMs)
      this.#watches.set(job, watch)
    }
    watch.askedMs = nowMs
    await watch.first
    return watch.look
  }

  #begin(job: string, askedMs: number): Watch {
    const { promise: first, resolve } = Promise.withResolvers<void>()
    const over = new AbortController()
    const watch: Watch = { over, first, look: undefined, askedMs }
    const follow = async () => {
      for await (const status of this.#api.watch(job, over.signal)) {
        watch.look = { status, map: await this.#api.shardMap(job) }
        resolve()
      }
    }
    // A job that is forgotten meanwhile is looked for once more when its watch is idle.
    follow()
      .catch(() => undefined)
      .finally(resolve)
    return watch
  }

  #dropIdle(nowMs: number): void {
    const byAge = [...this.#watches].sort(([, a], [, b]) => b.askedMs - a.askedMs)
    for (const [place, [job, watch]] of byAge.entries())
      if (nowMs - watch.askedMs > idleMs || place >= watchesMax) {
        watch.over.abort()
        this.#watches.delete(job)
      }
  }
}
