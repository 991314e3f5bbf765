/** Counts the tokens of texts before they are sent. */
import type { Counter, RuntimeOptions, Weight } from '../runtime.ts'
import { isUseFile } from '../use/weights.ts'
import { openGgufTokenizer } from './by-gguf.ts'
import { openUseTokenizer } from './by-use.ts'
import { msOfTokens } from './description.ts'
import { heardText } from './text.ts'

/** Throws RecordError('bad-weights'). */
export async function openTextCounter(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Counter> {
  const open = [...weights.keys()].some(isUseFile) ? openUseTokenizer : openGgufTokenizer
  const tokenizer = await open(weights, options)
  const modelBytes = [...weights.values()].reduce((sum, weight) => sum + bytesIn(weight), 0)
  return {
    async shapeOf(document) {
      const input = (await heardText(document, tokenizer)).tokens.length
      return { pages: 1, pageCostMs: msOfTokens(input, modelBytes), units: { input, output: 0 } }
    },
  }
}

function bytesIn(weight: Weight): number {
  return weight instanceof Uint8Array ? weight.byteLength : weight.bytes
}
