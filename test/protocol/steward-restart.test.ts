/** What a steward that is restored from its records never says a second time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { JobRecord } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import { cidNamed, manifestWith, peerNamed, seed, sha256 } from '../support/core-fakes.ts'
import { capacityOf } from '../support/core-steward-stage.ts'

function stewardOf(shardCount: number, records: readonly JobRecord[] = []): Steward {
  const shards = Array.from({ length: shardCount }, (_, i) => ({
    shard: cidNamed(`shard ${i}`),
    pages: 1,
    bytes: 1024,
    costMs: 60_000,
  }))
  const [job, self, manifest] = [cidNamed('job'), peerNamed('steward'), manifestWith()]
  const state = new JobState(job, manifest, sha256).restore(records)
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
