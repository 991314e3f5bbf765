/** Answers operators' tools: whether the node lives, whether it is ready, and its figures. No answer names a batch, a key or a peer. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { NodeApi } from '../host/api.ts'
import type { Clock } from '../host/clock.ts'
import type { Batches } from './batches.ts'
import { metricsOf } from './metrics.ts'

export interface ProbeContext {
  readonly api: Pick<NodeApi, 'info' | 'why' | 'peers'>
  readonly batches: Batches
  readonly clock: Clock
  /** The node is about to stop. */
  readonly isStopping: () => boolean
}

/** Figures are read every few seconds. A guess. */
const countedMs = 500

export class Probes {
  readonly #context: ProbeContext
  readonly #registry = new Registry()
  readonly #durations: Histogram
  readonly #requests: Counter
  #counted: { readonly atMs: number; readonly text: Promise<string> } | undefined

  constructor(context: ProbeContext) {
    this.#context = context
    const registers = [this.#registry]
    this.#durations = new Histogram({
      name: 'carpool_http_request_duration_seconds',
      help: 'Time from the head of a request to its answer, by the pattern of its path.',
      labelNames: ['route', 'code'],
      buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600],
      registers,
    })
    this.#requests = new Counter({
      name: 'carpool_requests_total',
      help: 'Requests in batches that are over, by how they came out.',
      labelNames: ['outcome'],
      registers,
    })
  }

  answered(route: string, code: number, durationMs: number): void {
    this.#durations.labels(route, String(code)).observe(durationMs / 1000)
  }

  batchEnded({ completed, failed }: { readonly completed: number; readonly failed: number }): void {
    this.#requests.labels('completed').inc(completed)
    this.#requests.labels('failed').inc(failed)
  }

  /** The conditions of being ready, each with whether it holds. A vehicle that stands still is as ready as any. */
  ready(): readonly { readonly name: string; readonly ok: boolean; readonly note: string }[] {
    const { api, isStopping } = this.#context
    const { connections, fleet, vehicle } = api.info()
    const { reasons } = api.why()
    const isWatched = !reasons.includes('unwatched')
    return [
      { name: 'running', ok: !isStopping(), note: isStopping() ? 'the node is stopping' : '' },
      { name: 'disk', ok: vehicle.hasRoom, note: vehicle.hasRoom ? '' : 'it is full' },
      // Whatever they say, a pause among it: only where nobody can ask them something is wrong.
      { name: 'rules', ok: isWatched, note: reasons.join(', ') },
      {
        name: 'fleet',
        ok: fleet === null || fleet.state === 'admitted',
        note: fleet?.state === 'waiting' ? `the fleet ${fleet.name} has not let this node in` : '',
      },
      // A node that is alone takes batches, too: they wait.
      { name: 'mesh', ok: true, note: `${connections} ${connections === 1 ? 'connection' : 'connections'}` },
    ]
  }

  /** As they were within the last moment: nobody needs a key to ask, and to count takes time. */
  metrics(): Promise<string> {
    const nowMs = this.#context.clock.monotonicMs()
    if (this.#counted === undefined || nowMs - this.#counted.atMs >= countedMs)
      this.#counted = { atMs: nowMs, text: this.#count() }
    return this.#counted.text
  }

  async #count(): Promise<string> {
    const { api, batches, clock } = this.#context
    const node = await metricsOf(api.info(), api.why(), api.peers(), clock.now())
    const own = new Registry()
    const gauge = new Gauge({
      name: 'carpool_batches',
      help: 'Batches, by their status.',
      labelNames: ['status'],
      registers: [own],
    })
    for (const { status, count } of batches.countByStatus()) gauge.labels(status).set(count)
    return [node, await own.metrics(), await this.#registry.metrics()].join('')
  }
}
