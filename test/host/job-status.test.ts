/** The status of a job on a node that was away when the job ended. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { CouncilDriver } from '../../src/host/stewardship/council-driver.ts'
import { statusOf } from '../../src/host/stewardship/status.ts'
import { cidNamed, manifestWith } from '../support/core-fakes.ts'

/** The status of a job of four shards that is complete elsewhere, of which this many verdicts are here. */
function statusWith(verified: number) {
  const shards = { total: 4, queued: 4 - verified, leased: 0, returned: 0, verified, disputed: 0, failed: 0 }
  const end = { outcome: 'complete', reason: 'every shard is verified', secret: new Uint8Array(32) }
  const rest = { executions: 8, owners: { needed: 2, available: 0 }, contradicted: [], payment: null }
  const stewardship = {
    job: cidNamed('job'),
    manifest: manifestWith({}),
    view: () => ({ shards, pages: { total: 4, verified }, end, ...rest }),
    pagesPerSecond: () => 0,
    claims: () => [],
    shards: [],
    stewards: [],
    holders: 0,
    acting: false,
    doubts: [],
    inputsDamaged: false,
  }
  return statusOf(stewardship as unknown as CouncilDriver, 0, () => '')
}

test('a job whose end came before its verdicts is followed until they are here', () => {
  assert.deepEqual(statusWith(3).state, 'running')
  assert.match(statusWith(3).reason, /still fetches/)
  assert.deepEqual([statusWith(4).state, statusWith(4).reason], ['complete', 'every shard is verified'])
})
