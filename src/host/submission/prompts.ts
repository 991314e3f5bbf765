/**
 * Makes requests of documents, for a runtime that answers requests: the text of a file or a line is the request, or stands in a template
 * of the submitter's, as the fields of a line of JSON do.
 *
 * `{{name}}` is replaced once: braces in a document's text stay as they are. A field that a line lacks ends the submission, since a
 * model would answer a question that nobody asked.
 */
import { readFileSync, statSync } from 'node:fs'
import type { Refusal, RequestsDescription } from '../../runtimes/messages.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { unreadable } from './unreadable.ts'
import { requestsOf } from './weights.ts'

/** By their names. */
export type Fields = Readonly<Record<string, string>>

/** Longer texts belong into the documents. A guess. */
const templateBytesMax = 256 * 2 ** 10

const placePattern = /\{\{\s*([A-Za-z_][\w-]*)\s*\}\}/g

export class Prompts {
  readonly requests: RequestsDescription
  readonly #template: string | null

  constructor(requests: RequestsDescription, template: string | null) {
    this.requests = requests
    this.#template = template
  }

  /** True where lines may have fields of their own. */
  get hasTemplate(): boolean {
    return this.#template !== null
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
    const text = this.#filled(fields)
    if (text.includes('\0')) throw new Error('its text has a letter of the number 0; take it out')
    return this.requests.ofText(text)
  }

  #filled(fields: Fields): string {
    if (this.#template === null) return fields.text ?? ''
    return this.#template.replaceAll(placePattern, (_, name: string) => {
      if (!Object.hasOwn(fields, name))
        throw new Error(`the template asks for {{${name}}}, and it has no field of this name`)
      return fields[name]!
    })
  }
}

/** Undefined for a runtime that takes documents as they are. Throws RequestError. */
export function openPrompts({
  runtime,
  promptTemplate,
}: Pick<SubmitRequest, 'runtime' | 'promptTemplate'>): Prompts | undefined {
  const requests = requestsOf(runtime)
  if (requests === undefined) {
    if (promptTemplate !== null)
      throw new RequestError(`the ${runtime} runtime answers no prompts: leave out --prompt-template`)
    return undefined
  }
  return new Prompts(requests, promptTemplate === null ? null : readTemplate(promptTemplate))
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
