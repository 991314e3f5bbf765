/** Finds out whether the network in use is paid by the byte: from the owner's word, or from NetworkManager. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import type { SignalProvider } from './provider.ts'

export type NetworkKind = 'auto' | 'metered' | 'unmetered'

/** The owner's word always holds; it is repeated as often as a bus would repeat a signal. */
const repeatMs = 1_000

export function openNetwork(kind: NetworkKind, log: Logger): SignalProvider {
  const name = `network:${kind}`
  return {
    name,
    async *readings(signal) {
      if (kind === 'auto') {
        // Loaded only where it is used: it costs each process that has it 12 MB.
        const { openNetworkManager } = await import('./network-manager.ts')
        yield* openNetworkManager(name, systemBusAddress(), log).readings(signal)
        return
      }
      while (!signal.aborted) {
        yield { 'Carpool.Network.IsMetered': { value: kind === 'metered', atMs: systemClock.now() } }
        await sleep(repeatMs, undefined, { signal }).catch(() => undefined)
      }
    },
  }
}

/** As the D-Bus specification has it. */
function systemBusAddress(): string {
  return process.env.DBUS_SYSTEM_BUS_ADDRESS || 'unix:path=/var/run/dbus/system_bus_socket'
}
