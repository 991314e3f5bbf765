/**
 * USE lite in TensorFlow.js: a text to its pieces, these to a vector of 512 numbers of length 1.
 *
 * It keeps nothing between two texts: each is computed alone (with others in one batch the last bits come out otherwise), and its tensors
 * are let go.
 */
import type { GraphModel, Tensor } from '@energetic-ai/core'
import { RecordError } from '../runtime.ts'
import { startTensorflow } from './binary.ts'
import { Pieces } from './pieces.ts'
import { joinedWeights, type UseFileName } from './weights.ts'

type Tensorflow = Awaited<ReturnType<typeof startTensorflow>>

export class UseEncoder {
  readonly #tensorflow: Tensorflow
  readonly #model: GraphModel
  readonly #pieces: Pieces

  /** `files` must be those whose hashes are known (weights.ts). */
  static async open(files: Readonly<Record<UseFileName, Uint8Array>>): Promise<UseEncoder> {
    const tensorflow = await startTensorflow()
    const { modelTopology, weightsManifest } = parse(files.graph) as GraphFile
    const weightSpecs = weightsManifest.flatMap(({ weights }) => weights)
    const source = { modelTopology, weightSpecs, weightData: joinedWeights(files) }
    const model = await tensorflow.loadGraphModel(tensorflow.io.fromMemory(source))
    return new UseEncoder(tensorflow, model, Pieces.read(files.vocabulary))
  }

  private constructor(tensorflow: Tensorflow, model: GraphModel, pieces: Pieces) {
    this.#tensorflow = tensorflow
    this.#model = model
    this.#pieces = pieces
  }

  tokenize(text: string): readonly number[] {
    return this.#pieces.of(text)
  }

  /** As 64-bit floats, which hold the model's 32-bit ones. Throws RecordError('not-a-number'). */
  async embed(tokens: readonly number[]): Promise<readonly number[]> {
    const { tensor1d, tensor2d } = this.#tensorflow
    const places = tokens.flatMap((_, place) => [0, place])
    const inputs = {
      indices: tensor2d(places, [tokens.length, 2], 'int32'),
      values: tensor1d(tokens, 'int32'),
    }
    let output: Tensor | undefined
    try {
      output = await this.#model.executeAsync(inputs)
      const vector = [...(await output.data())]
      if (vector.some(Number.isNaN))
        throw new RecordError('not-a-number', 'the model gives numbers that are none')
      return vector
    } finally {
      for (const tensor of [inputs.indices, inputs.values, output]) tensor?.dispose()
    }
  }
}

interface GraphFile {
  readonly modelTopology: object
  readonly weightsManifest: readonly { readonly weights: readonly object[] }[]
}

function parse(file: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(file))
}
