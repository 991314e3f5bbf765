/**
 * The documents that a request names, one after another: files and folders (documents.ts), and then those of its sources in JSON
 * Lines (json-lines.ts).
 *
 * A file that is named itself and ends in `.jsonl` or `.ndjson` is a source, and so is stdin; within a folder it is a document like
 * any other. `as` says otherwise: 'lines' makes a source of every file that is named itself, 'document' of none.
 */
import { createReadStream, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { documentsMax } from '../../protocol/limits.ts'
import type { Refusal } from '../../runtimes/messages.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { LeftOut, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { findDocuments, readDocument, refusalByHead } from './documents.ts'
import { type Place, readJsonLines, refusal } from './json-lines.ts'
import { type Fields, openPrompts, type Prompts } from './prompts.ts'
import { Refusals } from './refusals.ts'
import { takesText } from './runtime-facts.ts'
import { SeenNames } from './seen-names.ts'
import { stdinPath } from './stdin.ts'
import { unreadable } from './unreadable.ts'

/** A document that has a name, and is read when its turn comes. */
export interface NamedDocument {
  readonly name: string
  /** The document, or why no vehicle could read it. Throws RequestError. */
  read(): Uint8Array | Refusal
  /** Hears how many of its pages are sent, and why others are not: `lost`, by their numbers from 1, where it is cut into pages. */
  told?(pages: number, refusal: Refusal | null, lost: readonly number[]): void
}

export interface Sources {
  /** Null where it is not known before all lines are read. */
  readonly total: number | null
  readonly leftOut: readonly LeftOut[]
  /** Reads each source once. Throws RequestError. */
  documents(): AsyncGenerator<NamedDocument>
}

export type SourcesOf = Pick<SubmitRequest, 'paths' | 'as' | 'folder' | 'runtime' | 'promptTemplate'>

/** `stdin`: what the command was given there. Throws RequestError. */
export async function openSources(
  request: SourcesOf,
  stdin: AsyncIterable<Uint8Array> | undefined,
  known?: Runtimes,
): Promise<Sources> {
  const { lists, others } = parted(request)
  const prompts = openPrompts(request, known)
  const { sources, leftOut } = others.length > 0 ? await findDocuments(others) : { sources: [], leftOut: [] }
  return {
    total: lists.length > 0 ? null : sources.length,
    leftOut,
    async *documents() {
      const seen = lists.length > 0 ? new SeenNames() : undefined
      let count = 0
      for (const source of sources) {
        count += 1
        seen?.add(source.name, 0)
        yield { name: source.name, read: () => requestOfFile(readDocument(source), prompts, source.name) }
      }
      for (const list of lists) {
        for await (const { name, line, read } of listed(list, request, prompts, stdin, known)) {
          const place = { source: titleOf(list), line }
          const before = seen!.add(name, line)
          if (before !== undefined)
            throw refusal(
              place,
              before === 0
                ? `its id ${JSON.stringify(name)} is the name of another document`
                : `its id ${JSON.stringify(name)} is that of line ${before}; give each line an id of its own`,
            )
          count += 1
          if (count > documentsMax)
            throw refusal(
              place,
              `there are more than ${documentsMax} documents, which is what one job takes; submit fewer`,
            )
          yield { name, read }
        }
      }
      if (count === 0) throw new RequestError(`there are no documents in ${lists.map(titleOf).join(', ')}`)
    },
  }
}

/** Refuses what shows before documents are read as a whole: by their first bytes. Throws RequestError. */
export async function checkSources(
  request: SourcesOf & Pick<SubmitRequest, 'strict'>,
  known?: Runtimes,
): Promise<void> {
  const { runtime, strict } = request
  const { lists, others } = parted(request)
  openPrompts(request, known)
  for (const list of lists) if (list !== stdinPath) statOf(list)
  if (others.length === 0) return
  const { sources } = await findDocuments(others)
  const refusals = new Refusals()
  let readable = 0
  for (const source of sources) {
    const refusal = await refusalByHead(runtime, source, known)
    if (refusal !== null) refusals.add(source.name, refusal)
    else if (strict) readable += 1
    else return
  }
  // What the lists name is not known yet.
  if (strict || lists.length === 0) refusals.check(sources.length, readable, strict)
}

/** Throws RequestError. */
function parted({ paths, as }: SourcesOf): {
  readonly lists: readonly string[]
  readonly others: readonly string[]
} {
  if (paths.filter((path) => path === stdinPath).length > 1)
    throw new RequestError('stdin can be read once: name - once')
  if (as === 'document' && paths.includes(stdinPath))
    throw new RequestError('stdin is read as JSON Lines: leave out --as document, or name a file')
  const isList = (path: string) =>
    path === stdinPath ||
    (as === 'lines' && !isFolder(path)) ||
    (as === 'auto' && /\.(jsonl|ndjson)$/i.test(path) && !isFolder(path))
  const { lists = [], others = [] } = Object.groupBy(paths, (path) => (isList(path) ? 'lists' : 'others'))
  return { lists, others }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function titleOf(list: string): string {
  return list === stdinPath ? 'stdin' : list
}

interface Listed extends NamedDocument {
  readonly line: number
}

async function* listed(
  list: string,
  { folder, runtime }: SourcesOf,
  prompts: Prompts | undefined,
  stdin: AsyncIterable<Uint8Array> | undefined,
  known?: Runtimes,
): AsyncGenerator<Listed> {
  const source = titleOf(list)
  // A file's paths begin where the file is, and those of stdin where the command was called.
  const base = list === stdinPath ? folder : dirname(list)
  for await (const document of readJsonLines(bytesOf(list, stdin), source, prompts)) {
    const { id: name, line } = document
    const place = { source, line }
    if ('request' in document) {
      const { request } = document
      yield { name, line, read: () => request }
      continue
    }
    if ('refused' in document) {
      const { refused } = document
      yield { name, line, read: () => refused }
      continue
    }
    if (!('path' in document)) {
      const fields = 'text' in document ? { text: document.text } : document.fields
      if (prompts !== undefined) {
        const request = requestOfFields(prompts, fields, place)
        yield { name, line, read: () => request }
        continue
      }
      if (!takesText(runtime, known))
        throw refusal(place, `the ${runtime} runtime takes no texts; give the "path" of a file`)
      yield { name, line, read: () => new TextEncoder().encode(fields.text) }
      continue
    }
    if (base === null && !document.path.startsWith('/'))
      throw refusal(
        place,
        `the path ${JSON.stringify(document.path)} begins in no folder that is known; write all of it`,
      )
    const { fields } = document
    const path = resolve(base ?? '/', document.path)
    yield {
      name,
      line,
      read: () => requestOfFile(fileOf(path, place), prompts, `${source}, line ${line}`, fields),
    }
  }
}

/** The document, or the request that is made of it. `title`: its name in errors. Throws RequestError. */
function requestOfFile(
  read: Uint8Array | Refusal,
  prompts: Prompts | undefined,
  title: string,
  fields?: Fields,
): Uint8Array | Refusal {
  if (prompts === undefined || !(read instanceof Uint8Array)) return read
  try {
    return prompts.ofFile(read, fields)
  } catch (error) {
    throw new RequestError(`${title}: ${(error as Error).message}`)
  }
}

/** Throws RequestError. */
function requestOfFields(prompts: Prompts, fields: Fields, place: Place): Uint8Array {
  try {
    return prompts.ofFields(fields)
  } catch (error) {
    throw refusal(place, (error as Error).message)
  }
}

/** Throws RequestError. */
function fileOf(
  path: string,
  place: { readonly source: string; readonly line: number },
): Uint8Array | Refusal {
  try {
    // What is no file may have no end.
    if (!statOf(path).isFile()) throw new RequestError(`${path} is no file; a line names one file`)
    return readDocument({ name: '', path })
  } catch (error) {
    throw error instanceof RequestError ? refusal(place, error.message) : error
  }
}

function statOf(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function* bytesOf(
  list: string,
  stdin: AsyncIterable<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  if (list === stdinPath) {
    if (stdin === undefined)
      throw new RequestError('stdin was not handed on; use this version of the command')
    yield* stdin
    return
  }
  try {
    yield* createReadStream(list) as AsyncIterable<Uint8Array>
  } catch (error) {
    throw unreadable(list, error)
  }
}
