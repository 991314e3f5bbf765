/**
 * Makes requests of documents, for a runtime that answers requests: the text of a file or a line is the request, or stands in a template
 * of the submitter's, as the fields of a line of JSON do.
 *
 * A template is a text, which becomes the request's only one; or, in a file that ends in `.json`, the body of a request in the runtime's
 * own format, with a schema for the answer, say, and places in any of its texts.
 *
 * `{{name}}` is replaced once: braces in a document's text stay as they are. A field that a line lacks ends the submission, since a
 * model would answer a question that nobody asked.
 */
import { readFileSync, statSync } from 'node:fs'
import { parseJson } from '../../base/json.ts'
import type { Refusal, RequestsDescription } from '../../runtimes/messages.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { requestsOf } from './runtime-facts.ts'
import { unreadable } from './unreadable.ts'

/** By their names. */
export type Fields = Readonly<Record<string, string>>

/** Longer texts belong into the documents. A guess. */
const templateBytesMax = 256 * 2 ** 10

/** Levels within a template that is a body: as a request may have, and a guess. */
const bodyDepthMax = 64

/** A text with places, or a body with places in its texts. */
type Template = { readonly text: string } | { readonly body: unknown }

const placePattern = /\{\{\s*([A-Za-z_][\w-]*)\s*\}\}/g

export class Prompts {
  readonly requests: RequestsDescription
  readonly #template: Template
  /** True where lines may have fields of their own. */
  readonly hasTemplate: boolean

  constructor(requests: RequestsDescription, template: Template | null) {
    this.requests = requests
    this.#template = template ?? { text: '{{text}}' }
    this.hasTemplate = template !== null
  }

  /** The request of a file, or why it is none. Throws Error with a sentence where the template asks for more than a text. */
  ofFile(bytes: Uint8Array, fields: Fields = {}): Uint8Array | Refusal {
    let text: string
    try {
      text = utf8.decode(bytes)
    } catch {
      return { what: 'not a text in UTF-8', wayOut: 'save it as UTF-8' }
    }
    if (text.includes('\0')) return { what: 'not a text, since it has bytes of 0', wayOut: '' }
    return this.ofFields({ ...fields, text })
  }

  /** Throws Error with a sentence. */
  ofFields(fields: Fields): Uint8Array {
    if ('body' in this.#template) {
      const request = this.requests.ofBody(filledIn(this.#template.body, fields))
      if (typeof request === 'string') throw new Error(request)
      return request
    }
    const text = filled(this.#template.text, fields)
    if (text.includes('\0')) throw new Error('its text has a letter of the number 0; take it out')
    return this.requests.ofText(text)
  }
}

/** Throws Error with a sentence. */
function filled(template: string, fields: Fields): string {
  return template.replaceAll(placePattern, (_, name: string) => {
    if (!Object.hasOwn(fields, name))
      throw new Error(`the template asks for {{${name}}}, and it has no field of this name`)
    return fields[name]!
  })
}

/** The same in each text of a body. Names of fields stay as they are. */
function filledIn(part: unknown, fields: Fields): unknown {
  if (typeof part === 'string') return filled(part, fields)
  if (Array.isArray(part)) return part.map((one) => filledIn(one, fields))
  if (typeof part !== 'object' || part === null) return part
  return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, filledIn(one, fields)]))
}

/** Undefined for a runtime that takes documents as they are. Throws RequestError. */
export function openPrompts(
  { runtime, promptTemplate }: Pick<SubmitRequest, 'runtime' | 'promptTemplate'>,
  known?: Runtimes,
): Prompts | undefined {
  const requests = requestsOf(runtime, known)
  if (requests === undefined) {
    if (promptTemplate !== null)
      throw new RequestError(`the ${runtime} runtime answers no prompts: leave out --prompt-template`)
    return undefined
  }
  return new Prompts(requests, promptTemplate === null ? null : templateIn(promptTemplate, requests))
}

/** Throws RequestError. */
function templateIn(path: string, requests: RequestsDescription): Template {
  const text = readTemplate(path)
  if (!/\.json$/i.test(path)) return { text }
  let body: unknown
  try {
    body = parseJson(text, bodyDepthMax)
  } catch {
    throw new RequestError(
      `the prompt template ${path} is no JSON; write the body of a request, or call a template of text otherwise`,
    )
  }
  const places = [...text.matchAll(placePattern)].map(([, name]) => [name!, '-'])
  const fault = requests.ofBody(filledIn(body, Object.fromEntries(places)))
  if (typeof fault === 'string') throw new RequestError(`the prompt template ${path} is refused: ${fault}`)
  return { body }
}

/** Throws RequestError. */
function readTemplate(path: string): string {
  let text: string
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw new RequestError(`the prompt template ${path} is no file`)
    if (stats.size > templateBytesMax)
      throw new RequestError(
        `the prompt template ${path} has ${stats.size} bytes; at most ${templateBytesMax} are taken`,
      )
    text = utf8.decode(readFileSync(path))
  } catch (error) {
    if (error instanceof RequestError) throw error
    if (error instanceof TypeError)
      throw new RequestError(`the prompt template ${path} is no UTF-8; save it as UTF-8`)
    throw unreadable(path, error)
  }
  if (text.search(placePattern) === -1)
    throw new RequestError(
      `the prompt template ${path} names no field; write {{text}} where the text of a document belongs`,
    )
  return text
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
