/** What the two sides of a paid job say about it: the vehicle's earnings and the submitter's bill. */
import assert from 'node:assert/strict'
import type { BilledShard, BillTotals, JobEarnings } from '../../src/host/ledger/contract.ts'
import type { MeshNode } from './mesh.ts'

export async function earningsOf({ api }: MeshNode): Promise<readonly JobEarnings[]> {
  const { jobs, damagedAt } = await api.earnings([])
  assert.equal(damagedAt, null)
  return jobs
}

export async function billOf(
  { api }: MeshNode,
  job: string,
): Promise<{ shards: BilledShard[]; totals: BillTotals }> {
  const shards: BilledShard[] = []
  const lines = api.bill(job)
  for (;;) {
    const next = await lines.next()
    if (next.done) return { shards, totals: next.value }
    shards.push(next.value)
  }
}
