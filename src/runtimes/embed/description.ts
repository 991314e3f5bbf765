/** The embed runtime as submitters and vehicles know it without loading it: its models, its options, and what it takes for a text. */
import { faultOfModel, modelWeights } from '../gguf/model.ts'
import { readBatchLine } from '../llama/batch-line.ts'
import type { OptionDescriptions } from '../options.ts'
import type { DocumentShape, NamedWeight, RequestsDescription } from '../runtime.ts'
import { faultOfUseFile, isUseFile, useFiles } from '../use/weights.ts'

/** A GGUF model, or the one that comes with Carpool, for sentences in English. */
export const embedWeights: NamedWeight = { ...modelWeights, packaged: { 'use-lite': useFiles } }

/** Looks at the structure of a model, or at the hash of a file of USE lite. */
export function faultOfEmbedWeights(name: string, bytes: Uint8Array): string | null {
  return isUseFile(name) ? faultOfUseFile(name, bytes) : faultOfModel(name, bytes)
}

/** A text is computed at once, so that memory grows with the square of `contextTokens`. */
export const embedOptions = {
  contextTokens: {
    least: 0,
    most: 8192,
    default: 0,
    description:
      'tokens of a text, at most; 0: as the model was made for (use-lite: 128), and at most 2048; more takes memory',
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

/** The most that a context has unless somebody asks for more. */
export const contextTokensUsual = 2048

/** A text of 100 tokens takes 1 s of one core with a model of 135 million parameters, which has so many bytes in Q8_0. */
const msPerByte = 2.5
const tokenMs = 10
const measuredBytes = 144_000_000

export function embedShapeOf(bytes: number): DocumentShape {
  return { pages: 1, pageCostMs: 20 + bytes * msPerByte }
}

/** The cost of a text, guessed by its tokens and the bytes of the model. */
export function msOfTokens(tokens: number, modelBytes: number): number {
  return 20 + (tokens * tokenMs * modelBytes) / measuredBytes
}

const url = '/v1/embeddings'

/** A text goes as it is. */
export const embedRequests: RequestsDescription = {
  depthMax: 16,
  ofLine: (line) => readBatchLine(line, url, documentOf),
  ofText: (text) => new TextEncoder().encode(text),
  ofBody: documentOf,
}

/** The text of a request's body, or what is wrong with it. */
function documentOf(body: unknown): Uint8Array | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'body is no object'
  const { input, model: _, user: __, encoding_format: form, ...more } = body as Record<string, unknown>
  // How vectors are written is an option of the job, for all of its lines.
  if (form !== undefined && form !== null && form !== 'float' && form !== 'base64')
    return 'body.encoding_format is neither float nor base64'
  const strange = Object.keys(more).find((name) => more[name] !== null)
  if (strange !== undefined) return `body.${strange.slice(0, 64)} is not known here; leave it out`
  if (typeof input !== 'string') return 'body.input is no text; give one text in each line'
  if (!input.isWellFormed()) return 'body.input has half of a surrogate pair, which is no letter'
  if (input.includes('\0')) return 'body.input has a letter of the number 0; take it out'
  return new TextEncoder().encode(input)
}
