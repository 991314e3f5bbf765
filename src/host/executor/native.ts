/** Engines that run machine code: which they are, and the links of isolation without which this machine must not run them. */
import { type Runtimes, runtimeIn } from '../../runtimes/registry.ts'
import type { WithheldEngine } from './contract.ts'
import { type Isolation, lacking, missingForNative } from './isolation.ts'

/** Engines that are not exact are native addons. */
export function isNative({ engine }: { readonly engine: string }): boolean {
  return engine !== 'exact'
}

/** An engine that computes on a graphics processor, whose devices its child must see. */
export function isAccelerated({ engine }: { readonly engine: string }): boolean {
  return engine === 'gpu'
}

/** Names the links without which this machine must not run the engine. */
export function missingFor(
  { runtime, engine }: { readonly runtime: string; readonly engine: string },
  isolation: Isolation,
  known: Runtimes,
): readonly string[] {
  if (!isNative({ engine })) return []
  return runtimeIn(known, runtime)?.nativeNeedsAll ? isolation.missing : missingForNative(isolation)
}

export function whyNot(missing: readonly string[]): string {
  return `it runs machine code on models that strangers choose, in processes of its own, and ${lacking(missing)}`
}

/** Those of a machine's engines that it must not run, each with the reason. */
export function unconfined(
  engines: readonly { readonly runtime: string; readonly engine: string }[],
  isolation: Isolation,
  known: Runtimes,
): WithheldEngine[] {
  return engines.flatMap(({ runtime, engine }) => {
    const missing = missingFor({ runtime, engine }, isolation, known)
    return missing.length === 0 ? [] : [{ runtime, engine, why: whyNot(missing) }]
  })
}
