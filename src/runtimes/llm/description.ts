/** The llm runtime as submitters and vehicles know it without loading it: its options, and what makes a request. */
import type { GgufHeader } from '../gguf/header.ts'
import { faultOfLargeModel, faultOfModel } from '../gguf/model.ts'
import { readBatchLine } from '../llama/batch-line.ts'
import type { OptionDescriptions } from '../options.ts'
import type { DocumentShape, RequestsDescription } from '../runtime.ts'
import {
  encodeRequest,
  RequestFault,
  readChatRequest,
  requestDepthMax,
  requestOfText,
  tokensMax,
} from './request.ts'

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

/** The most that a context has unless somebody asks for more. */
export const contextTokensUsual = 4096
/** Under `scored` these are the least limits that a job may have: it is given its model's own. */
export const llmAgreements = {
  native: 'class-bytes',
  // One near-tie in 500 tokens, and a hundredth of what fewer bits make. Guesses, by the bench.
  scored: { relation: 'scored', gapMax: 1e-3, differenceMax: 1e-4 },
  // Measured with Vulkan on one software device: 0.0003 to 0.0018 from a processor's log-probabilities. Four bits a weight for eight: 0.012.
  gpu: { relation: 'scored', gapMax: 5e-3, differenceMax: 5e-3 },
} as const

/** Looks at a model's structure, and whether it answers messages. */
export function faultOfChatModel(name: string, bytes: Uint8Array): string | null {
  return faultOfModel(name, bytes, lackOfTemplate)
}

/** The same of a model of so many `bytes` that is too large to be read, by its head. */
export function faultOfLargeChatModel(name: string, head: Uint8Array, bytes: number): string | null {
  return faultOfLargeModel(name, head, bytes, lackOfTemplate)
}

/** The end of a sentence about a model; null: it has one. */
export function lackOfTemplate({ facts }: GgufHeader): string | null {
  if (typeof facts.get('tokenizer.chat_template') === 'string') return null
  return 'has no chat template, so it answers no messages'
}

/** A model of 135 million parameters reads 100 tokens in 1 s and writes 14, on one core, in the exact engine. */
const msPerByte = 2.5
const answerMs = 2000
const [inputMs, outputMs] = [10, 70]
/** Its bytes in Q8_0. A model of twice as many takes twice the time. */
const measuredBytes = 144_000_000
/** The milliseconds that a request takes beside its tokens. A guess. */
const requestMs = 20

/** One page; its cost is guessed by the length of the request, where nobody counts its tokens. */
export function llmShapeOf(bytes: number): DocumentShape {
  return { pages: 1, pageCostMs: answerMs + bytes * msPerByte }
}

/** The cost of a request, guessed by its tokens and the bytes of the model: answers are a quarter of what they may be (a guess). */
export function msOfTokens(
  { input, output }: { readonly input: number; readonly output: number },
  modelBytes: number,
): number {
  const scale = modelBytes / measuredBytes
  return requestMs + scale * (input * inputMs + (output / 4) * outputMs)
}

const url = '/v1/chat/completions'

export const llmRequests: RequestsDescription = {
  depthMax: requestDepthMax,
  ofLine: (line) => readBatchLine(line, url, documentOf),
  ofText: (text) => encodeRequest(requestOfText(text)),
  ofBody: documentOf,
}

/** The request in a body, or what is wrong with it. */
function documentOf(body: unknown): Uint8Array | string {
  try {
    return encodeRequest(readChatRequest(body, 'body'))
  } catch (error) {
    if (error instanceof RequestFault) return error.message
    throw error
  }
}
