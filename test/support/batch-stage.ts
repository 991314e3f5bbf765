/** Batches without a server: their tables and files, and a node that answers by a script. */
import { writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { BatchRun } from '../../src/gateway/batch-run.ts'
import { Batches } from '../../src/gateway/batches.ts'
import { checkBatch } from '../../src/gateway/check-batch.ts'
import { createBatch } from '../../src/gateway/create-batch.ts'
import { Files } from '../../src/gateway/files.ts'
import { type KeySettings, Keys } from '../../src/gateway/keys.ts'
import { LineRows } from '../../src/gateway/line-rows.ts'
import { modelsOf } from '../../src/gateway/models.ts'
import type { RunContext } from '../../src/gateway/run-context.ts'
import type { GatewayNode } from '../../src/gateway/submit.ts'
import { openTables } from '../../src/gateway/tables.ts'
import type { ResultLine, SubmitRequest } from '../../src/host/api.ts'
import { type Clock, systemClock } from '../../src/host/clock.ts'
import type { GivenDocuments } from '../../src/host/submission/given.ts'
import { temporaryDirectory } from './store.ts'

export function chat(custom_id: string, content: string, model = 'letters'): object {
  const body = { model, messages: [{ role: 'user', content }] }
  return { custom_id, method: 'POST', url: '/v1/chat/completions', body }
}

export const settings: KeySettings = {
  roles: ['submitter'],
  budgetDay: null,
  priceCap: null,
  batchesMax: 16,
  webhook: null,
}

const lettersRow = { name: 'letters', path: '/letters.gguf', bytes: 1, addedAtMs: 0 }

/** The tables and files of a gateway without a server, and one tenant's key. */
export function batchStage(t: TestContext, clock: Pick<Clock, 'now'> = systemClock) {
  const dataDir = temporaryDirectory(t)
  const tables = openTables(dataDir)
  t.after(() => tables.close())
  const [keys, files, batches, lines] = [
    new Keys(tables),
    new Files(tables, dataDir, clock),
    new Batches(tables),
    new LineRows(tables),
  ]
  const key = keys.check(keys.create('team', settings, 0)!)!
  const add = (purpose: string, bytes: Uint8Array) => {
    const path = files.spoolPath()
    writeFileSync(path, bytes)
    const row = { tenant: 'team', filename: 'x', purpose, createdAtMs: 0, expiresAtMs: null }
    return files.add(row, { path, bytes: bytes.byteLength }).id
  }
  const create = (input: string, nowMs = 0, endpoint = '/v1/chat/completions') =>
    createBatch(
      { input_file_id: input, endpoint, completion_window: '1h' },
      { batches, files, key, nowMs, isRetry: false },
    ).batch
  const models = modelsOf({
    models: () => [lettersRow],
  } as never)
  const check = (batch: ReturnType<typeof create>) => {
    const context = { lines, files, clock: systemClock, batches } as never
    return checkBatch(batch, models, context, new AbortController().signal)
  }
  const end = (batch: ReturnType<typeof create>, atMs: number) =>
    batches.update({
      ...batch,
      status: 'cancelled',
      facts: { ...batch.facts, moments: { cancelled: atMs } },
    })
  return { dataDir, tables, keys, key, files, batches, lines, models, add, create, check, end }
}

/** A node whose jobs end at once, each with an answer to every document. */
export class ScriptedNode {
  readonly requests: SubmitRequest[] = []
  readonly cancelled: string[] = []
  readonly followed: string[] = []
  readonly #documents = new Map<string, string[]>()
  /** Called when all documents of a job are read, before it is answered. */
  onSubmit: (job: string) => unknown = () => {}
  onFollow: (job: string) => unknown = () => {}
  /** The pages of a document; 0: nobody can read it. */
  pagesOf: (document: string) => number = () => 1

  get node(): GatewayNode {
    return {
      submitGiven: async (request: SubmitRequest, { documents, salt }: GivenDocuments) => {
        this.requests.push(request)
        const names: string[] = []
        for await (const { name, told } of documents()) {
          const pages = this.pagesOf(name)
          told?.(pages, pages === 0 ? { what: 'it is torn', wayOut: '' } : null, [])
          if (pages > 0) names.push(name)
        }
        const job = `job-${salt.split('/')[1]}`
        this.#documents.set(job, names)
        await this.onSubmit(job)
        return { job }
      },
      followResults: async function* (this: ScriptedNode, job: string) {
        this.followed.push(job)
        this.onFollow(job)
        yield* this.#results(job)
      }.bind(this),
      api: {
        peers: () => [],
        models: () => [lettersRow],
        status: async () => ({
          state: 'complete',
          replicas: 2,
          errorBound: null,
          executions: 2,
          payment: null,
        }),
        results: async function* (this: ScriptedNode, job: string) {
          yield* this.#results(job)
        }.bind(this),
        cancel: async (job: string) => this.cancelled.push(job),
        report: async (_: string, path: string) => {
          writeFileSync(path, 'proof')
          return { bytes: 5 }
        },
      },
    } as never
  }

  *#results(job: string): Generator<ResultLine> {
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    const result = { text: 'HELLO', finish_reason: 'stop', usage }
    for (const document of this.#documents.get(job) ?? []) yield { document, page: 1, result, error: null }
  }
}

/** A run of a batch as the tables have it. */
export function runOf(
  { batches, files, lines }: Pick<ReturnType<typeof batchStage>, 'batches' | 'files' | 'lines'>,
  id: string,
  node: GatewayNode,
  changes: Partial<RunContext> = {},
): { readonly run: BatchRun; readonly over: Promise<void> } {
  const run = new BatchRun(batches.byId(id)!, {
    ...{ batches, files, lines, node, clock: systemClock },
    log: pino({ level: 'silent' }),
    ended: () => {},
    changed: () => {},
    ...changes,
  })
  return { run, over: run.run((prepare) => prepare()) }
}
