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
import { gunzipSync } from 'node:zlib'
import type { GrayImage } from '../imaging/gray-image.ts'
import { RecordError } from '../runtime.ts'
import type { Box } from './box.ts'

export interface Word {
  readonly text: string
  /** In pixels of the picture that was read. */
  readonly box: Box
  /** 0 to 1, as the recogniser says. */
  readonly confidence: number
  readonly startsLine: boolean
}

export interface PageReader {
  /** Words in the reader's own order. `mode` is one of Tesseract's page segmentation modes. */
  read(picture: GrayImage, mode: SegmentationMode): Word[]
}

/** https://tesseract-ocr.github.io/tessdoc/ImproveQuality.html#page-segmentation-method */
export type SegmentationMode = 3 | 4 | 6 | 7 | 11

export function tesseractPath(): string {
  return join(dirname(createRequire(import.meta.url).resolve('tesseract-wasm')), 'tesseract-core.wasm')
}

/** `trainedData`: one language, as it is or compressed by gzip. Throws RecordError('bad-weights'). */
export async function loadTesseract(trainedData: Uint8Array): Promise<PageReader> {
  const { createOCREngine, layoutFlags } = await import('tesseract-wasm')
  const wasmBinary = await readFile(tesseractPath())
  const engine = await silently(() => createOCREngine({ wasmBinary }))
  try {
    engine.loadModel(inflated(trainedData))
  } catch {
    throw new RecordError('bad-weights', 'not the traineddata of a language that Tesseract 5 can load')
  }
  return {
    read({ width, height, pixels }, mode) {
      const data = new Uint8ClampedArray(4 * width * height)
      const words = new Uint32Array(data.buffer)
      for (let at = 0; at < pixels.length; at += 1) words[at] = 0xff000000 | (pixels[at]! * 0x010101)
      engine.setVariable('tessedit_pageseg_mode', String(mode))
      engine.loadImage({ data, width, height, colorSpace: 'srgb' } as ImageData)
      const found = engine.getTextBoxes('word')
      engine.clearImage()
      return found.map(({ text, rect, confidence, flags }) => ({
        text: text.trim(),
        box: rect,
        confidence,
        startsLine: (flags & layoutFlags.StartOfLine) !== 0,
      }))
    },
  }
}

/** The module keeps the console's functions that it finds at its start; stdout belongs to frames (main.ts). */
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

const inflatedBytesMax = 128 * 2 ** 20

function inflated(bytes: Uint8Array): Uint8Array {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  return isGzip ? gunzipSync(bytes, { maxOutputLength: inflatedBytesMax }) : bytes
}
