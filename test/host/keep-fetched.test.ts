/** Blocks that arrive while the disk does not take them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { keepFetched } from '../../src/host/keep-fetched.ts'
import { StoreError } from '../../src/host/store/errors.ts'
import type { JobBlocks } from '../../src/host/store/job-blocks.ts'
import { cidNamed } from '../support/core-fakes.ts'

test('a write that fails while blocks still come is the fetch’s failure, and not the end of the node', async () => {
  const full = new StoreError({ code: 'disk-full', what: 'blocks' })
  const blocks = { putMany: () => Promise.reject(full) } as unknown as JobBlocks
  let sent = 0
  async function* fetched() {
    for (; sent < 20; sent += 1) {
      yield { cid: cidNamed(`${sent}`), bytes: new Uint8Array(2 ** 20) }
      await setImmediate() // an unhandled rejection would end this process here
    }
  }
  await assert.rejects(keepFetched(fetched(), blocks, 'input'), full)
  assert.equal(sent, 20)
})
