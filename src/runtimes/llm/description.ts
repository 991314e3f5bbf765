/** The llm runtime as submitters and vehicles know it without loading it: its model, its options, and what makes a request. */
import { ggufFault } from '../gguf/check.ts'
import type { OptionDescriptions } from '../options.ts'
import type { DocumentShape, RequestLine, RequestsDescription, WeightsDescription } from '../runtime.ts'
import {
  encodeRequest,
  RequestFault,
  readChatRequest,
  requestDepthMax,
  requestOfText,
  tokensMax,
} from './request.ts'

export const llmWeights: WeightsDescription = { named: 'model', ending: '.gguf' }

/** `contextTokens`: memory grows with it, and the engine's own 4,096 is room for some pages of text (a guess). */
export const llmOptions = {
  contextTokens: {
    least: 0,
    most: tokensMax,
    default: 0,
    description:
      'tokens of a prompt and its answer together; 0: as the model was made for, and at most 4096; more takes memory',
  },
  maxTokens: {
    least: 1,
    most: tokensMax,
    default: 256,
    description: 'the most tokens of an answer, where its request does not say',
  },
} satisfies OptionDescriptions

/** A model of 135 million parameters reads 100 tokens in 1 s and writes 14, on one core, in the exact engine. */
const msPerByte = 2.5
const answerMs = 2000

/** One page; its cost is guessed by the length of the request. */
export function llmShapeOf(bytes: number): DocumentShape {
  return { pages: 1, pageCostMs: answerMs + bytes * msPerByte }
}

/** The structure of the only weight. */
export function faultOfModel(_name: string, bytes: Uint8Array): string | null {
  const fault = ggufFault(bytes)
  return fault === null ? null : `the model ${fault}`
}

const url = '/v1/chat/completions'

export const llmRequests: RequestsDescription = {
  depthMax: requestDepthMax,
  ofLine(line) {
    if (!('custom_id' in line) && !('body' in line)) return undefined
    return requestOfLine(line)
  },
  ofText: (text) => encodeRequest(requestOfText(text)),
}

/** Reads a line of OpenAI's batch format. */
function requestOfLine({
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
  try {
    return { id, document: encodeRequest(readChatRequest(body, 'body')) }
  } catch (error) {
    if (error instanceof RequestFault) return { fault: error.message }
    throw error
  }
}
