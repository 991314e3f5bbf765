/** From a document to the messages that the model's template gets, the same where a request is counted and where it is answered. */
import { ExcessiveJson, parseJson } from '../../base/json.ts'
import type { ChatMessage } from '../llama/llama.ts'
import { withoutMarks } from '../llama/marks.ts'
import { RecordError } from '../runtime.ts'
import { type ChatRequest, decodeRequest, RequestFault, requestDepthMax } from './request.ts'

/** Throws RecordError('bad-request'). */
export function requestOf(document: Uint8Array): ChatRequest {
  try {
    return decodeRequest(parseJson(utf8.decode(document), requestDepthMax))
  } catch (error) {
    if (error instanceof RequestFault) throw new RecordError('bad-request', error.message)
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof ExcessiveJson)
      throw new RecordError('bad-request', 'the document is no request of a chat')
    throw error
  }
}

/** The room for prompts, and what a text of a user must not hold. */
interface PromptRoom {
  readonly contextTokens: number
  readonly tokenBytesMax: number
  readonly marks: readonly string[]
}

/** The messages without marks. Throws RecordError('context-length') before anything is made of a text that no context holds. */
export function harmlessMessages(
  { messages }: ChatRequest,
  { contextTokens, tokenBytesMax, marks }: PromptRoom,
): readonly ChatMessage[] {
  const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
  if (bytes > contextTokens * tokenBytesMax)
    throw new RecordError(
      'context-length',
      `the prompt has ${bytes} bytes, and the context has room for ${contextTokens} tokens of at most ${tokenBytesMax}`,
    )
  return messages.map(({ role, content }) => ({ role, content: withoutMarks(content, marks) }))
}

/** The most tokens that an answer may have. Throws RecordError('context-length') where the context has no room for so many. */
export function answerTokensMax(
  { max_tokens: asked }: ChatRequest,
  promptTokens: number,
  { contextTokens, usual }: { readonly contextTokens: number; readonly usual: number },
): number {
  const room = contextTokens - promptTokens
  const tokensMax = asked ?? Math.min(usual, room)
  if (tokensMax < 1 || tokensMax > room)
    throw new RecordError(
      'context-length',
      `the prompt has ${promptTokens} tokens and its answer up to ${asked ?? usual}, and the context has room for ${contextTokens}`,
    )
  return tokensMax
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
