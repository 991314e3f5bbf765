/** Reads one line of text from its picture: PaddleOCR's recogniser at its trained height of 48 pixels. */

import type { GrayImage } from '../imaging/gray-image.ts'
import { resize } from '../imaging/resize.ts'
import { RecordError } from '../runtime.ts'
import { type DecodedLine, decodeColumns } from './ctc.ts'
import type { Model } from './engines.ts'

const networkHeight = 48
const networkWidthMin = 16

/** Throws RecordError: 'not-a-number', or 'bad-weights' when model and dictionary do not belong together. */
export async function recognise(
  model: Model,
  characters: readonly string[],
  line: GrayImage,
): Promise<DecodedLine> {
  const width = Math.max(networkWidthMin, Math.round((networkHeight * line.width) / line.height))
  const { data, dims } = await model.run({
    data: networkInput(resize(line, width, networkHeight)),
    dims: [1, 3, networkHeight, width],
  })
  const [, columns, classes] = dims
  if (dims.length !== 3 || columns === undefined || classes !== characters.length + 1) {
    throw new RecordError('bad-weights', 'the recognition model and the dictionary do not belong together')
  }
  return decodeColumns(data, columns, characters)
}

/** Gray levels from -1 to 1 in three equal channels. */
const levels = Float32Array.from({ length: 256 }, (_, gray) => (gray / 255 - 0.5) / 0.5)

function networkInput(image: GrayImage): Float32Array {
  const area = image.width * image.height
  const input = new Float32Array(3 * area)
  for (let pixel = 0; pixel < area; pixel += 1) input[pixel] = levels[image.pixels[pixel]!]!
  input.copyWithin(area, 0, area)
  input.copyWithin(2 * area, 0, area)
  return input
}
