/** Counts the tokens of requests before they are sent: those of the prompt, and the most that the answer may have. */
import { EngineFault } from '../llama/llama.ts'
import { openVocabulary, type Vocabulary } from '../llama/vocabulary.ts'
import { optionOf } from '../options.ts'
import { type Counter, RecordError, type RuntimeOptions, type Weight } from '../runtime.ts'
import { contextTokensUsual, llmOptions, msOfTokens } from './description.ts'
import { answerTokensMax, harmlessMessages, requestOf } from './prompt.ts'

/** Throws RecordError('bad-weights'). */
export async function openRequestCounter(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Counter> {
  const contextTokens = optionOf(llmOptions, 'contextTokens', options)
  const vocabulary = await openVocabulary(weights, { contextTokens, contextTokensUsual })
  const usual = optionOf(llmOptions, 'maxTokens', options)
  return {
    async shapeOf(document) {
      const request = requestOf(document)
      const input = vocabulary.frameTokens + (await promptTokensOf(vocabulary, request))
      const output = answerTokensMax(request, input, { contextTokens: vocabulary.contextTokens, usual })
      const units = { input, output }
      return { pages: 1, pageCostMs: msOfTokens(units, vocabulary.modelBytes), units }
    },
  }
}

async function promptTokensOf(
  vocabulary: Vocabulary,
  request: ReturnType<typeof requestOf>,
): Promise<number> {
  const messages = harmlessMessages(request, vocabulary)
  try {
    return (await vocabulary.llama.tokenize(await vocabulary.llama.promptOf(messages))).length
  } catch (error) {
    if (!(error instanceof EngineFault)) throw error
    throw new RecordError('bad-request', `the model’s chat template refuses the messages: ${error.message}`)
  }
}
