/** The models that programs may name: those that stand for a runtime as it is, and files that the node's owner has given names. */
import type { NodeApi } from '../host/api.ts'
import { isInstalled } from '../host/submission/weights.ts'
import type { EndpointDescription, RuntimeDescription } from '../runtimes/messages.ts'
import { runtimes } from '../runtimes/registry.ts'

export interface Model {
  readonly id: string
  /** Null: it is part of a runtime. */
  readonly path: string | null
  readonly addedAtMs: number
}

/** The way in which a model answers at an endpoint. */
export interface Service {
  readonly runtime: string
  readonly description: RuntimeDescription
  readonly endpoint: EndpointDescription
  readonly model: Model
}

const descriptions: readonly (readonly [string, RuntimeDescription])[] = Object.entries(runtimes)

/** Every path at which batches are taken. */
export const endpointUrls: readonly string[] = [
  ...new Set(descriptions.flatMap(([, { endpoints = [] }]) => endpoints.map(({ url }) => url))),
]

/** Those of runtimes first, then by name. */
export function modelsOf(api: Pick<NodeApi, 'models'>): Model[] {
  const builtIn = new Set(
    descriptions.flatMap(([runtime, { endpoints = [] }]) =>
      endpoints.flatMap(({ models }) => models.filter((model) => isInstalled(runtime, model))),
    ),
  )
  const named = api.models().filter(({ name }) => !builtIn.has(name))
  return [
    ...[...builtIn].map((id) => ({ id, path: null, addedAtMs: 0 })),
    ...named.map(({ name, path, addedAtMs }) => ({ id: name, path, addedAtMs })),
  ]
}

/** Undefined where nothing by this name answers there. */
export function serviceOf(models: readonly Model[], url: string, id: string): Service | undefined {
  const model = models.find((one) => one.id === id)
  if (model === undefined) return undefined
  for (const [runtime, description] of descriptions)
    for (const endpoint of description.endpoints ?? [])
      if (
        endpoint.url === url &&
        (model.path === null ? endpoint.models.includes(id) : takesFile(description))
      )
        return { runtime, description, endpoint, model }
  return undefined
}

/** The way in which a model has answered there, whose name this node may have forgotten since: enough to read its answers by. */
export function formerServiceOf(models: readonly Model[], url: string, id: string): Service | undefined {
  const known = serviceOf(models, url, id)
  if (known !== undefined) return known
  for (const [runtime, description] of descriptions)
    for (const endpoint of description.endpoints ?? [])
      if (endpoint.url === url && takesFile(description))
        return { runtime, description, endpoint, model: { id, path: null, addedAtMs: 0 } }
  return undefined
}

function takesFile({ weights }: RuntimeDescription): boolean {
  return 'named' in weights && weights.named === 'model'
}

/** As clients read it. */
export function modelObject({ id, addedAtMs }: Model): object {
  return { id, object: 'model', created: Math.floor(addedAtMs / 1000), owned_by: 'carpool' }
}
