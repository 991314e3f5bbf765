/**
 * Models that the owner of a node has given names, by which programs ask for them over HTTP (src/gateway): files in a folder of the
 * data directory, called as they are named. A file on the same file system is linked and not copied, as weights are.
 */
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { copyFile, link } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { NamedModel, NodeApi } from './api.ts'
import { RequestError } from './errors.ts'
import { syncDirectory } from './store/durable.ts'
import { isInParts, namedWeightOf, runtimeNames } from './submission/runtime-facts.ts'
import { judgeWeights } from './submission/weights.ts'

type Methods = 'models' | 'addModel' | 'removeModel'

/** A part of a URL, and a file's name. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

export function modelsOf(folder: string): Pick<NodeApi, Methods> {
  return {
    models: () => listModels(folder),
    async addModel(path, name) {
      if (!namePattern.test(name))
        throw new RequestError(
          `${JSON.stringify(name)} is no name of a model: it has up to 64 letters, digits, dots, hyphens and underscores`,
        )
      if (listModels(folder).some((model) => model.name === name))
        throw new RequestError(
          `there is a model called ${name} already; take another name, or remove it first: carpool weights remove ${name}`,
        )
      judge(path)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const file = join(folder, `${name}${extname(path)}`)
      await linkOrCopy(path, file)
      syncDirectory(folder)
      return modelAt(file)
    },
    removeModel(name) {
      const model = listModels(folder).find((one) => one.name === name)
      if (model === undefined) throw new RequestError(`there is no model called ${name} on this node`)
      rmSync(model.path)
      return model
    },
  }
}

/** Sorted by name. */
function listModels(folder: string): NamedModel[] {
  let files: string[]
  try {
    files = readdirSync(folder).sort()
  } catch {
    return [] // nobody has named any
  }
  return files.filter((file) => !file.endsWith(partSuffix)).map((file) => modelAt(join(folder, file)))
}

function modelAt(path: string): NamedModel {
  const { size: bytes, ctimeMs } = statSync(path)
  return { name: basename(path, extname(path)), path, bytes, addedAtMs: Math.round(ctimeMs) }
}

/** Refuses a file that no runtime would load. Throws RequestError with the fault that the first one names. */
function judge(path: string): void {
  if (runtimeNames.some((runtime) => isInParts(runtime, path)))
    throw new RequestError(
      `the model at ${path} is in parts: join them with llama-gguf-split --merge, since a name over HTTP is that of one file; or submit it by the path of its first part`,
    )
  const source = { name: 'model', path }
  const faults: unknown[] = []
  for (const runtime of runtimeNames.filter((one) => namedWeightOf(one) === source.name)) {
    try {
      judgeWeights(runtime, source)
      return
    } catch (error) {
      faults.push(error)
    }
  }
  throw faults[0]
}

const partSuffix = '.part'

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    return await link(from, to)
  } catch {
    // On another file system, or one without links.
  }
  const part = `${to}${partSuffix}`
  closeSync(openSync(part, 'w', 0o600))
  await copyFile(from, part)
  renameSync(part, to)
}
