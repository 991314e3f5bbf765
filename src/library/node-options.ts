/** A program's options as those of a node. */
import { resolve } from 'node:path'
import { type Logger, pino } from 'pino'
import { RequestError } from '../host/errors.ts'
import type { NodeOptions as HostOptions } from '../host/node/options.ts'
import { software } from '../host/software.ts'
import { unitMicrosMax } from '../protocol/limits.ts'
import { type Ask, parsePrice } from '../protocol/price.ts'
import { contradictionIn, defaultPreferences, type Preferences } from '../protocol/rules/preferences.ts'
import { type Runtimes, runtimeIn } from '../runtimes/registry.ts'
import type { NodeOptions } from './contract.ts'
import { runtimesWith } from './runtimes.ts'

/** As the command's (cli/config/options.ts). */
const listenDefault = ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0']
const cacheBytesDefault = 2 * 2 ** 30
const slotWattsDefault = 10

/** Throws RequestError. */
export async function hostOptions(options: NodeOptions, log: Logger): Promise<HostOptions> {
  const runtimes = await runtimesWith(options.runtimes ?? [])
  const { slots = 0, listen = listenDefault, fleet, meshKey } = options
  const path = (given: string | undefined) => (given === undefined ? null : resolve(given))
  return {
    dataDir: resolve(options.dataDir),
    listen,
    announce: options.announce ?? [],
    bootstrap: options.bootstrap ?? [],
    lan: (fleet !== undefined || meshKey !== undefined) && !listen.every(isOwnMachine),
    name: options.name ?? '',
    slots,
    ownerCertificate: path(options.owner),
    fleet: path(fleet),
    fleetKey: path(options.fleetKey),
    meshKey: path(meshKey),
    cacheBytesMax: options.cacheBytesMax ?? cacheBytesDefault,
    asks: asksOf(options.prices ?? {}, runtimes),
    wish: wishOf(options.rules ?? {}),
    signals: options.signals ?? [],
    network: 'auto',
    slotWatts: slotWattsDefault,
    log,
    standsBy: options.standsBy ?? true,
    software,
    runtimes,
  }
}

function isOwnMachine(address: string): boolean {
  return /^\/ip4\/127\.|^\/ip6\/::1\//.test(address)
}

/** Throws RequestError. */
function asksOf(prices: Readonly<Record<string, string>>, runtimes: Runtimes): ReadonlyMap<string, Ask> {
  return new Map(
    Object.entries(prices).map(([runtime, text]) => {
      const unit = runtimeIn(runtimes, runtime)?.unit
      if (unit === undefined) throw new RequestError(`there is a price for ${runtime}, and no such runtime`)
      const price = parsePrice(text)
      if (price === undefined || price.per !== unit.pricedPer || price.micros > unitMicrosMax)
        throw new RequestError(
          `${JSON.stringify(text)} is no price for ${runtime}; write it as ${unit.pricedPer === 1 ? '0.0002EUR' : '0.0002EUR/1k'}`,
        )
      const { currency, micros, per } = price
      return [runtime, { currency, unitMicros: micros, ...(per === 1 ? {} : { per }) }]
    }),
  )
}

/** Throws RequestError for rules that can never be true together. */
function wishOf(rules: NonNullable<NodeOptions['rules']>): HostOptions['wish'] {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const preferences: Preferences = { ...defaultPreferences, timeZone, ...rules }
  const contradiction = contradictionIn(preferences)
  if (contradiction !== null)
    throw new RequestError(
      `the rules ${contradiction.names.join(' and ')} contradict each other: ${contradiction.why}`,
    )
  const origins = Object.fromEntries(
    Object.keys(preferences).map((name) => [name, Object.hasOwn(rules, name) ? 'rules' : 'default']),
  ) as HostOptions['wish']['origins']
  return { preferences, origins }
}

/** Nothing, unless the program takes the lines. */
export function logOf({ log }: NodeOptions): Logger {
  if (log === undefined) return pino({ level: 'silent' })
  return pino(
    { base: null, serializers: { error: pino.stdSerializers.err } },
    { write: (line: string) => log(line.trimEnd()) },
  )
}
