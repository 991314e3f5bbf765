/** Opens the sources that an owner named with `--signals` and `--network`. */
import type { Logger } from 'pino'
import { openCommand } from './command.ts'
import { merged } from './merge.ts'
import { type NetworkKind, openNetwork } from './network.ts'
import type { SignalProvider } from './provider.ts'
import { acceptedSpecs, addressOf, shown, speedMax, split } from './specs.ts'
import { openTrace } from './trace.ts'

/** All that is known of a vehicle and its network, as one. Throws Error like `openProvider`. */
export function openProviders(
  specs: readonly string[],
  network: NetworkKind,
  log: Logger,
  onUnused: OnUnused = () => {},
): SignalProvider {
  const providers = specs.map((spec) => openProvider(spec, log, onUnused))
  return merged([...providers, openNetwork(network, log)], log)
}

/**
 * Called with the name of a signal that comes and that Carpool has no use for, as often as it comes. Servers are asked only for
 * what is used, and send no others.
 */
type OnUnused = (name: string) => void

/** Throws Error: one sentence that names the specification, and the accepted ones. */
export function openProvider(spec: string, log: Logger, onUnused: OnUnused = () => {}): SignalProvider {
  const [, kind, rest] = /^([a-z]+):(.+)$/s.exec(spec) ?? []
  switch (kind) {
    case 'trace': {
      const { target, settings } = split(spec, rest!, ['speed', 'loop'])
      const speed = Number(settings.get('speed') ?? 1)
      if (!(speed > 0 && speed <= speedMax))
        throw new Error(`${spec}: speed is a number above 0, at most ${speedMax}`)
      return openTrace(spec, target, { speed, loop: settings.has('loop'), onUnused })
    }
    case 'command':
      return openCommand(spec, rest!, log, onUnused)
    case 'viss': {
      const { target, settings } = split(spec, rest!, ['version', 'token-file', 'held'])
      const url = addressOf(spec, target, ['ws:', 'wss:'])
      const version = Number(settings.get('version') ?? 2)
      if (version !== 2 && version !== 3) throw new Error(`${shown(spec)}: version is 2 or 3`)
      const tokenFile = settings.get('token-file') ?? null
      const options = { url, version, tokenFile, held: settings.has('held') } as const
      return loaded(spec, async () => (await import('./viss.ts')).openViss(spec, options, log))
    }
    case 'kuksa': {
      const { target, settings } = split(spec, rest!, ['token-file', 'held'])
      const url = addressOf(spec, target, ['http:', 'https:'])
      const tokenFile = settings.get('token-file') ?? null
      const options = { url, tokenFile, held: settings.has('held') }
      return loaded(spec, async () => (await import('./kuksa.ts')).openKuksa(spec, options, log))
    }
    default:
      throw new Error(`${shown(spec)} is no source of signals: write ${acceptedSpecs}`)
  }
}

/** Its libraries come into the process only where they are used: gRPC alone costs it 40 MB. */
function loaded(name: string, load: () => Promise<SignalProvider>): SignalProvider {
  return {
    name,
    async *readings(signal) {
      yield* (await load()).readings(signal)
    },
  }
}
