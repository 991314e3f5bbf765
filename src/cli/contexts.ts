/**
 * Contexts: meshes that a person uses from this data directory, each by a name and the addresses of its bootstrap peers, so
 * that nobody types them with each command. One of them is in use. What a flag, a variable or the file of options says
 * counts before it.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { clean } from '../base/printable.ts'
import { writeWhole } from '../host/store/durable.ts'
import { isBootstrapAddress } from './config/options.ts'
import { CommandFailure } from './failure.ts'

export interface Contexts {
  /** Null: none. */
  readonly used: string | null
  /** By name, the addresses of its bootstrap peers. */
  readonly meshes: Readonly<Record<string, readonly string[]>>
}

export const contextNamePattern = /^[a-z0-9][a-z0-9._-]{0,31}$/i

const schema: z.ZodType<Contexts> = z.strictObject({
  used: z.string().nullable(),
  meshes: z.record(
    z.string().regex(contextNamePattern),
    z.array(z.string().refine(isBootstrapAddress)).min(1),
  ),
})

const none: Contexts = { used: null, meshes: {} }

/** Throws CommandFailure for a file that cannot be read. */
export function readContexts(dataDir: string): Contexts {
  const path = pathIn(dataDir)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none
    throw new CommandFailure(`${path} cannot be read: ${clean((error as Error).message)}`)
  }
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    throw new CommandFailure(
      `${path} is damaged; remove it, and add the contexts again with: carpool context add`,
    )
  }
}

export function writeContexts(dataDir: string, contexts: Contexts): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeWhole(pathIn(dataDir), Buffer.from(`${JSON.stringify(contexts, null, 2)}\n`), { mode: 0o600 })
}

/** Takes the bootstrap peers of the context that is in use, where nothing else names any. */
export function inContext<
  Known extends {
    readonly dataDir: string
    readonly bootstrap: readonly string[]
    readonly origins: { readonly bootstrap: { readonly layer: string } }
  },
>(config: Known): Known {
  if (config.origins.bootstrap.layer !== 'default') return config
  const { used, meshes } = readContexts(config.dataDir)
  return used === null ? config : { ...config, bootstrap: [...(meshes[used] ?? [])] }
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'contexts.json')
}
