/**
 * Finds text on a page: PaddleOCR's detector and the post-processing of differentiable binarization.
 *
 * The detector gives each pixel of a reduced page the probability that it lies in the core of a line of text
 * (Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", AAAI 2020, section 3.5):
 * connected cores above a threshold become boxes, grown back by area times a ratio over perimeter. Where
 * OpenCV would fit each core a rotated rectangle of its own, here the page has one slope, the median of its
 * lines' slopes, and every box lies along it: text on a page is parallel, and one robust angle beats many
 * noisy ones. A page turned by a quarter or bent like a book's spine is not handled.
 */

import type { GrayImage } from '../imaging/gray-image.ts'
import { resize } from '../imaging/resize.ts'
import { RecordError } from '../runtime.ts'
import { type Box, heightOf, widthOf } from './box.ts'
import { type Core, coresAbove } from './cores.ts'
import type { Model } from './engines.ts'
import { type Frame, fixedOne, frameOfSlope } from './frame.ts'

export interface DetectedText {
  readonly frame: Frame
  /** In no particular order. */
  readonly boxes: readonly Box[]
}

/** PaddleOCR v4's defaults for DB post-processing: binarization 0.3, box 0.6 (here 0.5), growth 1.5 to 1.6. */
const coreThreshold = 0.3
const scoreMin = 0.5
const growth = 1.6

/** Cores thinner than this many detector pixels are specks. PaddleOCR's `min_size`. */
const coreSideMin = 3

/** The network halves its input five times. */
const networkStride = 32

export async function detectText(model: Model, page: GrayImage, sideMax: number): Promise<DetectedText> {
  const ratio = Math.min(1, sideMax / Math.max(page.width, page.height))
  const width = roundToStride(page.width * ratio)
  const height = roundToStride(page.height * ratio)
  const { data, dims } = await model.run({
    data: networkInput(resize(page, width, height)),
    dims: [1, 3, height, width],
  })
  if (dims.length !== 4 || dims[2] !== height || dims[3] !== width) {
    throw new RecordError('bad-weights', 'the detection model does not put out one probability per pixel')
  }
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    if (Number.isNaN(data[pixel]!)) throw new RecordError('not-a-number', 'the detection model put out NaN')
  }
  const scale = { x: page.width / width, y: page.height / height }
  const cores = coresAbove(data, width, height, coreThreshold).filter((core) => core.score >= scoreMin)
  const frame = frameOfSlope(pageSlope(cores, scale))
  return { frame, boxes: cores.flatMap((core) => boxAround(core, frame, scale)) }
}

interface Scale {
  readonly x: number
  readonly y: number
}

function roundToStride(length: number): number {
  return Math.max(networkStride, Math.round(length / networkStride) * networkStride)
}

/** ImageNet's mean and deviation per channel, as the models were trained, in blue, green, red order. */
const channels = [
  { mean: 0.485, deviation: 0.229 },
  { mean: 0.456, deviation: 0.224 },
  { mean: 0.406, deviation: 0.225 },
]

function networkInput(image: GrayImage): Float32Array {
  const area = image.width * image.height
  const input = new Float32Array(3 * area)
  for (const [index, { mean, deviation }] of channels.entries()) {
    const levels = Float32Array.from({ length: 256 }, (_, gray) => (gray / 255 - mean) / deviation)
    for (let pixel = 0; pixel < area; pixel += 1) input[index * area + pixel] = levels[image.pixels[pixel]!]!
  }
  return input
}

/** A core says something about the slope only when it is this many times longer than high. A guess. */
const elongationMin = 5

/** A slope below this moves a line by less than a pixel over a page: the page counts as upright. */
const slopeMin = fixedOne / 1024

/** Twelve degrees or so. Beyond, cores of neighbouring lines run into each other's boxes. */
const slopeMax = fixedOne / 5

/** The slope, in 1/65536, at which half of all the text's length lies on either side. */
function pageSlope(cores: readonly Core[], scale: Scale): number {
  const votes = cores
    .filter((core) => core.spreadAlong >= elongationMin * elongationMin * core.spreadAcross)
    .map((core) => ({
      slope: Math.round((core.slope * scale.y * fixedOne) / scale.x),
      length: core.right - core.left,
    }))
    .filter((vote) => Math.abs(vote.slope) <= slopeMax)
    .sort((a, b) => a.slope - b.slope || a.length - b.length)
  const total = votes.reduce((sum, vote) => sum + vote.length, 0)
  let passed = 0
  for (const vote of votes) {
    passed += vote.length
    if (2 * passed >= total) return Math.abs(vote.slope) < slopeMin ? 0 : vote.slope
  }
  return 0
}

function boxAround(core: Core, frame: Frame, scale: Scale): Box[] {
  const extent = core.extent(
    (scale.x * frame.cosine) / fixedOne,
    (scale.y * frame.sine) / fixedOne,
    (-scale.x * frame.sine) / fixedOne,
    (scale.y * frame.cosine) / fixedOne,
  )
  const width = widthOf(extent)
  const height = heightOf(extent)
  if (Math.min(width / scale.x, height / scale.y) < coreSideMin) return []
  const margin = (width * height * growth) / (2 * (width + height))
  return [
    {
      left: extent.left - margin,
      top: extent.top - margin,
      right: extent.right + margin,
      bottom: extent.bottom + margin,
    },
  ]
}
