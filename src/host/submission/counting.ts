/**
 * Counts the work in documents before they are sent, where a runtime has units of its own: on the submitter's machine, in a child
 * without network and files, by the weights of the job.
 */
import { createReadStream } from 'node:fs'
import { ownOptionsOf, type Runtimes } from '../../runtimes/registry.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { type Executor, SessionRefused, SlotFailed, type UnitCounter } from '../executor/contract.ts'
import { unitOf } from './runtime-facts.ts'
import { weightBytes, weightSources } from './weights.ts'

/** Undefined where the runtime counts pages. Throws RequestError, and so do its answers. */
export async function counterFor(
  request: SubmitRequest,
  executor: Executor,
  known?: Runtimes,
): Promise<UnitCounter | undefined> {
  const { runtime, options } = request
  const { isCounted, many } = unitOf(runtime, known)
  if (isCounted !== true || executor.openCounter === undefined) return undefined
  const sources = weightSources(runtime, request, known)
  const weights = async () =>
    new Map(
      sources.map((source) => [
        source.name,
        { bytes: weightBytes(source), path: source.path, read: () => createReadStream(source.path) },
      ]),
    )
  const session = { key: 'counting', runtime, engine: 'exact', options: ownOptionsOf(options), weights }
  const counter = executor.openCounter(session)
  return {
    close: () => counter.close(),
    async shapeOf(document) {
      try {
        return await counter.shapeOf(document)
      } catch (error) {
        if (error instanceof SessionRefused)
          throw new RequestError(`no vehicle would run the job: ${error.message}`)
        if (error instanceof SlotFailed)
          throw new RequestError(`this machine cannot count the ${many} of its documents: ${error.message}`)
        throw error
      }
    },
  }
}
