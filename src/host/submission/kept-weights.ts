/** Reads a job's weights, refuses those that no vehicle would load, and puts them aside. */
import type { Manifest } from '../../protocol/job/manifest.ts'
import { weightsBytesMax } from '../../protocol/limits.ts'
import { ownOptionsOf, type Runtimes } from '../../runtimes/registry.ts'
import { bytesInMemoryMax } from '../../runtimes/weight.ts'
import type { SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import { fileBytesMax } from '../store/files.ts'
import { namedWeightOf } from './runtime-facts.ts'
import type { Staging } from './staging.ts'
import {
  judgeLargeWeights,
  judgeTogether,
  notRun,
  readWeights,
  weightBytes,
  weightSources,
} from './weights.ts'

/** In the order of their names. Throws RequestError. */
export async function keepWeights(
  request: SubmitRequest,
  executor: Executor,
  staged: Staging,
  onProgress: (progress: SubmitProgress) => void,
  known?: Runtimes,
): Promise<Manifest['weights']> {
  const { runtime, options } = request
  const sources = weightSources(runtime, request, known)
  judgeTogether(runtime, sources, known)
  const weights: Manifest['weights'][number][] = []
  let bytes = 0
  for (const [done, source] of sources.entries()) {
    const told = (part: number) =>
      onProgress({ step: 'importing-weights', done: done + part, total: sources.length })
    told(0)
    const length = weightBytes(source)
    bytes += length
    if (bytes > weightsBytesMax || length > fileBytesMax)
      throw new RequestError(
        `the ${source.name} at ${source.path} is too large: a file of weights has at most ${fileBytesMax} bytes, and those of a job at most ${weightsBytesMax} together`,
      )
    if (length > bytesInMemoryMax) {
      judgeLargeWeights(runtime, source, length, known)
      let percent = 0
      const kept = await staged.keepWeights(source.path, (read) => {
        const now = Math.floor((read / length) * 100)
        if (now > percent) told(now / 100)
        percent = now
      })
      weights.push({ name: source.name, ...kept })
      continue
    }
    const file = readWeights(runtime, source, known)
    if (source.name === namedWeightOf(runtime, known)) {
      const weight = { name: source.name, bytes: file }
      const fault = (await executor.tryWeight?.(runtime, weight, ownOptionsOf(options))) ?? null
      if (fault !== null) throw notRun(source, fault)
    }
    weights.push({ name: source.name, ...(await staged.keep(file, 'weights')) })
  }
  return weights
}
