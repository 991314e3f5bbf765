/** Makes the input file of a batch from the files that a person has dropped on the page. */
import { open } from 'node:fs/promises'
import { z } from 'zod'
import type { NodeApi } from '../../host/api.ts'
import type { EndpointComposer } from '../../runtimes/messages.ts'
import { runtimes } from '../../runtimes/registry.ts'
import type { AppContext } from '../app-context.ts'
import { wrong } from '../errors.ts'
import { type FileRow, fileObject } from '../files.ts'
import type { KeyRow } from '../keys.ts'
import { type Model, modelsOf, serviceOf } from '../models.ts'
import { tooLarge, uploadBytesMax } from '../upload.ts'

/** A work that a person may choose. */
export interface Work {
  readonly model: string
  readonly endpoint: string
  readonly title: string
  readonly takes: EndpointComposer['takes']
  readonly hasInstruction: boolean
}

/** Each model with what it does of dropped files. */
export function composersOf(api: Pick<NodeApi, 'models'>): Work[] {
  const models = modelsOf(api)
  return urls().flatMap(({ url }) =>
    models.flatMap((model) => {
      const compose = composerOf(models, url, model)
      if (compose === undefined) return []
      const { title, takes, hasInstruction = false } = compose
      return [{ model: model.id, endpoint: url, title, takes, hasInstruction }]
    }),
  )
}

function urls(): { readonly url: string }[] {
  return Object.values(runtimes).flatMap(({ endpoints = [] }) => endpoints.filter(({ compose }) => compose))
}

function composerOf(models: readonly Model[], url: string, { id }: Model): EndpointComposer | undefined {
  return serviceOf(models, url, id)?.endpoint.compose
}

const filesMax = 5_000
/** Longer texts are cut into requests by who knows them. */
const textBytesMax = 2 ** 20
const customIdLettersMax = 512

const schema = z.strictObject({
  model: z.string().max(128),
  endpoint: z.string().max(128),
  files: z.array(z.string().max(64)).min(1).max(filesMax),
  instruction: z.string().max(16_384).default(''),
  title: z.string().max(200).default(''),
})

/** Returns the object of the file, a request in each line. Throws ApiError. */
export async function compose(
  body: unknown,
  key: KeyRow,
  { files, node, clock }: AppContext,
): Promise<object> {
  const parsed = schema.safeParse(body)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw wrong(`${path.join('.') || 'the body'}: ${message}`, path.join('.'))
  }
  const { model, endpoint, instruction, title } = parsed.data
  const composer = composerOf(modelsOf(node.api), endpoint, { id: model } as Model)
  if (composer === undefined)
    throw wrong(`no model ${JSON.stringify(model)} takes files at ${endpoint}`, 'model')
  const rows = parsed.data.files.map((id) => files.get(key.tenant, id))
  files.checkRoom(key.tenant, 0)
  const path = files.spoolPath()
  const names = new Set<string>()
  let bytes = 0
  const spool = await open(path, 'w', 0o600)
  try {
    for (const row of rows) {
      const document = composer.takes === 'file' ? row.id : await textOf(row, files.pathOf(row.id))
      const request = {
        custom_id: nameIn(names, row.filename),
        method: 'POST',
        url: endpoint,
        body: { model, ...composer.body(document, instruction) },
      }
      const line = Buffer.from(`${JSON.stringify(request)}\n`)
      // A few bytes name the same file a thousand times.
      if (bytes + line.byteLength > uploadBytesMax) throw tooLarge()
      bytes += (await spool.write(line)).bytesWritten
    }
    files.checkRoom(key.tenant, bytes)
    await spool.sync()
  } catch (error) {
    files.drop(path)
    throw error
  } finally {
    await spool.close()
  }
  const made: Omit<FileRow, 'id' | 'bytes'> = {
    tenant: key.tenant,
    filename: `${title || (rows.length === 1 ? rows[0]!.filename : `${rows.length} files`)}.jsonl`,
    purpose: 'batch',
    createdAtMs: clock.now(),
    expiresAtMs: null,
  }
  return fileObject(files.add(made, { path, bytes }), bytes)
}

async function textOf({ filename, bytes }: FileRow, path: string): Promise<string> {
  if (bytes === null || bytes > textBytesMax)
    throw wrong(`${filename} has more than ${textBytesMax} bytes, and is one text; cut it into several`)
  const file = await open(path, 'r')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile())
  } catch (error) {
    if (error instanceof TypeError) throw wrong(`${filename} is no text in UTF-8`)
    throw error
  } finally {
    await file.close()
  }
}

/** Files of two folders may be called alike. */
function nameIn(names: Set<string>, filename: string): string {
  const base = filename.toWellFormed().slice(0, customIdLettersMax - 8) || 'file'
  let name = base
  for (let i = 2; names.has(name); i += 1) name = `${base} (${i})`
  names.add(name)
  return name
}
