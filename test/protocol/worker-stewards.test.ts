/** Stewards that say that they look after a job: how many of them a vehicle believes, and which. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { stewardsMax } from '../../src/protocol/limits.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { adoptersMax } from '../../src/protocol/sizes.ts'
import { KnownJobs } from '../../src/protocol/worker/known-jobs.ts'
import { bodyOf, cidNamed, manifestWith, peerNamed, placeOf } from '../support/core-fakes.ts'

test('however many takers say that they look after a job, a vehicle keeps a few, and all of the manifest', () => {
  const names = Array.from({ length: stewardsMax }, (_, i) => `s${i}`)
  const payload = manifestWith({ stewards: names.map(placeOf) })
  const manifest: Verified<Manifest> = {
    ...bodyOf('manifest', peerNamed('submitter'), payload),
    id: cidNamed('J1'),
  }
  const jobs = new KnownJobs()
  jobs.remember(manifest, [])
  const gaveWay = []
  for (let i = 0; i < 100; i += 1) {
    for (const steward of [`taker ${i}`, names[i % names.length]!]) {
      const peer = jobs.adopt(manifest, peerNamed(steward))
      if (peer !== undefined) gaveWay.push(peer)
    }
  }
  const adopters = jobs.adoptersOf(manifest.id)
  assert.equal(adopters.length, adoptersMax)
  for (const name of names) assert(adopters.includes(peerNamed(name)), name)
  assert.deepEqual(
    gaveWay,
    Array.from({ length: 100 - (adoptersMax - stewardsMax) }, (_, i) => peerNamed(`taker ${i}`)),
  )
  assert.deepEqual(jobs.guardiansOf(manifest.id, names.map(peerNamed)[0]!).length, adoptersMax)
})
