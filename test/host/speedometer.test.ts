/** A vehicle's own measure of its speed, which its advert tells. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../src/host/clock.ts'
import { Speedometer } from '../../src/host/vehicle/speedometer.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import { manifestWith } from '../support/core-fakes.ts'
import { temporaryStore } from '../support/store.ts'

test('a vehicle’s speed is in units of its runtime, and is known again after a restart', (t) => {
  const { journal } = temporaryStore(t)
  const speed = new Speedometer(journal, systemClock)
  const manifest: Manifest = { ...manifestWith({}), runtime: 'llm' }
  const { id } = manifest.engine
  // Of a version that counted requests.
  journal.putSetting(`speed/llm/${id}`, '5')
  assert.equal(speed.unitsPerHour('llm', id), 0)
  speed.measure(manifest, 7_200, 3_600_000)
  assert.equal(speed.unitsPerHour('llm', id), 7_200)
  speed.measure(manifest, 0, 3_600_000)
  assert.equal(speed.unitsPerHour('llm', id), 6_480)
  assert.equal(new Speedometer(journal, systemClock).unitsPerHour('llm', id), 7_200)
})
