/** Joins several sources of readings into one. */
import type { Logger } from 'pino'
import { Latest } from './latest.ts'
import type { SignalProvider } from './provider.ts'

/** Several sources as one: of a path that more than one knows, the newest reading counts. `latest.ts` has the rules. */
export function merged(providers: readonly SignalProvider[], log: Logger): SignalProvider {
  if (providers.length === 1) return providers[0]!
  return {
    name: providers.map(({ name }) => name).join(', '),
    async *readings(signal) {
      const latest = new Latest(signal)
      for (const [i, provider] of providers.entries())
        void pump(provider, `${i}`, latest, signal).catch((err: unknown) =>
          log.error(
            { err, provider: provider.name },
            'a source of vehicle signals is broken, and silent from now on',
          ),
        )
      yield* latest
    },
  }
}

async function pump(
  provider: SignalProvider,
  source: string,
  latest: Latest,
  signal: AbortSignal,
): Promise<void> {
  for await (const state of provider.readings(signal)) latest.put(state, source)
}
