/** The status of a job on a node that was away when the job ended. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { describeJobs } from '../../src/cli/commands/jobs.ts'
import { RequestError } from '../../src/host/errors.ts'
import type { CouncilDriver } from '../../src/host/stewardship/council-driver.ts'
import { statusOf, summaryOf } from '../../src/host/stewardship/status.ts'
import { cidNamed, manifestWith } from '../support/core-fakes.ts'

/** The status of a job of four shards that is complete elsewhere, of which this many verdicts are here. */
function statusWith(verified: number) {
  return statusOf(stewardshipWith(verified, {}), 0, () => '')
}

function stewardshipWith(verified: number, changes: object): CouncilDriver {
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
    areListed: true,
    stewards: [],
    holders: 0,
    acting: false,
    doubts: [],
    inputsDamaged: false,
    arriving: new Map(),
  }
  return Object.defineProperties(stewardship, Object.getOwnPropertyDescriptors(changes)) as never
}

/** A job that runs, for which two owners must agree and one is known. */
const running = {
  view: () => ({
    shards: { total: 4, queued: 4, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 },
    ...{ pages: { total: 4, verified: 0 }, end: null, executions: 0, contradicted: [], payment: null },
    owners: { needed: 2, available: 1 },
  }),
}

test('a job whose end came before its verdicts is followed until they are here', () => {
  assert.deepEqual(statusWith(3).state, 'running')
  assert.match(statusWith(3).reason, /still fetches/)
  assert.deepEqual([statusWith(4).state, statusWith(4).reason], ['complete', 'every shard is verified'])
})

test('the status of a standby that has no list of shards yet says what is known without it', () => {
  const unlisted = {
    view: running.view,
    areListed: false,
    get shards(): never {
      throw new RequestError('this node does not have its inputs yet')
    },
  }
  const { state, units, reason } = statusOf(stewardshipWith(0, unlisted), 0, () => '')
  assert.deepEqual([state, units, reason], ['running', null, ''])
})

test('a job says that it waits for owners where the steward that acts knows too few, in the list of jobs as well', () => {
  const acting = stewardshipWith(0, { ...running, acting: true })
  const sentence = '2 owners needed, 1 known beside those of the submitter and the standbys'
  assert.equal(statusOf(acting, 0, () => '').reason, sentence)
  assert.match(describeJobs([summaryOf(acting, 0)], 0)[1]!, new RegExp(sentence))
  assert.equal(summaryOf(stewardshipWith(0, running), 0).reason, '')
})
