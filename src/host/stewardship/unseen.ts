/** The view that a standby has of a job before it has the list of shards. */
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { JobView } from '../../protocol/state/job-view.ts'

export function unseen({ shards, assurance, payment }: Manifest): JobView {
  const { count: total, pages } = shards
  return {
    shards: { total, queued: total, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 },
    pages: { total: pages, verified: 0 },
    executions: 0,
    owners: { needed: assurance.replicas, available: 0 },
    contradicted: [],
    payment: payment && {
      currency: payment.currency,
      budgetMicros: payment.budgetMicros,
      promisedMicros: 0,
      owedMicros: 0,
    },
    end: null,
  }
}
