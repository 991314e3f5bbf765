/** A gateway on the submitter of a mesh, whose vehicles answer chats, embeddings and scans by a script, and clients of it. */

import OpenAI, { toFile } from 'openai'
import { pino } from 'pino'
import { Gateway, type GatewayOptions } from '../../src/gateway/gateway.ts'
import { type KeySettings, Keys } from '../../src/gateway/keys.ts'
import { openTables } from '../../src/gateway/tables.ts'
import { settings } from './batch-stage.ts'
import { lettersModelPath } from './letters.ts'
import { Mesh, type MeshOptions } from './mesh.ts'
import { type Said, ScriptedExecutor, scriptedEngine } from './scripted-executor.ts'

export { chat, settings } from './batch-stage.ts'

/** The price that each vehicle asks for 1,000 tokens, in millionths of a euro. Scripts count a chat as one. */
export const askMicros = 100_000

/** Named so that a script knows what it answers. */
const engines = ['llm', 'embed', 'ocr'].map((runtime) => ({
  ...scriptedEngine,
  runtime,
  engine: runtime === 'ocr' ? 'exact' : runtime,
  id: `scripted-${runtime}`,
}))

/** Answers as the runtimes do. `before`: what a chat waits for, by its last message. */
function scriptOf(before: (message: string) => Promise<void> = async () => {}) {
  return async (document: string, engine: string): Promise<Said> => {
    if (engine === 'embed') {
      const vector = [0.5, 0.25, -document.length]
      return output({ embedding: vector, dimensions: 3, usage: { prompt_tokens: document.length } })
    }
    if (engine === 'exact') return output({ text: `read ${document.length}`, width: 8, height: 9, lines: [] })
    const { content } = JSON.parse(document).messages.at(-1)
    await before(content)
    if (content === 'too long')
      return { output: new Uint8Array(0), text: '', error: { code: 'context-length', message: 'too long' } }
    if (content === 'malformed') return output({ text: content })
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    return output({ text: content.toUpperCase(), finish_reason: 'stop', usage })
  }
}

/** A TIFF has two pages, whatever is in it. */
class PagedExecutor extends ScriptedExecutor {
  override async inspect(_runtime?: string, document?: Uint8Array) {
    const shape = await super.inspect()
    return document?.[0] === 0x49 ? { ...shape, pages: 2 } : shape
  }
}

function output(record: object): Said {
  return { output: Buffer.from(JSON.stringify(record)), text: '', error: null }
}

export class GatewayStage {
  readonly mesh: Mesh
  #gateway: Gateway | undefined

  /** Chats wait for `before`. `fleet`: the node with the gateway is its registrar. */
  static async start(
    before?: (message: string) => Promise<void>,
    cars = 2,
    fleet?: MeshOptions['fleet'],
  ): Promise<GatewayStage> {
    const createExecutor = () => new PagedExecutor(scriptOf(before), engines)
    const vehicles = Array.from({ length: cars }, (_, i) => ({
      name: `car-${i + 1}`,
      slots: 2,
      askMicros,
    }))
    const stage = new GatewayStage(await Mesh.start({ vehicles, createExecutor, ...(fleet && { fleet }) }))
    await stage.mesh.submitter.api.addModel(lettersModelPath, 'letters')
    await stage.open()
    return stage
  }

  private constructor(mesh: Mesh) {
    this.mesh = mesh
  }

  get url(): string {
    return `http://127.0.0.1:${this.#gateway!.listening.port}`
  }

  async open(changes: Partial<GatewayOptions> = {}): Promise<void> {
    const { submitter, clock } = this.mesh
    this.#gateway = await Gateway.start({
      node: submitter.node,
      dataDir: submitter.dataDir,
      listen: { host: '127.0.0.1', port: 0 },
      hosts: [],
      clock,
      log: pino({ level: 'silent' }),
      ...changes,
    })
  }

  drain(): void {
    this.#gateway?.drain()
  }

  async close(): Promise<void> {
    await this.#gateway?.stop()
    this.#gateway = undefined
  }

  /** Gateway and node end, and begin anew. */
  async restart(): Promise<void> {
    await this.close()
    await this.mesh.submitter.restart()
    await this.mesh.acquainted()
    await this.open()
  }

  async stop(): Promise<void> {
    await this.close()
    await this.mesh.stop()
  }

  /** A new key, as `carpool key create` makes it while the node runs. */
  key(tenant: string, changes: Partial<KeySettings> = {}): string {
    const tables = openTables(this.mesh.submitter.dataDir)
    try {
      return new Keys(tables).create(tenant, { ...settings, ...changes }, this.mesh.clock.now())!
    } finally {
      tables.close()
    }
  }

  /** Ends the key of a tenant, as `carpool key revoke` does. */
  revoke(tenant: string): void {
    const tables = openTables(this.mesh.submitter.dataDir)
    try {
      new Keys(tables).revoke(tenant, this.mesh.clock.now())
    } finally {
      tables.close()
    }
  }

  /** Counts the lines in the table whose batch is called so. */
  rowsLeft(beginning: string): number {
    const tables = openTables(this.mesh.submitter.dataDir)
    try {
      const sql = 'SELECT count(*) AS count FROM lines WHERE batch GLOB ?'
      return tables.get<{ count: number }>(sql, `${beginning}*`)!.count
    } finally {
      tables.close()
    }
  }

  /** Skips the times for which the mesh waits meanwhile. */
  hurry<Result>(promise: Promise<Result>): Promise<Result> {
    return this.mesh.clock.hurry(promise)
  }

  client(apiKey: string): OpenAI {
    return new OpenAI({ apiKey, baseURL: `${this.url}/v1`, maxRetries: 0 })
  }
}

/** Uploads the lines as a batch's input. */
export async function uploadLines(client: OpenAI, lines: readonly (object | string)[]) {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  return client.files.create({ file: await toFile(Buffer.from(text), 'in.jsonl'), purpose: 'batch' })
}

type Batch = Awaited<ReturnType<OpenAI['batches']['retrieve']>>

/** The batch once this holds of it, by its stream of events. */
export async function batchWhen(
  client: OpenAI,
  id: string,
  holds: (batch: Batch) => boolean,
): Promise<Batch> {
  const response = await fetch(`${client.baseURL}/batches/${id}/events`, {
    headers: { authorization: `Bearer ${client.apiKey}` },
  })
  let [text, last] = ['', '']
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1]
      text = text.slice(end + 2)
      if (data === undefined) continue
      last = data
      const batch = JSON.parse(data) as Batch
      if (holds(batch)) return batch
    }
  }
  throw new Error(`the batch never came to that: ${last}`)
}

export const isOver = ({ status }: Batch) => ['completed', 'failed', 'expired', 'cancelled'].includes(status)

export interface OutputLine {
  readonly id: string
  readonly custom_id: string
  readonly response: { readonly status_code: number; readonly body: never } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export async function linesIn(client: OpenAI, file: string | null | undefined): Promise<OutputLine[]> {
  if (!file) return []
  const text = await (await client.files.content(file)).text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
