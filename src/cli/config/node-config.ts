/** The configuration of a node of one's own, and what its parts are told of it. */
import type { AutoPrice } from '../../host/energy/own-prices.ts'
import type { PreferenceName } from '../../protocol/rules/preferences.ts'
import { type Config, type OptionName, resolveConfig } from './config.ts'
import { autoRuntimesOf } from './options.ts'
import { preferenceNames } from './preferences.ts'

/** The options that configure a node of one's own. */
export const nodeOptionNames = [
  'dataDir',
  'listen',
  'announce',
  'bootstrap',
  'name',
  'slots',
  'owner',
  'fleet',
  'fleetKey',
  'meshKey',
  'lan',
  'relay',
  'cells',
  'price',
  'cacheBytesMax',
  'signals',
  'network',
  'gpu',
  'slotWatts',
  'tariff',
  'idleWatts',
  'margin',
  'logLevel',
  'json',
] as const satisfies OptionName[]

export type NodeConfig = Config<(typeof nodeOptionNames)[number] | PreferenceName>

/**
 * Resolves the configuration of a node, including the options that this command has no flags for. Throws ConfigError.
 */
export function resolveNodeConfig(flags: Readonly<Record<string, unknown>>): NodeConfig {
  return resolveConfig([...nodeOptionNames, ...preferenceNames], flags)
}

/** A node that listens on this machine alone has no neighbours on the local network. */
export function looksOnLan({
  lan,
  fleet,
  meshKey,
  listen,
}: Pick<NodeConfig, 'lan' | 'fleet' | 'meshKey' | 'listen'>): boolean {
  if (lan !== 'auto') return lan === 'on'
  const isLocal = listen.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
  return !isLocal && (fleet !== null || meshKey !== null)
}

export function autoPriceOf({ price, margin }: NodeConfig): AutoPrice | null {
  const runtimes = autoRuntimesOf(price)
  return runtimes === undefined ? null : { runtimes, margin }
}
