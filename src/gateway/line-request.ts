/** Reads a line of an input file as a request. */
import { ExcessiveJson, parseJson } from '../base/json.ts'
import { lineBytesMax } from './jsonl.ts'

const customIdLettersMax = 512
/** Levels of a line around its body. */
const lineDepth = 2
const depthMax = 66

interface LineRequest {
  readonly customId: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A line for which the whole batch fails. */
export class LineFault extends Error {
  readonly code: string
  readonly param: string | null

  constructor(code: string, message: string, param: string | null) {
    super(message)
    this.code = code
    this.param = param
  }
}

/** Undefined for a blank line. Throws LineFault. */
export function requestIn(bytes: Uint8Array | null, endpoint: string): LineRequest | undefined {
  const line = objectIn(bytes)
  if (line === undefined) return undefined
  const { custom_id: customId, method, url, body } = line
  if (typeof customId !== 'string' || customId === '')
    throw new LineFault(
      'missing_required_parameter',
      'it has no custom_id; give each line a text of its own',
      'custom_id',
    )
  if (customId.length > customIdLettersMax || !customId.isWellFormed())
    throw new LineFault(
      'invalid_custom_id',
      `its custom_id is longer than ${customIdLettersMax} letters, or no text`,
      'custom_id',
    )
  if (method !== 'POST') throw new LineFault('missing_required_parameter', 'its method is not POST', 'method')
  if (typeof url !== 'string') throw new LineFault('missing_required_parameter', 'it has no url', 'url')
  if (url !== endpoint)
    throw new LineFault(
      'url_mismatch',
      `its url is not ${endpoint}, which is the endpoint of the batch`,
      'url',
    )
  if (!isObject(body)) throw new LineFault('missing_required_parameter', 'it has no body', 'body')
  return { customId, body }
}

function objectIn(bytes: Uint8Array | null): Record<string, unknown> | undefined {
  const invalid = (why: string) => new LineFault('invalid_json_line', why, null)
  if (bytes === null)
    throw invalid(`it has more than ${lineBytesMax} bytes; upload its document, and give the id of that file`)
  let value: unknown
  try {
    const text = utf8.decode(bytes)
    if (text.trim() === '') return undefined
    value = parseJson(text, depthMax + lineDepth)
  } catch (error) {
    if (error instanceof ExcessiveJson) throw invalid(`it ${error.message}`)
    throw invalid(error instanceof TypeError ? 'it is no UTF-8' : 'it is no JSON')
  }
  if (!isObject(value)) throw invalid('it is JSON, and no object')
  return value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
