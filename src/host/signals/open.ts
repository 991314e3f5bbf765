/**
 * From what an owner writes to a provider.
 *
 *     trace:<file>[?speed=60][&loop]
 */
import type { Logger } from 'pino'
import { merged } from './merge.ts'
import type { SignalProvider } from './provider.ts'
import { openTrace } from './trace.ts'

/** All of them as one. Throws Error like `openProvider`. */
export function openProviders(specs: readonly string[], log: Logger): SignalProvider {
  return merged(
    specs.map((spec) => openProvider(spec, log)),
    log,
  )
}

/** Throws Error: one sentence that names the specification, and what is accepted. */
export function openProvider(spec: string, _log: Logger): SignalProvider {
  const [, kind, rest] = /^([a-z]+):(.+)$/s.exec(spec) ?? []
  switch (kind) {
    case 'trace': {
      const { target, settings } = split(spec, rest!, ['speed', 'loop'])
      const speed = Number(settings.get('speed') ?? 1)
      if (!(speed > 0 && speed <= speedMax))
        throw new Error(`${spec}: speed is a number above 0, at most ${speedMax}`)
      return openTrace(spec, target, { speed, loop: settings.has('loop') })
    }
    default:
      throw new Error(`${spec} is no source of signals: write trace:<file>`)
  }
}

/** A week in ten minutes is 1000; above, changes are closer together than they can be played. */
const speedMax = 10_000

function split(
  spec: string,
  rest: string,
  accepted: readonly string[],
): { readonly target: string; readonly settings: ReadonlyMap<string, string> } {
  const at = rest.lastIndexOf('?')
  const target = at === -1 ? rest : rest.slice(0, at)
  const settings = new Map(new URLSearchParams(at === -1 ? '' : rest.slice(at + 1)))
  for (const name of settings.keys())
    if (!accepted.includes(name)) throw new Error(`${spec}: ${name} is none of ${accepted.join(', ')}`)
  return { target, settings }
}
