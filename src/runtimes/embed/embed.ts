/**
 * Makes a vector of each text, by one of two kinds of models: USE lite, which comes with Carpool, or any embedding model as GGUF.
 *
 * One engine, 'exact', with the same bits on every processor that was tried. Nothing is rounded: as numbers, each is the shortest decimal
 * that is read as the same one; as base64, they are the engine's own 32 bits. Vectors have the length 1, so that their product is
 * the cosine. A text that holds more tokens than the model hears is refused: both engines would cut it without a word.
 */
import { isLlamaHere, llamaAbsence, llamaEngineId } from '../llama/binary.ts'
import { choiceOf, wrongOption } from '../options.ts'
import { RecordError, type RecordOutput, type Runtime, type Session } from '../runtime.ts'
import { isTensorflowHere, tensorflowAbsence, tensorflowHashes } from '../use/binary.ts'
import { isUseFile } from '../use/weights.ts'
import { openGguf } from './by-gguf.ts'
import { openUse } from './by-use.ts'
import { openTextCounter } from './counter.ts'
import { embedOptions, embedShapeOf } from './description.ts'
import type { Encoder } from './encoder.ts'
import { heardText } from './text.ts'

/** Raise it with any change to what is made of a text, or of the engine's answer. */
const pipelineVersion = 2

export const embed: Runtime = {
  name: 'embed',
  async engines() {
    if ((await absences()).length > 0) return []
    const id = llamaEngineId({ runtime: 'embed', pipelineVersion, tensorflowHashes })
    return [{ runtime: 'embed', engine: 'exact', id, isa: null, agreement: 'bytes' }]
  },
  async absent() {
    return (await absences()).map((why) => ({ runtime: 'embed', engine: 'exact', why }))
  },
  inspect(document) {
    return embedShapeOf(document.byteLength)
  },
  counter: openTextCounter,
  async load(engine, weights, options) {
    if (engine !== 'exact') throw new RecordError('bad-weights', 'the only engine of embed is exact')
    const wrong = wrongOption(embedOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const open = [...weights.keys()].some(isUseFile) ? openUse : openGguf
    return new Texts(await open(weights, options), choiceOf(embedOptions, 'encoding', options) === 'base64')
  },
}

/** A job may ask for either kind of model, so a vehicle offers the engine only with both. */
async function absences(): Promise<string[]> {
  return [
    ...((await isLlamaHere()) ? [] : [llamaAbsence]),
    ...((await isTensorflowHere()) ? [] : [tensorflowAbsence]),
  ]
}

class Texts implements Session {
  readonly #encoder: Encoder
  readonly #isBase64: boolean

  constructor(encoder: Encoder, isBase64: boolean) {
    this.#encoder = encoder
    this.#isBase64 = isBase64
  }

  async run(
    document: Uint8Array,
    page: number,
    tokensPaid = Number.POSITIVE_INFINITY,
  ): Promise<RecordOutput> {
    if (page !== 0) throw new RecordError('no-such-page', 'a text has one page')
    const { text, tokens } = await heardText(document, this.#encoder)
    const { length } = tokens
    // Nobody computes what is not paid.
    if (length > tokensPaid)
      throw new RecordError('beyond-units', `the text has ${length} tokens, and its job counts ${tokensPaid}`)
    const numbers = await this.#encoder.embed(text, tokens)
    const embedding = this.#isBase64 ? base64Of(numbers) : numbers
    const output = JSON.stringify({ embedding, dimensions: numbers.length, usage: { prompt_tokens: length } })
    return { output: new TextEncoder().encode(output), text: '', units: { input: length, output: 0 } }
  }
}

function base64Of(numbers: readonly number[]): string {
  const bytes = new Uint8Array(4 * numbers.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of numbers.entries()) view.setFloat32(4 * i, value, true)
  return Buffer.from(bytes).toString('base64')
}
