/** What a steward does with results that are still under way when its node stops. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Collector, type CollectorOptions } from '../../src/host/stewardship/collector.ts'
import { cidNamed, manifestWith, peerNamed } from '../support/core-fakes.ts'

const wanted = [{ result: cidNamed('result'), pages: 1, from: peerNamed('car') }]

/** A collector whose store closes before it can read the result. */
function closing(): { readonly collector: Collector; readonly close: () => void } {
  const store = Promise.withResolvers<undefined>()
  const blocks = { take: async () => [], get: () => store.promise }
  const options = { blocks, manifest: manifestWith({}), log: { debug: () => {} }, network: {} }
  const collector = new Collector(options as unknown as CollectorOptions, () =>
    assert.fail('nothing was read'),
  )
  return { collector, close: () => store.reject(new Error('database is not open')) }
}

test('a node that stops while results are under way ends without a word', async () => {
  const { collector, close } = closing()
  const collected = collector.collect(wanted)
  collector.stop()
  close()
  await collected
})

test('a store that fails while the job runs is no secret', async () => {
  const { collector, close } = closing()
  const collected = collector.collect(wanted)
  close()
  await assert.rejects(collected, /not open/)
})
