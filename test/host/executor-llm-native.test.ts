/** The native engine of language models where vehicles run it: in the sandbox, mapped, frozen and resumed. */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { SessionSpec } from '../../src/host/executor/contract.ts'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { usageOf } from '../../src/host/executor/usage.ts'
import { llmRequests } from '../../src/runtimes/llm/description.ts'
import { splitGguf } from '../support/gguf-parts.ts'
import { letterLines, lettersModel, lettersModelPath } from '../support/letters.ts'
import { temporaryDirectory } from '../support/store.ts'
import { standsStill } from '../support/threads.ts'
import { toolsWithout } from '../support/tools.ts'
import { childPids, silent, until } from '../support/wasm/executor.ts'

const executor = new ProcessExecutor({ log: silent })
after(() => executor.close())
const offered = (await executor.describeEngines()).filter(({ runtime }) => runtime === 'llm')
const skip = offered.some(({ engine }) => engine === 'native') ? false : 'there is no native engine here'

const session: SessionSpec = {
  key: 'letters',
  runtime: 'llm',
  engine: 'native',
  options: {},
  weights: async () => {
    const bytes = statSync(lettersModelPath).size
    return new Map([['model', { bytes, path: lettersModelPath, read: () => assert.fail('it is mapped') }]])
  },
}

function documentOf(body: object): Uint8Array {
  const line = llmRequests.ofLine({ custom_id: 'a', body })
  assert(line !== undefined && !('fault' in line))
  return line.document
}

test('a slot that is frozen in the middle of an answer computes nothing, starts no other process, and ends in the same bytes', {
  skip,
}, async () => {
  const slot = executor.openSlot()
  await slot.prepare(session)
  const [pid] = childPids()
  assert.deepEqual(childPids(pid), [], 'whoever stops the slot stops all of it')
  const long = documentOf({
    messages: [{ role: 'user', content: 'And' }],
    max_tokens: 480,
    temperature: 2,
    seed: 4,
  })
  const undisturbed = await slot.run(long, 0)
  assert.equal(undisturbed.error, null)
  const disturbed = slot.run(long, 0)
  const began = usageOf(pid!)!.cpuMs
  for (let stops = 1; stops <= 3; stops += 1) {
    await until(() => usageOf(pid!)!.cpuMs > began + (undisturbed.cpuMs * stops) / 5)
    slot.freeze()
    await until(() => standsStill(pid!))
    const { cpuMs } = usageOf(pid!)!
    await executor.inspect('ocr', readFileSync(lettersModelPath))
    assert.equal(usageOf(pid!)!.cpuMs, cpuMs)
    slot.resume()
  }
  assert.deepEqual((await disturbed).output, undisturbed.output)
  await slot.kill()
})

test('two slots answer alike, each in a process of its own', { skip }, async () => {
  const slots = [executor.openSlot(), executor.openSlot()]
  const document = documentOf(letterLines()[0]!.body)
  const outputs = await Promise.all(
    slots.map(async (slot) => {
      await slot.prepare(session)
      return (await slot.run(document, 0)).output
    }),
  )
  assert.deepEqual(outputs[0], outputs[1])
  await Promise.all(slots.map((slot) => slot.kill()))
})

test('a model in parts is mapped from files of their names, and answers as the whole one does, in either engine', {
  skip,
}, async (t) => {
  const folder = temporaryDirectory(t)
  const parts = splitGguf(lettersModel(), 3).map((bytes, i) => {
    const name = `model-0000${i + 1}-of-00003.gguf`
    // As a vehicle keeps them.
    const path = join(folder, `part ${i}`)
    writeFileSync(path, bytes)
    return [name, { bytes: bytes.byteLength, path, read: () => assert.fail('it is mapped') }] as const
  })
  const document = documentOf(letterLines()[0]!.body)
  for (const engine of ['native', 'exact']) {
    const slots = [executor.openSlot(), executor.openSlot()]
    const [inParts, inOne] = await Promise.all(
      [async () => new Map(parts), session.weights].map(async (weights, i) => {
        await slots[i]!.prepare({ ...session, key: `${engine} ${i}`, engine, weights })
        return slots[i]!.run(document, 0)
      }),
    )
    assert.equal(inOne!.error, null)
    assert.deepEqual(inParts!.output, inOne!.output)
    await Promise.all(slots.map((slot) => slot.kill()))
  }
  const counter = executor.openCounter({ ...session, engine: 'exact', weights: async () => new Map(parts) })
  const whole = executor.openCounter({ ...session, engine: 'exact' })
  assert.deepEqual((await counter.shapeOf(document)).units, (await whole.shapeOf(document)).units)
  await Promise.all([counter.close(), whole.close()])
  const slot = executor.openSlot()
  await assert.rejects(
    slot.prepare({ ...session, key: 'lacks one', weights: async () => new Map(parts.slice(0, 2)) }),
    /one weight, called model, or all parts of one/,
  )
  await slot.kill()
})

for (const tool of ['perl', 'pivot_root'])
  test(`where ${tool} is missing no stranger’s model meets machine code, and the owner is told why`, {
    skip,
  }, async (t) => {
    const bare = new ProcessExecutor({ log: silent, toolFolders: toolsWithout(t, tool) })
    t.after(() => bare.close())
    const engines = (await bare.describeEngines()).filter(({ runtime }) => runtime === 'llm')
    assert.deepEqual(
      engines.map(({ engine }) => engine),
      ['exact'],
    )
    const withheld = (await bare.withheldEngines()).filter(({ runtime }) => runtime === 'llm')
    assert.match(withheld[0]?.why ?? '', /machine code .* missing or refused/)
    await assert.rejects(bare.openSlot().prepare(session), /machine code/)
  })
