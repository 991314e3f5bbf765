/**
 * A request for a chat, as a vehicle gets it: the body of a line in the format of OpenAI's batches, less what makes no difference to
 * the answer, with its fields in one order. So equal requests are equal documents.
 *
 * Fields that would change the answer and are not known here are refused by name: a request is answered as it is meant, or not at all.
 */
import type { ChatMessage } from '../llama/llama.ts'
import { schemaFault } from './schema.ts'

export interface ChatRequest {
  readonly messages: readonly ChatMessage[]
  /** Undefined: as the job's options say. */
  readonly max_tokens?: number
  readonly temperature?: number
  readonly top_p?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  /** The JSON schema that the answer follows. */
  readonly schema?: object
}

/** A fault of a request: the field by its path, and a sentence about it. */
export class RequestFault extends Error {
  readonly field: string
  constructor(field: string, why: string) {
    super(`${field} ${why}`)
    this.field = field
    this.name = 'RequestFault'
  }
}

/** More makes no sense in any context that fits a vehicle. */
export const tokensMax = 32_768
/** Levels of a schema within schemas. A guess. */
export const requestDepthMax = 64
const messagesMax = 1024
const stopsMax = 4
const stopLettersMax = 128
/** The engine takes the largest number of 32 bits for "draw a seed". */
const seedMax = 2 ** 32 - 2

const roles = ['system', 'developer', 'user', 'assistant']

/** Named by OpenAI's format, and no part of the question: which model answers is the job's to say. */
const ignored = ['model', 'user', 'metadata', 'store', 'safety_identifier', 'prompt_cache_key']
/** Taken with the value that changes nothing. */
const fixed: Readonly<Record<string, unknown>> = {
  n: 1,
  stream: false,
  presence_penalty: 0,
  frequency_penalty: 0,
  logprobs: false,
}

const known = [
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'seed',
  'stop',
  'response_format',
]

/** Reads the `body` of a line. `field`: its name in faults. Throws RequestFault. */
export function readChatRequest(body: unknown, field: string): ChatRequest {
  const fields = objectAt(body, field)
  for (const [name, value] of Object.entries(fields)) {
    if (known.includes(name) || ignored.includes(name) || value === null) continue
    if (Object.hasOwn(fixed, name)) {
      if (fixed[name] !== value)
        throw new RequestFault(`${field}.${name}`, `can only be ${JSON.stringify(fixed[name])} here`)
      continue
    }
    throw new RequestFault(`${field}.${name}`, 'is not known here; leave it out')
  }
  const at = (name: string) => `${field}.${name}`
  const { stop, response_format: format } = fields
  const most = fields.max_completion_tokens ?? fields.max_tokens
  return inOrder({
    messages: messagesOf(fields.messages, at('messages')),
    max_tokens: numberOf(most, at('max_tokens'), 1, tokensMax, true),
    temperature: numberOf(fields.temperature, at('temperature'), 0, 2, false),
    top_p: numberOf(fields.top_p, at('top_p'), 0.001, 1, false),
    seed: numberOf(fields.seed, at('seed'), 0, seedMax, true),
    stop: stopsOf(stop, at('stop')),
    schema: schemaOf(format, at('response_format')),
  })
}

/** A request whose only message is this text. */
export function requestOfText(text: string): ChatRequest {
  return inOrder({ messages: [{ role: 'user', content: text }] })
}

export function encodeRequest(request: ChatRequest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(request))
}

/** Reads what `encodeRequest` wrote, of anybody. Throws RequestFault. */
export function decodeRequest(value: unknown): ChatRequest {
  const { schema, ...fields } = objectAt(value, 'request')
  const format =
    schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: { schema } } }
  return readChatRequest({ ...fields, ...format }, 'request')
}

/** Fields that are undefined are left out. */
function inOrder(
  request: {
    readonly [Name in keyof ChatRequest]: ChatRequest[Name] | undefined
  },
): ChatRequest {
  const set = Object.entries(request).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as unknown as ChatRequest
}

function messagesOf(value: unknown, field: string): readonly ChatMessage[] {
  if (!Array.isArray(value)) throw new RequestFault(field, 'is no list of messages')
  if (value.length === 0) throw new RequestFault(field, 'is empty; give one message at least')
  if (value.length > messagesMax)
    throw new RequestFault(field, `has ${value.length} messages; at most ${messagesMax} are taken`)
  return value.map((one: unknown, i) => {
    const at = `${field}[${i}]`
    const { role, content, name: _, ...others } = objectAt(one, at)
    // An answer that is asked about once more has such fields: null, where there was none.
    const unknown = Object.keys(others).find((name) => others[name] !== null)
    if (unknown !== undefined) throw new RequestFault(`${at}.${unknown}`, 'is not known here; leave it out')
    if (typeof role !== 'string' || !roles.includes(role))
      throw new RequestFault(`${at}.role`, `is none of ${roles.join(', ')}`)
    // The name that OpenAI gave the system's messages since.
    return { role: role === 'developer' ? 'system' : role, content: contentOf(content, `${at}.content`) }
  })
}

/** A text, or its parts. */
function contentOf(value: unknown, field: string): string {
  if (Array.isArray(value)) {
    const parts = value.map((part: unknown, i) => {
      const { type, text } = objectAt(part, `${field}[${i}]`)
      if (type !== 'text') throw new RequestFault(`${field}[${i}].type`, 'is not "text"; only texts are read')
      return textOf(text, `${field}[${i}].text`)
    })
    return parts.join('\n')
  }
  return textOf(value, field)
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string') throw new RequestFault(field, 'is no text')
  if (!value.isWellFormed()) throw new RequestFault(field, 'has half of a surrogate pair, which is no letter')
  // The engine's strings end there.
  if (value.includes('\0')) throw new RequestFault(field, 'has a letter of the number 0; take it out')
  return value
}

function stopsOf(value: unknown, field: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (stops.length > stopsMax)
    throw new RequestFault(field, `has ${stops.length} texts; at most ${stopsMax} are taken`)
  return stops.map((stop) => {
    const text = textOf(stop, field)
    if (text === '' || text.length > stopLettersMax)
      throw new RequestFault(
        field,
        `has a text of ${text.length} letters; it takes from 1 to ${stopLettersMax}`,
      )
    return text
  })
}

function schemaOf(value: unknown, field: string): object | undefined {
  if (value === undefined || value === null) return undefined
  const { type, json_schema: format } = objectAt(value, field)
  if (type === 'text') return undefined
  if (type === 'json_object') return { type: 'object' }
  if (type !== 'json_schema')
    throw new RequestFault(`${field}.type`, 'is none of text, json_object, json_schema')
  const { schema } = objectAt(format, `${field}.json_schema`)
  const fault = schemaFault(schema)
  if (fault !== null) throw new RequestFault(`${field}.json_schema.schema`, `is refused: ${fault}`)
  return schema as object
}

function numberOf(
  value: unknown,
  field: string,
  least: number,
  most: number,
  isWhole: boolean,
): number | undefined {
  if (value === undefined || value === null) return undefined
  const isRight =
    typeof value === 'number' && value >= least && value <= most && (!isWhole || Number.isInteger(value))
  if (!isRight)
    throw new RequestFault(field, `is no ${isWhole ? 'whole ' : ''}number from ${least} to ${most}`)
  return value
}

function objectAt(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestFault(field, 'is no object')
  return value as Record<string, unknown>
}
