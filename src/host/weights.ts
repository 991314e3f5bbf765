/** Answers the owner of a node who asks about the weights that lie on its disk. */
import type { NodeApi } from './api.ts'
import { RequestError } from './errors.ts'
import type { BlockStore } from './store/blocks.ts'
import { fileBlockBytesMax, fileBytesMax } from './store/files.ts'
import type { ShelvedWeights } from './store/weight-shelf.ts'
import { Staging } from './submission/staging.ts'
import { weightBytes } from './submission/weights.ts'

type Methods = 'weights' | 'addWeights' | 'pinWeights' | 'removeWeights'

export function weightsOf(blocks: BlockStore): Pick<NodeApi, Methods> {
  const { weights } = blocks
  const known = (start: string): ShelvedWeights => {
    const found = weights.list().filter(({ file }) => file.startsWith(start))
    if (found.length === 1) return found[0]!
    const many = found.length > 1 ? 'more than one file of weights begins so' : 'no weights are called so'
    throw new RequestError(`${start}: ${many} on this node; see: carpool weights list`)
  }
  return {
    weights: () => weights.list(),
    async addWeights(path) {
      const bytes = weightBytes({ name: 'file', path })
      if (bytes <= fileBlockBytesMax || bytes > fileBytesMax)
        throw new RequestError(
          `${path} has ${bytes} bytes: only weights of more than ${fileBlockBytesMax} and at most ${fileBytesMax} bytes are kept as files`,
        )
      const staging = new Staging(blocks)
      try {
        const { file } = await staging.keepWeights(path, () => {})
        weights.pin(file)
        await staging.letGo()
        return known(file)
      } catch (error) {
        await staging.letGo()
        throw error
      }
    },
    pinWeights(start, isPinned) {
      const { file, partsHere, parts } = known(start)
      if (isPinned && partsHere < parts)
        throw new RequestError(`${file}: ${partsHere} of ${parts} parts are here; pin it when all are`)
      if (isPinned) weights.pin(file)
      else weights.unpin(file)
      return weights.list().find((row) => row.file === file) ?? null
    },
    removeWeights(start) {
      const row = known(start)
      if (row.jobs > 0)
        throw new RequestError(
          `${row.file} is in use by ${row.jobs === 1 ? 'a job' : `${row.jobs} jobs`}: it can go when they have ended`,
        )
      weights.remove(row.file)
      return row
    },
  }
}
