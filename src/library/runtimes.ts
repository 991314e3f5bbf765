/** Takes in the runtimes of the program that embeds a node. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { RequestError } from '../host/errors.ts'
import type { DefinedRuntime } from '../runtimes/define.ts'
import { limitOptions } from '../runtimes/options.ts'
import { type Runtimes, runtimes } from '../runtimes/registry.ts'
import type { NodeOptions, RuntimeSource } from './contract.ts'

/** As far as it can be told before anything is asked of it. */
const definition = z.looseObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  unit: z.looseObject({
    one: z.string().regex(/^[a-z]{1,16}$/),
    many: z.string().min(1).max(32),
    pricedPer: z.union([z.literal(1), z.literal(1000)]),
  }),
  takesText: z.boolean(),
  weights: z.looseObject({}),
  options: z.record(z.string(), z.looseObject({})),
  load: z.function(),
  refusalOf: z.function(),
  faultOfWeights: z.function(),
})

/** Those that come along, and these beside them. Throws RequestError, which names the module. */
export async function runtimesWith(given: NonNullable<NodeOptions['runtimes']>): Promise<Runtimes> {
  const known: Record<string, Runtimes[string]> = { ...runtimes }
  for (const one of given) {
    const { module, files = [] } = isSource(one) ? one : { module: one }
    const path = pathOf(module)
    const runtime = await definedIn(path)
    if (Object.hasOwn(known, runtime.name))
      throw new RequestError(`${path} defines the runtime ${runtime.name}, and there is one of this name`)
    known[runtime.name] = {
      ...runtime,
      options: { ...runtime.options, ...limitOptions },
      module: { path, files: files.map(pathOf) },
    }
  }
  return known
}

function isSource(given: string | URL | RuntimeSource): given is RuntimeSource {
  return typeof given === 'object' && !(given instanceof URL)
}

function pathOf(given: string | URL): string {
  const path = given instanceof URL || given.startsWith('file:') ? fileURLToPath(given) : resolve(given)
  if (!existsSync(path)) throw new RequestError(`there is no file ${path}, which a runtime needs`)
  return path
}

/** Throws RequestError. */
async function definedIn(path: string): Promise<DefinedRuntime> {
  let module: { readonly default?: unknown }
  try {
    module = await import(pathToFileURL(path).href)
  } catch (error) {
    throw new RequestError(`the runtime in ${path} cannot be imported: ${(error as Error).message}`)
  }
  const parsed = definition.safeParse(module.default)
  if (parsed.success) return module.default as DefinedRuntime
  const [issue] = parsed.error.issues
  const place = issue!.path.length === 0 ? 'its default export' : issue!.path.join('.')
  throw new RequestError(
    `${path} defines no runtime: ${place} is not what defineRuntime returns (${issue!.message})`,
  )
}
