/** The embed runtime as submitters and vehicles know it without loading it: its model, its options, and what it takes for a text. */
import { ggufFault } from '../gguf/check.ts'
import type { OptionDescriptions } from '../options.ts'
import type { DocumentShape, RequestLine, RequestsDescription, WeightsDescription } from '../runtime.ts'

export const embedWeights: WeightsDescription = { named: 'model', ending: '.gguf' }

/** A text is computed at once, so that memory grows with the square of `contextTokens`. */
export const embedOptions = {
  contextTokens: {
    least: 0,
    most: 8192,
    default: 0,
    description:
      'tokens of a text, at most; 0: as the model was made for, and at most 2048; more takes memory',
  },
  encoding: {
    choices: ['float', 'base64'],
    default: 'float',
    description:
      'how vectors are written: as numbers, or as their bytes (32-bit floats, little endian) in base64',
  },
  pooling: {
    choices: ['auto', 'mean', 'cls', 'last'],
    default: 'auto',
    description: 'how the vectors of tokens make the vector of the text; auto: as the model says, else mean',
  },
} satisfies OptionDescriptions

/** A text of 100 tokens takes 1 s of one core with a model of 135 million parameters. */
const msPerByte = 2.5

export function embedShapeOf(bytes: number): DocumentShape {
  return { pages: 1, pageCostMs: 20 + bytes * msPerByte }
}

/** The structure of the only weight. */
export function faultOfEmbeddingModel(_name: string, bytes: Uint8Array): string | null {
  const fault = ggufFault(bytes)
  return fault === null ? null : `the model ${fault}`
}

const url = '/v1/embeddings'

/** A text goes as it is. */
export const embedRequests: RequestsDescription = {
  depthMax: 16,
  ofLine(line) {
    if (!('custom_id' in line) && !('body' in line)) return undefined
    return textOfLine(line)
  },
  ofText: (text) => new TextEncoder().encode(text),
}

/** Reads a line of OpenAI's batch format. */
function textOfLine({
  custom_id: id,
  method,
  url: path,
  body,
  ...others
}: Record<string, unknown>): RequestLine {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    return {
      fault: `the field ${JSON.stringify(unknown.slice(0, 64))} is not known; a line has "custom_id", "method", "url" and "body"`,
    }
  if (id === undefined) return { fault: 'it has no "custom_id"; give each line one of its own' }
  if (method !== undefined && method !== 'POST') return { fault: '"method" is not "POST"' }
  if (path !== undefined && path !== url)
    return { fault: `"url" is not ${JSON.stringify(url)}, which is what this runtime answers` }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { fault: 'body is no object' }
  const { input, model: _, user: __, encoding_format: ___, ...more } = body as Record<string, unknown>
  const [strange] = Object.keys(more)
  if (strange !== undefined) return { fault: `body.${strange.slice(0, 64)} is not known here; leave it out` }
  if (typeof input !== 'string') return { fault: 'body.input is no text; give one text in each line' }
  if (!input.isWellFormed()) return { fault: 'body.input has half of a surrogate pair, which is no letter' }
  if (input.includes('\0')) return { fault: 'body.input has a letter of the number 0; take it out' }
  return { id, document: new TextEncoder().encode(input) }
}
