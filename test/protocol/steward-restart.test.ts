/** What a steward that is restored from its records never says a second time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Issuer } from '../../src/protocol/issuer.ts'
import type { JobRecord, PayloadOf } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import { cidNamed, manifestWith, peerNamed, placeOf, seed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

function stewardOf(
  shardCount: number,
  records: readonly JobRecord[] = [],
  manifest = manifestWith(),
): Steward {
  const shards = Array.from({ length: shardCount }, (_, i) => ({
    shard: cidNamed(`shard ${i}`),
    pages: 1,
    bytes: 1024,
    costMs: 60_000,
  }))
  const [job, self] = [cidNamed('job'), peerNamed('steward')]
  const state = new JobState(job, manifest, sha256, { self, drawSecret: seed }).restore(records)
  return new Steward({ job, manifest, shards, self, drawSecret: seed, sha256, state })
}

function signedWith(steward: Steward, roster: readonly string[], nowMs: number): JobRecord[] {
  const effects = steward.handle({ type: 'roster', capacities: roster.map(capacityOf) }, nowMs)
  return effects.flatMap((effect) => (effect.type === 'issue' ? [effect.issued] : []))
}

function drawsOf(records: readonly JobRecord[]): number[] {
  return records.flatMap(({ kind, record }) => (kind === 'lease' ? [record.payload.draw.index] : []))
}

test('a restored steward uses no serial and no draw twice', () => {
  const before = signedWith(stewardOf(8), ['v1:o1', 'v2:o2'], 0)
  const restored = stewardOf(8, before)
  restored.restore(1_000)
  const after = signedWith(restored, ['v1:o1', 'v2:o2', 'v3:o3', 'v4:o4'], 2_000)
  const [first, second] = [before, after].map((records) => records.map(({ record }) => record.serial))
  assert(drawsOf(before).length > 0 && drawsOf(after).length > 0)
  assert(Math.min(...second!) > Math.max(...first!))
  assert(Math.min(...drawsOf(after)) > Math.max(...drawsOf(before)))
})

test('a steward that takes over holds no shard for leases of a fellow that do not count', () => {
  const manifest = manifestWith({ stewards: ['steward', 'fellow'].map(placeOf) })
  const [job, fellow] = [cidNamed('job'), new Issuer(peerNamed('fellow'), sha256)]
  const signed = <Kind extends 'draw' | 'lease'>(kind: Kind, payload: PayloadOf<Kind>) =>
    fellow.issue(kind, { payload, job, epoch: 0, steward: null, expiresMs: 1 }).issued
  const { peer, owner } = capacityOf('v1:o1')
  const draw = signed('draw', { candidates: [{ peer, owner }] })
  const leaseOf = (positions: readonly number[]): JobRecord =>
    signed('lease', {
      ...{ vehicle: peer, owner, positions, isa: null, costMs: 1, price: null },
      shards: positions.map((position) => cidNamed(`shard ${position}`)),
      units: positions.map(() => 1),
      draw: { basis: draw.record.id, eligible: Uint8Array.of(1), index: 0 },
    })
  const leasedBy = (...records: readonly JobRecord[]) => {
    const steward = stewardOf(1, [draw, ...records], manifest)
    steward.restore(0)
    return steward.view().shards
  }
  assert.deepEqual([leasedBy().queued, leasedBy(leaseOf([0])).leased], [1, 1])
  assert.equal(leasedBy(leaseOf([0, 0])).queued, 1, 'a shard that is named twice')
  assert.equal(leasedBy(leaseOf([0, 7])).queued, 1, 'a shard that the job does not have')
})
