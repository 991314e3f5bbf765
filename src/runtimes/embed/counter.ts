/** Counts the tokens of texts before they are sent. */
import { openVocabulary } from '../llama/vocabulary.ts'
import { optionOf } from '../options.ts'
import type { Counter, RuntimeOptions, Weight } from '../runtime.ts'
import { contextTokensUsual, embedOptions, msOfTokens } from './description.ts'
import { countTokens, harmlessText } from './text.ts'

/** Throws RecordError('bad-weights'). */
export async function openTextCounter(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Counter> {
  const contextTokens = optionOf(embedOptions, 'contextTokens', options)
  const vocabulary = await openVocabulary(weights, { contextTokens, contextTokensUsual })
  return {
    async shapeOf(document) {
      const input = await countTokens(harmlessText(document, vocabulary), vocabulary)
      return {
        pages: 1,
        pageCostMs: msOfTokens(input, vocabulary.modelBytes),
        units: { input, output: 0 },
      }
    },
  }
}
