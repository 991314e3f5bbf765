/** Requests on their way to the process that counts their tokens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SigningKey } from '../../src/host/store/keys.ts'
import { type InspectionOptions, inspect, nameOf } from '../../src/host/submission/inspection.ts'
import { Refusals } from '../../src/host/submission/refusals.ts'
import { Samples } from '../../src/host/submission/samples.ts'
import { honest, ScriptedExecutor } from '../support/scripted-executor.ts'

/** The tokens of each document in order, and how many documents and bytes were with the counter at once. */
async function counted(documents: readonly Uint8Array[]) {
  const waiting: (() => void)[] = []
  const most = { documents: 0, bytes: 0 }
  const under = { documents: 0, bytes: 0 }
  const counter = {
    async shapeOf({ byteLength }: Uint8Array) {
      under.documents += 1
      under.bytes += byteLength
      most.documents = Math.max(most.documents, under.documents)
      most.bytes = Math.max(most.bytes, under.bytes)
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        // All that will be sent ahead has been by then; the last to come is answered first.
        setImmediate(() => setImmediate(() => setImmediate(() => waiting.pop()?.())))
      })
      under.documents -= 1
      under.bytes -= byteLength
      return { pages: 1, pageCostMs: 1, units: { input: byteLength, output: 0 } }
    },
    close: async () => {},
  }
  const inspection: InspectionOptions = {
    ...{ runtime: 'llm', options: {}, pages: null, passwords: [], strict: false, counter },
    ...{ executor: new ScriptedExecutor(honest), submitter: SigningKey.generate(), name: nameOf },
    ...{ samples: new Samples(), refusals: new Refusals(), onProgress: () => {} },
  }
  async function* sources() {
    for (const [i, document] of documents.entries()) yield { name: `${i}`, read: () => document }
  }
  const found: [string, number][] = []
  const read = { total: documents.length, leftOut: [], documents: sources }
  for await (const { name, units } of inspect(read, inspection)) found.push([name, units!.input])
  return { found, most }
}

test('requests are counted many at a time, in whatever order the answers come, and keep their own', async () => {
  const documents = Array.from({ length: 300 }, (_, i) => new Uint8Array(i + 1))
  const { found, most } = await counted(documents)
  assert.deepEqual(
    found,
    documents.map(({ byteLength }, i) => [`${i}`, byteLength]),
  )
  assert(most.documents > 32 && most.documents <= 65, `${most.documents}`)
})

test('of long requests no more wait to be counted than a megabyte has room for', async () => {
  const { found, most } = await counted(Array.from({ length: 24 }, () => new Uint8Array(2 ** 18)))
  assert.equal(found.length, 24)
  assert(most.bytes > 2 ** 20 && most.bytes <= 2 ** 20 + 2 ** 18, `${most.bytes}`)
})
