/**
 * Tesseract's LSTM recogniser (Smith, "An Overview of the Tesseract OCR Engine", ICDAR 2007; LSTM since version 4), compiled to
 * WebAssembly by the package tesseract-wasm.
 *
 * It reads whole pages: it finds lines by itself and gives each word with a box and a confidence. The build with SIMD is pinned:
 * the one without gave the same text in every trial, and takes five times as long. Neither has threads nor relaxed SIMD, so that
 * a page gives the same words on every CPU, and both of our engines use it.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { GrayImage } from '../imaging/gray-image.ts'
import { hasRunOut, RecordError } from '../runtime.ts'
import type { Box } from './box.ts'
import { inflatedTraineddata, traineddataFault } from './traineddata.ts'

export interface Word {
  readonly text: string
  /** In pixels of the picture that was read. */
  readonly box: Box
  /** 0 to 1, as the recogniser says. */
  readonly confidence: number
  readonly startsLine: boolean
}

export interface PageReader {
  /** The boxes of the picture's lines, without reading them. The picture is held until the next one is read. */
  layout(picture: GrayImage): Box[]
  /** Words in the reader's own order. `mode` is one of Tesseract's page segmentation modes. */
  read(picture: GrayImage, mode: SegmentationMode): Word[]
}

/** https://tesseract-ocr.github.io/tessdoc/ImproveQuality.html#page-segmentation-method */
type SegmentationMode = 3 | 4 | 7
const layoutMode = 3

export function tesseractPath(): string {
  return join(dirname(createRequire(import.meta.url).resolve('tesseract-wasm')), 'tesseract-core.wasm')
}

/** `trainedData`: one language, as it is or compressed by gzip. Throws RecordError('bad-weights'). */
export async function loadTesseract(trainedData: Uint8Array): Promise<PageReader> {
  const fault = traineddataFault(trainedData)
  if (fault !== null) throw new RecordError('bad-weights', `the traineddata ${fault}`)
  const { createOCREngine, layoutFlags } = await import('tesseract-wasm')
  const wasmBinary = await readFile(tesseractPath())
  const engine = await silently(() => createOCREngine({ wasmBinary }))
  try {
    engine.loadModel(inflatedTraineddata(trainedData)!)
  } catch (error) {
    if (hasRunOut(error)) throw error
    throw new RecordError('bad-weights', 'not the traineddata of a language that Tesseract 5 can load')
  }
  /** The picture that is laid out, as columns: to read it so, it need not be laid out again. */
  let laidOut: GrayImage | undefined
  const show = (picture: GrayImage, mode: SegmentationMode): void => {
    if (picture === laidOut && mode === layoutMode) return
    laidOut = undefined
    const { width, height, pixels } = picture
    const data = new Uint8ClampedArray(4 * width * height)
    const colours = new Uint32Array(data.buffer)
    for (let at = 0; at < pixels.length; at += 1) colours[at] = 0xff000000 | (pixels[at]! * 0x010101)
    engine.loadImage({ data, width, height })
    engine.setVariable('tessedit_pageseg_mode', String(mode)) // loading sets it back
  }
  return {
    layout(picture) {
      show(picture, layoutMode)
      const lines = engine.getBoundingBoxes('line').map(({ rect }) => rect)
      laidOut = picture
      return lines
    },
    read(picture, mode) {
      show(picture, mode)
      const found = engine.getTextBoxes('word')
      engine.clearImage()
      laidOut = undefined
      return found.map(({ text, rect, confidence, flags }) => ({
        text: text.trim(),
        box: rect,
        confidence,
        startsLine: (flags & layoutFlags.StartOfLine) !== 0,
      }))
    },
  }
}

/** The module keeps the console's functions that it finds at its start; stdout belongs to frames (main.mts). */
async function silently<Result>(start: () => Promise<Result>): Promise<Result> {
  const { log, warn } = console
  console.log = () => {}
  console.warn = () => {}
  try {
    return await start()
  } finally {
    console.log = log
    console.warn = warn
  }
}
