/** Chat completions of OpenAI's API: a request of it is what the runtime takes, and its record makes the answer. */
import { z } from 'zod'
import type { EndpointDescription, EndpointRequest, PageOutputs } from '../endpoint.ts'
import { encodeRequest, RequestFault, readChatRequest, requestDepthMax } from './request.ts'

const count = z.int().min(0)

export const llmEndpoints: readonly EndpointDescription[] = [
  {
    url: '/v1/chat/completions',
    models: [],
    depthMax: requestDepthMax,
    read,
    compose: {
      title: 'Answer with a language model',
      takes: 'text',
      hasInstruction: true,
      body: (text, instruction) => ({
        messages: [{ role: 'user', content: instruction === '' ? text : `${instruction}\n\n${text}` }],
      }),
    },
    isRecord: (record) => answerSchema.safeParse(record).success,
    usage(outputs) {
      const { prompt_tokens: input, completion_tokens: output } = answerOf(outputs).usage
      return { input, output }
    },
    answer(outputs, { model, id, createdAt }) {
      const { text, finish_reason, usage } = answerOf(outputs)
      const message = { role: 'assistant', content: text, refusal: null }
      return {
        id: `chatcmpl-${id}`,
        object: 'chat.completion',
        created: createdAt,
        model,
        choices: [{ index: 0, message, logprobs: null, finish_reason }],
        usage,
      }
    },
  },
]

function read(body: Readonly<Record<string, unknown>>): EndpointRequest {
  try {
    return { documents: [encodeRequest(readChatRequest(body, 'body'))] }
  } catch (error) {
    if (error instanceof RequestFault) return { fault: error.message, param: error.field }
    throw error
  }
}

const answerSchema = z.looseObject({
  text: z.string(),
  finish_reason: z.string(),
  usage: z.looseObject({ prompt_tokens: count, completion_tokens: count, total_tokens: count }),
})

type Answer = z.infer<typeof answerSchema>

/** The only record that a request has, as the runtime wrote it. */
function answerOf([pages]: readonly PageOutputs[]): Answer {
  return pages![0] as unknown as Answer
}
