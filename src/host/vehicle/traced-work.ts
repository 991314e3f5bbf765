/** Traces a vehicle's work: a span for each lease from its acceptance to its end, and under it one for each shard. */
import type { Span } from '@opentelemetry/api'
import type { LeaseId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { Clock } from '../clock.ts'
import type { WorkNews } from '../history/contract.ts'
import { beginSpan, pastSpan } from '../tracing.ts'

/** Passes all news on to `news`. */
export function traceWork(news: WorkNews, clock: Clock): WorkNews {
  const leases = new Map<LeaseId, Span>()
  const begin = (manifest: Verified<Manifest>, lease: LeaseId, shards: number) => {
    const span = beginSpan('carpool.lease', { ...attributesOf(manifest, lease), 'carpool.shards': shards })
    if (span !== undefined) leases.set(lease, span)
  }
  return {
    leaseTaken(manifest, lease) {
      begin(manifest, lease.id, lease.payload.shards.length)
      news.leaseTaken(manifest, lease)
    },
    leaseKept(manifest, lease, done) {
      begin(manifest, lease.id, lease.payload.shards.length - done)
      news.leaseKept(manifest, lease, done)
    },
    shardDone(manifest, lease, done) {
      const attributes = {
        ...attributesOf(manifest, lease),
        'carpool.pages': done.pages,
        'carpool.cpu_ms': done.cpuMs,
      }
      pastSpan('carpool.execute', attributes, done.wallMs, clock.now(), leases.get(lease))
      news.shardDone(manifest, lease, done)
    },
    leaseOver(job, lease, reason) {
      const span = leases.get(lease)
      leases.delete(lease)
      if (reason !== null) span?.setAttribute('carpool.given_back', reason)
      span?.end()
      news.leaseOver(job, lease, reason)
    },
    verified: (...of) => news.verified(...of),
    paid: (...of) => news.paid(...of),
  }
}

function attributesOf({ id, payload }: Verified<Manifest>, lease: LeaseId) {
  const { runtime, engine } = payload
  return {
    'carpool.job': id,
    'carpool.lease': lease,
    'carpool.runtime': runtime,
    'carpool.engine': engine.name,
  }
}
