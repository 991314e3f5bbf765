/** Reads a job's weights, refuses those that no vehicle would load, and puts them aside. */
import type { Manifest } from '../../protocol/job/manifest.ts'
import { weightsBytesMax } from '../../protocol/limits.ts'
import { ownOptionsOf } from '../../runtimes/registry.ts'
import type { SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import type { Staging } from './staging.ts'
import { namedWeightOf, readWeights, weightSources } from './weights.ts'

/** In the order of their names. Throws RequestError. */
export async function keepWeights(
  request: SubmitRequest,
  executor: Executor,
  staged: Staging,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Manifest['weights']> {
  const { runtime, options } = request
  const sources = weightSources(runtime, request)
  const weights: Manifest['weights'][number][] = []
  let bytes = 0
  for (const [done, source] of sources.entries()) {
    onProgress({ step: 'importing-weights', done, total: sources.length })
    const file = readWeights(runtime, source)
    bytes += file.byteLength
    if (bytes > weightsBytesMax)
      throw new RequestError(
        `the ${source.name} at ${source.path} is too large: the weights of a job have at most ${weightsBytesMax} bytes together`,
      )
    if (source.name === namedWeightOf(runtime)) {
      const weight = { name: source.name, bytes: file }
      const fault = (await executor.tryWeight?.(runtime, weight, ownOptionsOf(options))) ?? null
      if (fault !== null)
        throw new RequestError(`no vehicle would run the ${source.name} at ${source.path}: ${fault}`)
    }
    weights.push({ name: source.name, ...(await staged.keep(file, 'weights')) })
  }
  return weights
}
