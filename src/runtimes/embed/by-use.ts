/** USE lite, which comes in an npm package (use/). */
import { choiceOf, optionOf } from '../options.ts'
import { RecordError, type RuntimeOptions, type Weight } from '../runtime.ts'
import { UseEncoder } from '../use/encoder.ts'
import { Pieces } from '../use/pieces.ts'
import { faultOfUseFile, type UseFileName, useFileNames } from '../use/weights.ts'
import { bytesOf } from '../weight.ts'
import { embedOptions } from './description.ts'
import type { Encoder, Tokenizer } from './encoder.ts'

/** Its graph cuts off what comes behind them without a word: measured, since it is written nowhere. */
const tokensMax = 128

/** White space and wide letters weigh more before the text is normalised than after it. A guess. */
const bytesMax = 64 * 2 ** 10

/** Throws RecordError('bad-weights'). */
export async function openUse(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Encoder> {
  const encoder = await UseEncoder.open(filesIn(weights))
  return {
    ...tokenizerOf(options, (text) => encoder.tokenize(text)),
    embed: (_, tokens) => encoder.embed(tokens),
  }
}

/** The same without the network. Throws RecordError('bad-weights'). */
export async function openUseTokenizer(
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Tokenizer> {
  const pieces = Pieces.read(filesIn(weights).vocabulary)
  return tokenizerOf(options, (text) => pieces.of(text))
}

function tokenizerOf(options: RuntimeOptions, tokenize: (text: string) => readonly number[]): Tokenizer {
  const asked = optionOf(embedOptions, 'contextTokens', options)
  if (asked > tokensMax)
    throw new RecordError(
      'bad-weights',
      `contextTokens is ${asked}, and the model was made for ${tokensMax} at most; ask for no more`,
    )
  if (choiceOf(embedOptions, 'pooling', options) !== 'auto')
    throw new RecordError('bad-weights', 'USE lite has a pooling of its own; leave out the option')
  return {
    tokensMax: asked === 0 ? tokensMax : asked,
    bytesMax,
    prepare: (text) => text,
    tokenize: async (text) => tokenize(text),
  }
}

/** Throws RecordError('bad-weights') unless they are the files of USE lite and no others. */
function filesIn(weights: ReadonlyMap<string, Weight>): Readonly<Record<UseFileName, Uint8Array>> {
  if (weights.size !== useFileNames.length)
    throw new RecordError(
      'bad-weights',
      `USE lite is ${useFileNames.length} files: ${useFileNames.join(', ')}`,
    )
  const files = useFileNames.map((name) => {
    const weight = weights.get(name)
    if (weight === undefined) throw new RecordError('bad-weights', `the ${name} of USE lite is missing`)
    const bytes = bytesOf(weight)
    const fault = faultOfUseFile(name, bytes)
    if (fault !== null) throw new RecordError('bad-weights', fault)
    return [name, bytes] as const
  })
  return Object.fromEntries(files) as Record<UseFileName, Uint8Array>
}
