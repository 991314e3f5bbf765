/** The one weight of runtimes that take a GGUF model, as submitters and vehicles know it without loading an engine. */
import type { NamedWeight } from '../runtime.ts'
import { ggufFault, ggufHeadFault } from './check.ts'

export const modelWeights: NamedWeight = { named: 'model', ending: '.gguf' }

/** Looks at the model's structure. */
export function faultOfModel(_name: string, bytes: Uint8Array): string | null {
  const fault = ggufFault(bytes)
  return fault === null ? null : `the model ${fault}`
}

/** The same of a file of `bytes` that is too large to be read, by its head. */
export function faultOfLargeModel(_name: string, head: Uint8Array, bytes: number): string | null {
  const fault = ggufHeadFault(head, bytes)
  return fault === null ? null : `the model ${fault}`
}
