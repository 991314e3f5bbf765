/**
 * A batch over HTTP, as an unmodified client sends it: 50,000 requests in a file of 200 MB (5,000 in a quick run), from the first byte of
 * the upload to the first line of the output and to the end, and the memory of the node that takes it. Two vehicles work for it, processes
 * of their own. The plan is the default one: the first lines are a small job of their own, on which two owners agree line by line; the rest
 * is executed once, and delivered when windows of it have passed their checks.
 *
 * `gateway`: a request is a letter to be filed by a small language model; it is filled up with blanks to the size that makes the file as
 * long as the API allows. `embeddings`: a request is a sentence to be embedded by USE lite, and its answer a vector of 512 numbers in
 * base64. Peaks are those of the kernel (VmHWM), which forgets earlier ones when it is asked to (clear_refs).
 */
import { createWriteStream, mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { Keys } from '../src/gateway/keys.ts'
import { openTables } from '../src/gateway/tables.ts'
import { statOf } from '../src/host/executor/usage.ts'
import { letterLines, lettersModelPath } from '../test/support/letters.ts'
import type { BenchOptions, Figure } from './figure.ts'

const bytesInAll = 200e6
const pollMs = 50

interface Kind {
  readonly endpoint: string
  readonly title: string
  readonly requests: (count: number) => Generator<string>
}

export function gateway(options: BenchOptions): Promise<Figure[]> {
  return measured({ endpoint: '/v1/chat/completions', title: 'requests', requests: letters }, options)
}

export function embeddings(options: BenchOptions): Promise<Figure[]> {
  return measured({ endpoint: '/v1/embeddings', title: 'texts to be embedded', requests: sentences }, options)
}

async function measured(
  { endpoint, title, requests }: Kind,
  { quick, note }: BenchOptions,
): Promise<Figure[]> {
  const count = quick ? 5_000 : 50_000
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const swarm = await Swarm.start({
    vehicles: [{ name: 'car-1' }, { name: 'car-2' }],
    submitterFlags: ['--http', '127.0.0.1:0'],
  })
  try {
    const path = join(folder, 'requests.jsonl')
    await pipeline(Readable.from(requests(count)), createWriteStream(path))
    const { submitter } = swarm
    await submitter.node.addModel(lettersModelPath, 'letters')
    const client = new Client(submitter.http!, keyFor(submitter.dataDir))
    await client.json('/v1/models')
    const before = residentMiB(submitter.pid, 'VmRSS')
    forgetPeak(submitter.pid)
    const startedMs = performance.now()
    const { id: file, bytes } = await client.upload(path)
    const uploadedMs = performance.now() - startedMs
    const uploadMiB = residentMiB(submitter.pid, 'VmHWM') - before
    note(
      `${bytes} bytes in ${(uploadedMs / 1000).toFixed(1)} s, ${uploadMiB.toFixed(0)} MiB above ${before.toFixed(0)}`,
    )
    const uploadCpu = cpuSeconds(submitter.pid)
    const batch = await client.json('/v1/batches', {
      input_file_id: file,
      endpoint,
      completion_window: '24h',
    })
    const id = String(batch.id)
    const begunMs = (await client.until(id, ({ status }) => status !== 'validating')) - startedMs
    note(`its first lines submitted after ${(begunMs / 1000).toFixed(1)} s`)
    const line = await client.firstLine(id)
    const firstMs = performance.now() - startedMs
    note(`after ${(firstMs / 1000).toFixed(1)} s: ${line.slice(0, 120)}`)
    const partsMs = (await client.until(id, ({ carpool }) => isSubmitted(carpool, count))) - startedMs
    const submitCpu = cpuSeconds(submitter.pid) - uploadCpu
    note(`all submitted after ${(partsMs / 1000).toFixed(1)} s, ${submitCpu.toFixed(1)} CPU-s`)
    let shown = 0
    const endMs =
      (await client.until(id, ({ status, request_counts: { completed = 0 } = {} }) => {
        if (completed >= shown + count / 20) {
          shown = completed
          note(`${completed} lines after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
        }
        return status === 'completed'
      })) - startedMs
    const batchMiB = residentMiB(submitter.pid, 'VmHWM') - before
    const { carpool, request_counts: counts } = (await client.json(`/v1/batches/${id}`)) as unknown as Seen
    note(
      `${JSON.stringify(counts)} after ${(endMs / 1000).toFixed(1)} s, ${carpool.executions} executions of shards`,
    )
    const of = 'the upload alone'
    return [
      {
        name: `memory of the node above its start while ${Math.round(bytes / 1e6)} MB are uploaded`,
        unit: 'MiB',
        ours: uploadMiB,
        baseline: before,
        of: 'before it',
        goal: { value: 'ours', most: 100 },
      },
      {
        name: `${count} ${title} in one file, from the first byte of the upload to the first line of output`,
        unit: 's',
        ours: firstMs / 1000,
        baseline: uploadedMs / 1000,
        of,
        goal: null,
      },
      {
        name: `… to the end`,
        unit: 's',
        ours: endMs / 1000,
        baseline: firstMs / 1000,
        of: 'the first line',
        goal: null,
      },
      {
        name: `… processor time of the node from the upload until all is submitted`,
        unit: 's',
        ours: submitCpu,
        baseline: uploadedMs / 1000,
        of: 'time of the upload',
        goal: null,
      },
      {
        name: '… memory of the node above its start until the end',
        unit: 'MiB',
        ours: batchMiB,
        baseline: uploadMiB,
        of,
        goal: null,
      },
    ]
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function* letters(count: number): Generator<string> {
  const letters = letterLines()
  const size = Math.floor(bytesInAll / count)
  for (let at = 0; at < count; at += 1) {
    const { body } = letters[at % letters.length]!
    const [first] = body.messages
    const messages = [{ ...first, content: `${first!.content} (${at})` }]
    const request = {
      custom_id: `letter-${at}`,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { ...body, model: 'letters', messages },
    }
    yield `${JSON.stringify(request).padEnd(size - 1)}\n`
  }
}

function* sentences(count: number): Generator<string> {
  const path = join(import.meta.dirname, '../samples/sentences.jsonl')
  const texts = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).text)
  for (let at = 0; at < count; at += 1) {
    const input = `${texts[at % texts.length]} (${at})`
    const body = { model: 'use-lite', input, encoding_format: 'base64' }
    yield `${JSON.stringify({ custom_id: `text-${at}`, method: 'POST', url: '/v1/embeddings', body })}\n`
  }
}

/** A batch as a client reads it. */
interface Seen {
  readonly status: string
  readonly errors: unknown
  readonly request_counts: { readonly completed?: number }
  readonly carpool: { readonly jobs: readonly string[]; readonly executions: number }
}

/** The first 32 lines are a job of their own, the next 320 are one where there are many, and so is the rest. */
function isSubmitted({ jobs }: Seen['carpool'], count: number): boolean {
  return jobs.length === (count >= 16 * 320 ? 3 : 2)
}

class Client {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(url: string, key: string) {
    this.#url = url
    this.#headers = { authorization: `Bearer ${key}` }
  }

  /** POSTs where there is a body. Throws Error with the server's words. */
  async json(path: string, body?: object): Promise<Record<string, unknown>> {
    const post = { method: 'POST', body: JSON.stringify(body) }
    const type = { 'content-type': 'application/json' }
    const response = await fetch(this.#url + path, {
      headers: { ...this.#headers, ...type },
      ...(body === undefined ? {} : post),
    })
    return answerOf(response)
  }

  async upload(path: string): Promise<{ readonly id: string; readonly bytes: number }> {
    const form = new FormData()
    form.append('file', await openAsBlob(path), 'requests.jsonl')
    form.append('purpose', 'batch')
    const response = await fetch(`${this.#url}/v1/files`, {
      method: 'POST',
      headers: this.#headers,
      body: form,
    })
    return (await answerOf(response)) as { id: string; bytes: number }
  }

  /** Resolves with the time at which this holds of the batch. Throws Error where it has failed. */
  async until(batch: string, holds: (batch: Seen) => boolean): Promise<number> {
    for (;;) {
      const seen = (await this.json(`/v1/batches/${batch}`)) as unknown as Seen
      if (holds(seen)) break
      if (seen.status === 'failed') throw new Error(`the batch failed: ${JSON.stringify(seen.errors)}`)
      await delay(pollMs)
    }
    return performance.now()
  }

  /** The first line of the batch's output, as soon as it is there. Throws Error when the batch has failed. */
  async firstLine(batch: string): Promise<string> {
    for (;;) {
      const { status, output_file_id: file, errors } = await this.json(`/v1/batches/${batch}`)
      if (status === 'failed') throw new Error(`the batch failed: ${JSON.stringify(errors)}`)
      if (file !== null) {
        const response = await fetch(`${this.#url}/v1/files/${file}/content`, { headers: this.#headers })
        const [line = ''] = (await response.text()).split('\n')
        if (line !== '') return line
      }
      await delay(pollMs)
    }
  }
}

async function answerOf(response: Response): Promise<Record<string, unknown>> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return (await response.json()) as Record<string, unknown>
}

function keyFor(dataDir: string): string {
  const tables = openTables(dataDir)
  try {
    const settings = { budgetDay: null, priceCap: null, batchesMax: 16, webhook: null }
    return new Keys(tables).create('bench', settings, Date.now())!
  } finally {
    tables.close()
  }
}

function residentMiB(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) / 1024
}

/** The processor time of all its threads, in seconds. */
function cpuSeconds(pid: number): number {
  return statOf(pid)!.cpuMs / 1000
}

function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}
