/**
 * NetworkManager's property `Metered`, over the system's D-Bus.
 *
 * dbus-native, because it is kept, has one dependency, which is not used here, and brings the bus that the tests need. A
 * D-Bus client of our own would be marshalling that Carpool does not exist for; `busctl` tells of changes only to root,
 * and is not on a vehicle without systemd. NetworkManager's signal only wakes: the value is always asked for, also every
 * five seconds, so that a reading is never older than it claims.
 */
import { createClient, type MessageBus } from 'dbus-native'
import type { Logger } from 'pino'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { Intake } from './intake.ts'
import { keepTrying } from './keep-trying.ts'
import { Latest } from './latest.ts'
import type { SignalProvider } from './provider.ts'

const service = 'org.freedesktop.NetworkManager'
const path = '/org/freedesktop/NetworkManager'
const properties = 'org.freedesktop.DBus.Properties'

/** A guess: a metered network costs little in that time, and asking costs a millisecond. */
const periodMs = 5_000
/** A storm of changes is asked about no more often. */
const pauseMs = 100
const answerMsMax = 5_000
/** All properties of NetworkManager have some KiB. */
const messageBytesMax = 256 * 1024

/** NMMetered: 1 yes, 2 no, 3 and 4 the same by guess, as for a telephone's hotspot; 0 is not known. */
const meteredSchema = z.int().min(0).max(4)

export function openNetworkManager(name: string, busAddress: string, log: Logger): SignalProvider {
  return {
    name,
    async *readings(signal) {
      const latest = new Latest(signal)
      const intake = new Intake(name, latest, log)
      void keepTrying(signal, intake, (onReading) => session(busAddress, intake, onReading, signal))
      yield* latest
    },
  }
}

/** Until the bus or NetworkManager is gone, which throws Error that says so. */
async function session(
  busAddress: string,
  intake: Intake,
  onReading: () => void,
  signal: AbortSignal,
): Promise<void> {
  const bus = createClient({
    busAddress,
    authMethods: ['EXTERNAL'],
    maxMessageSize: messageBytesMax,
    timeout: answerMsMax,
  })
  const { connection } = bus
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => undefined)
  const end = (): void => ended.reject(new Error('no longer asked for'))
  signal.addEventListener('abort', end)
  connection.on('error', (error: Error) => ended.reject(error))
  connection.on('close', () => ended.reject(new Error('the bus closed the connection')))
  let wake = Promise.withResolvers<void>()
  connection.on('message', ({ member, path: from }) => {
    if (member === 'PropertiesChanged' && from === path) wake.resolve()
  })
  try {
    const rule = `type='signal',path='${path}',interface='${properties}',member='PropertiesChanged'`
    await Promise.race([ended.promise, bus.addMatch(rule)])
    for (;;) {
      wake = Promise.withResolvers()
      const metered = await Promise.race([ended.promise, ask(bus)])
      const value = metered === 0 ? null : metered === 1 || metered === 3
      if (intake.take([['Carpool.Network.IsMetered', value, systemClock.now()]])) onReading()
      await Promise.race([ended.promise, pause(pauseMs)])
      await Promise.race([ended.promise, wake.promise, pause(periodMs - pauseMs)])
    }
  } catch (error) {
    throw new Error(
      `NetworkManager cannot be asked whether the network is metered (the option network can say it): ${(error as Error).message}`,
    )
  } finally {
    signal.removeEventListener('abort', end)
    connection.end()
  }
}

async function ask(bus: MessageBus): Promise<number> {
  const answer: unknown = await bus.invoke({
    destination: service,
    path,
    interface: properties,
    member: 'Get',
    signature: 'ss',
    body: [service, 'Metered'],
  })
  const metered = meteredSchema.safeParse(answer)
  if (!metered.success) throw new Error('its answer is none that is known')
  return metered.data
}

async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
