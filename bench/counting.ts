/**
 * Counting the tokens of requests before they are sent: documents read, sealed, named and counted in a process of their own, as a
 * submission does, beside the bare counter in this process. Rounds alternate; the median counts.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ProcessExecutor } from '../src/host/executor/executor.ts'
import { SigningKey } from '../src/host/store/keys.ts'
import { counterFor } from '../src/host/submission/counting.ts'
import { inspect, nameOf } from '../src/host/submission/inspection.ts'
import { Refusals } from '../src/host/submission/refusals.ts'
import { Samples } from '../src/host/submission/samples.ts'
import { submitDefaults } from '../src/host/submit-defaults.ts'
import { llmRequests } from '../src/runtimes/llm/description.ts'
import { llm } from '../src/runtimes/llm/llm.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

const model = fileURLToPath(new URL('../samples/letters/letters.q8_0.gguf', import.meta.url))

export async function counting({ quick, note }: BenchOptions): Promise<Figure[]> {
  const requests = Array.from({ length: quick ? 500 : 2_000 }, (_, i) =>
    llmRequests.ofText(`Dear sir or madam, my invoice of the ${i}th is wrong. Please send another one.`),
  )
  const bare = await llm.counter!(new Map([['model', new Uint8Array(readFileSync(model))]]), {})
  const executor = new ProcessExecutor({ log: { debug: () => {}, info: () => {}, warn: () => {} } })
  const request = { ...submitDefaults, paths: [], runtime: 'llm', model }
  const counter = (await counterFor(request, executor))!
  const bareOnce = async () => {
    for (const document of requests) await bare.shapeOf(document)
  }
  const oursOnce = async () => {
    const inspection = {
      ...{ runtime: 'llm', options: {}, pages: null, passwords: [], strict: false, executor, counter },
      ...{ submitter: SigningKey.generate(), samples: new Samples(), name: nameOf, refusals: new Refusals() },
      onProgress: () => {},
    }
    const documents = async function* () {
      for (const [i, document] of requests.entries()) yield { name: `${i}`, read: () => document }
    }
    let tokens = 0
    for await (const { units } of inspect({ total: requests.length, leftOut: [], documents }, inspection))
      tokens += units!.input
    if (tokens === 0) throw new Error('nothing was counted')
  }
  try {
    const rates: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] }
    await oursOnce() // starts the process
    for (let round = 0; round < 3; round += 1) {
      rates.bare.push(await rateOf(bareOnce, requests.length))
      rates.ours.push(await rateOf(oursOnce, requests.length))
      note(`${rates.ours.at(-1)!.toFixed(0)} requests/s, bare ${rates.bare.at(-1)!.toFixed(0)}`)
    }
    return [
      {
        name: 'requests whose tokens are counted at submission',
        unit: 'requests/s',
        ours: median(rates.ours),
        baseline: median(rates.bare),
        of: 'the bare counter in one process',
        goal: null,
      },
    ]
  } finally {
    await counter.close()
    await executor.close()
  }
}

async function rateOf(work: () => Promise<void>, count: number): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (count / (performance.now() - startedMs)) * 1000
}
