/**
 * JSON Lines as a source of documents: a line is `{"id": …, "text": …}`, or `{"id": …, "path": …}` for a file; for a runtime that
 * answers requests also a request in its own format, or fields for a template. A line of another job's results is a document, too: the text
 * of its page. So the output of one network is the input of the next.
 *
 * The lines are read one by one, in whatever pieces they come, and none is kept. Lines end with LF or CRLF, the last one may have
 * no end, a byte order mark and empty lines are passed over. U+2028 and its like are no ends of lines: JSON takes them in strings.
 * Everything else that is not such a line ends the submission, before anything of it has left the machine.
 */
import { parseJson } from '../../base/json.ts'
import { isPrintable } from '../../base/printable.ts'
import type { Refusal, RequestLine } from '../../runtimes/messages.ts'
import { RequestError } from '../errors.ts'
import type { Fields, Prompts } from './prompts.ts'

/** A line's document; `path` is as it was written, `fields` are those beside it. */
export type LineDocument = { readonly line: number } & Content

type Content = { readonly id: string } & (
  | { readonly text: string }
  | { readonly path: string; readonly fields?: Fields }
  | { readonly fields: Fields }
  | { readonly request: Uint8Array }
  | { readonly refused: Refusal }
)

/** Some copies of a line are in memory at once. Longer texts belong into files. A guess. */
export const lineBytesMax = 8 * 2 ** 20

/** A line is one object of strings, or a page with its words and their places, which has 7 levels. A guess beyond. */
const lineDepthMax = 12

/** An id names its document in every result line and in error messages. A guess; longer than any path that people use as one. */
export const idLettersMax = 1024

/** `source` names the lines in errors. `prompts`: for a runtime that answers requests. Throws RequestError. */
export async function* readJsonLines(
  bytes: AsyncIterable<Uint8Array>,
  source: string,
  prompts?: Prompts,
): AsyncGenerator<LineDocument> {
  let line = 0
  for await (const raw of linesOf(bytes, source)) {
    line += 1
    const document = documentOf(raw, { source, line }, prompts)
    if (document !== undefined) yield { line, ...document }
  }
}

/** A place in the source, for errors. */
export interface Place {
  readonly source: string
  readonly line: number
}

export function refusal({ source, line }: Place, why: string): RequestError {
  return new RequestError(`${source}, line ${line}: ${why}`)
}

/** Undefined for an empty line. Throws RequestError. */
function documentOf(raw: Uint8Array, place: Place, prompts: Prompts | undefined): Content | undefined {
  const text = textOf(place.line === 1 ? withoutMark(raw, place) : raw, place)
  if (text.trim() === '') return undefined
  const line = objectOf(text, place, Math.max(lineDepthMax, prompts?.requests.depthMax ?? 0))
  const request = prompts?.requests.ofLine(line)
  if (prompts !== undefined && request !== undefined) return requestIn(request, prompts, place)
  if ('document' in line && 'page' in line) return resultIn(line, prompts, place)
  const { id, ...content } = line
  if (id === undefined) throw refusal(place, 'it has no "id"; give each line an id of its own')
  checkId(id, place)
  if (prompts?.hasTemplate) return fieldsIn(id, content, place)
  const unknown = Object.keys(content).find((name) => name !== 'text' && name !== 'path')
  if (unknown !== undefined)
    throw refusal(place, `the field ${shown(unknown)} is not known; a line has "id", and "text" or "path"`)
  const { text: written, path } = content
  if ((written === undefined) === (path === undefined))
    throw refusal(
      place,
      written === undefined ? 'it has neither "text" nor "path"' : 'it has both "text" and "path"; keep one',
    )
  if (written !== undefined) {
    checkText('text', written, place)
    return { id, text: written }
  }
  checkPath(path, place)
  return { id, path }
}

/** A request as it is. Throws RequestError. */
function requestIn(request: RequestLine, { hasTemplate }: Prompts, place: Place): Content {
  if ('fault' in request) throw refusal(place, request.fault)
  if (hasTemplate)
    throw refusal(place, 'it is a request already; leave out --prompt-template, or give "id" and fields')
  checkId(request.id, place, 'custom_id')
  return { id: request.id, request: request.document }
}

/**
 * The text of a page that another job has read. A first page has its document's name, the others also their number, as in the address
 * of a page of a PDF (RFC 8118). Throws RequestError.
 */
function resultIn(
  { document, page, result, error }: Record<string, unknown>,
  prompts: Prompts | undefined,
  place: Place,
): Content {
  checkId(document, place, 'document')
  if (typeof page !== 'number' || !Number.isInteger(page) || page < 1)
    throw refusal(place, '"page" is no whole number from 1')
  const id = page === 1 ? document : `${document}#page=${page}`
  if (result === null && error !== null && error !== undefined)
    return { id, refused: { what: 'a page that could not be read', wayOut: 'retry the job that read it' } }
  const { text = undefined } =
    typeof result === 'object' && result !== null ? (result as { text?: unknown }) : {}
  if (text === undefined)
    throw refusal(place, 'its "result" has no "text"; take the results of a runtime that reads texts')
  checkText('text', text, place)
  return prompts?.hasTemplate ? { id, fields: { document, page: String(page), text } } : { id, text }
}

/** The fields of a line for a template. Throws RequestError. */
function fieldsIn(id: string, { path, ...content }: Record<string, unknown>, place: Place): Content {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(content)) {
    const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    checkText(name, text, place)
    fields[name] = text
  }
  if (path === undefined) return { id, fields }
  if ('text' in fields) throw refusal(place, 'it has both "text" and "path"; keep one')
  checkPath(path, place)
  return { id, path, fields }
}

function checkText(name: string, value: unknown, place: Place): asserts value is string {
  if (typeof value !== 'string') throw refusal(place, `${shown(name)} is no string`)
  if (!value.isWellFormed())
    throw refusal(place, `${shown(name)} has half of a surrogate pair, which no file can hold`)
}

function checkPath(path: unknown, place: Place): asserts path is string {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw refusal(place, '"path" names no file')
}

function checkId(id: unknown, place: Place, name = 'id'): asserts id is string {
  if (typeof id !== 'string')
    throw refusal(place, `"${name}" is no string; write it in quotes, as ${shown(String(id))}`)
  if (id.trim() === '') throw refusal(place, `"${name}" is empty; give each line an id of its own`)
  if (id.length > idLettersMax)
    throw refusal(place, `"${name}" has ${id.length} characters; at most ${idLettersMax} are allowed`)
  if (!isPrintable(id)) throw refusal(place, `"${name}" has control characters, or signs that cannot be seen`)
}

function objectOf(text: string, place: Place, depthMax: number): Record<string, unknown> {
  let value: unknown
  try {
    value = parseJson(text, depthMax)
  } catch {
    throw refusal(place, 'it is no JSON; a line is {"id": …, "text": …} or {"id": …, "path": …}')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refusal(place, 'it is no object; a line is {"id": …, "text": …} or {"id": …, "path": …}')
  return value as Record<string, unknown>
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(raw: Uint8Array, place: Place): string {
  try {
    return utf8.decode(raw)
  } catch {
    throw refusal(place, 'it is no UTF-8; save the file as UTF-8')
  }
}

function withoutMark(raw: Uint8Array, place: Place): Uint8Array {
  const [first, second, third] = raw
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw refusal(place, 'it is UTF-16; save the file as UTF-8')
  return first === 0xef && second === 0xbb && third === 0xbf ? raw.subarray(3) : raw
}

/** Without their ends; a last line that is empty is none. Throws RequestError for one that is too long. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  let line = 1
  const keep = (part: Uint8Array) => {
    length += part.byteLength
    if (length > lineBytesMax)
      throw refusal(
        { source, line },
        `it has more than ${lineBytesMax} bytes; put the text into a file, and give its "path"`,
      )
    if (part.byteLength > 0) parts.push(part)
  }
  const take = () => {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    parts = []
    length = 0
    line += 1
    return whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole
  }
  for await (const chunk of bytes) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      keep(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    // The chunk may be a buffer that is used again.
    keep(chunk.slice(start))
  }
  if (length > 0) yield take()
}

const newline = 0x0a
const carriageReturn = 0x0d

/** A name of somebody's file in a message: not longer than a reader wants. */
function shown(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}
