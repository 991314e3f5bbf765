/** Guests of the wasm runtime: neither the session nor the machine decides what they give by stack, memory or the bits of a NaN. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SlotFailed } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { sessionOf, silent, weightFile } from '../support/wasm/executor.ts'
import { nestedModule } from '../support/wasm/modules.ts'

const executor = new ProcessExecutor({ log: silent })
after(() => executor.close())

const bytes = (text: string) => new TextEncoder().encode(text)

test('a document gives the same in a fresh process and behind others: as deep a stack, and the same bits of a NaN', async () => {
  const slot = executor.openSlot()
  await slot.prepare(sessionOf('tiers'))
  const give = async (letter: string) => {
    const { output, error } = await slot.run(bytes(letter), 0)
    return error ?? Buffer.from(output).toString()
  }
  const all = async () => [await give('n'), await give('d'), await give('r')]
  const first = await all()
  assert.deepEqual(first.slice(1), [
    '{"text":"ok","bytes":2}',
    { code: 'stack-limit', message: 'needed too much stack' },
  ])
  await give('w')
  assert.deepEqual(await all(), first)
  await slot.kill()
})

test('however many documents fill their memory one after another, each gets all that its job may have', async () => {
  // Less than a vehicle gives, so that fewer documents meet the bound where nothing is collected: eight or so would fit.
  const tight = new ProcessExecutor({ log: silent, limits: { dataBytesMax: 1400 * 2 ** 20 } })
  const slot = tight.openSlot()
  await slot.prepare({ ...sessionOf('tiers'), options: { memoryPagesMax: 2048 } })
  const records = await Promise.all(Array.from({ length: 160 }, () => slot.run(bytes('g'), 0)))
  assert.deepEqual(new Set(records.map(({ text, error }) => error?.message ?? text)), new Set(['ok']))
  await tight.close()
})

test('a module that is nested deeper than this machine can read is no verdict on the module: the slot fails', async () => {
  const slot = executor.openSlot()
  const nested = (blocks: number) => ({
    ...sessionOf(`nested ${blocks}`),
    weights: async () => new Map([['module', weightFile(nestedModule(blocks))]]),
  })
  await slot.prepare(nested(500))
  assert.equal((await slot.run(bytes(''), 0)).error, null)
  for (const blocks of [15_000, 100_000])
    await assert.rejects(slot.prepare(nested(blocks)), SlotFailed, `${blocks} blocks`)
})
