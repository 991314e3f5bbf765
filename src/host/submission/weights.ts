/**
 * The facts that a submitter must know of a runtime: the weights it needs, their place on this machine, and the unit
 * that its work is counted in. Vehicles never look here: they get weights by CID, over the mesh.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Payment } from '../../protocol/price.ts'
import type { RuntimeDescription } from '../../runtimes/messages.ts'
import type { OptionDescriptions } from '../../runtimes/options.ts'
import { runtimes } from '../../runtimes/registry.ts'
import { RequestError } from '../errors.ts'

export interface WeightSource {
  readonly name: string
  readonly path: string
}

/** In the order in which help texts show them. */
export const runtimeNames = Object.keys(runtimes)

/** Sorted by name, as in the manifest. Throws RequestError. */
export function weightSources(runtime: string, module: string | null): WeightSource[] {
  const { weights } = described(runtime)
  if (weights === 'module') {
    if (module === null)
      throw new RequestError(`the ${runtime} runtime needs a module: name one with --module <file.wasm>`)
    return [{ name: 'module', path: module }]
  }
  const folder = join(dirname(createRequire(import.meta.url).resolve(weights.package)), weights.folder)
  return Object.entries(weights.files)
    .map(([name, file]) => ({ name, path: join(folder, file) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Throws RequestError. */
export function optionsOf(runtime: string): OptionDescriptions {
  return described(runtime).options
}

/** Throws RequestError. */
export function unitOf(runtime: string): Payment['unit'] {
  return described(runtime).unit
}

/** Throws RequestError, also for what every vehicle would refuse to load. */
export function readWeights(runtime: string, source: WeightSource): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(source.path)
  } catch (error) {
    throw new RequestError(`the ${source.name} at ${source.path} cannot be read: ${(error as Error).message}`)
  }
  const fault = described(runtime).faultOfWeights(source.name, bytes)
  if (fault !== null) throw new RequestError(`the ${source.name} at ${source.path} is refused: ${fault}`)
  return bytes
}

function described(runtime: string): RuntimeDescription {
  const known = Object.hasOwn(runtimes, runtime) ? runtimes[runtime] : undefined
  if (known === undefined)
    throw new RequestError(`there is no runtime '${runtime}'; there are ${runtimeNames.join(' and ')}`)
  return known
}
