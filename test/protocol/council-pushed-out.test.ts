/** A node that took a place, acts, and is a steward no more, since the handover by which it was one had to give way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CouncilEffect } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import { checked, type JobRecord } from '../../src/protocol/records.ts'
import { councilJobOf, seatOf } from '../support/core-council-job.ts'
import { believed, cidNamed, drawSecret, peerNamed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'
import { handoverOf } from '../support/handovers.ts'

test('a taker that was pushed out signs nothing more for the job', () => {
  const settings = { stewards: 'a,b', shards: '400', replicas: '2', deadline: '10h', cost: '60000' }
  const { manifest, shards } = councilJobOf(new Map(Object.entries(settings)))
  const job = cidNamed('job')
  const handover = (taker: string, serial: number) =>
    believed(
      checked(
        'handover',
        handoverOf({ job, signer: 'b', lost: 'b', taker: seatOf(taker), serial }),
      ) as JobRecord,
    )
  const self = peerNamed('d')
  const council = new Council({ job, manifest, submitter: peerNamed('submitter'), self, drawSecret, sha256 })
  let nowMs = 0
  const effects: CouncilEffect[] = []
  const handle = (input: Parameters<Council['handle']>[0]) => effects.push(...council.handle(input, nowMs))
  effects.push(...council.begin({ records: [handover('d', 50)], shards: null, fresh: false }, 0))
  handle({ type: 'inputs-held', shards })
  const vehicles = ['v1:o1', 'v2:o2', 'v3:o3', 'v4:o4'].map((name) => capacityOf(name))
  handle({ type: 'roster', capacities: vehicles })
  for (const { peer } of vehicles) handle({ type: 'connected', peer })
  for (; nowMs < 120_000; nowMs += 1_000) handle({ type: 'wake' })
  assert(council.acting, 'it acts')
  for (let i = 0; i < 14; i += 1)
    handle({ type: 'record', from: peerNamed('b'), record: handover(`t${i}`, i) })
  assert(!council.acting, 'it stands down with the record that pushed it out')
  effects.length = 0
  handle({ type: 'roster', capacities: [...vehicles, capacityOf('v5:o5')] })
  handle({ type: 'connected', peer: peerNamed('v5') })
  nowMs += 1_000
  handle({ type: 'wake' })
  assert(!effects.some(({ type }) => type === 'issue'))
})
