/**
 * The node that a command talks to: the one that runs on its data directory, or one that it starts itself.
 *
 * A command that starts a node asks it over the same socket as everybody else: there is one way to ask, and other
 * commands can look in while it runs.
 */
import type { Logger } from 'pino'
import type { Gateway } from '../gateway/gateway.ts'
import type { GatewayNode } from '../gateway/submit.ts'
import type { AutoPrice } from '../host/energy/own-prices.ts'
import type { Executor } from '../host/executor/contract.ts'
import { connectLocal, type LocalClient, type RemoteApi } from '../host/local/client.ts'
import { serveLocal } from '../host/local/server.ts'
import type { Terms } from '../host/node/terms.ts'
import type { Reloaded } from '../host/reloaded.ts'
import { software } from '../host/software.ts'
import type { PreferenceName } from '../protocol/rules/preferences.ts'
import { cellsFrom } from './config/cells-option.ts'
import { type Config, type OptionName, resolveConfig } from './config/config.ts'
import type { HttpAddress } from './config/gateway-options.ts'
import { asksOf, autoRuntimesOf } from './config/options.ts'
import { preferenceNames, wishOf } from './config/preferences.ts'
import { inContext } from './contexts.ts'
import { CommandFailure } from './failure.ts'
import { quoted } from './format.ts'
import { createLog } from './log.ts'
import { checkOwnFiles } from './own-files.ts'

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

/** The options of every command that asks a node. */
export const clientOptionNames = ['dataDir', 'json', 'logLevel'] as const satisfies OptionName[]

export interface OwnNode {
  readonly client: LocalClient
  /** Where its HTTP server listens; null: it has none. */
  readonly http: HttpAddress | null
  /** Changes its owner's terms while it runs. */
  change(terms: Terms): Promise<void>
  /** Takes no more work, and resolves when none is under way, or the signal aborts. */
  drain(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** Asks the node that runs on this data directory. Throws CommandFailure when there is none. */
export async function withNode<Result>(
  dataDir: string,
  ask: (node: RemoteApi) => Promise<Result>,
): Promise<Result> {
  const client = await connectLocal(dataDir)
  if (client === undefined)
    throw new CommandFailure(
      `no node is running on ${dataDir}; start one with: carpool node --data-dir ${quoted(dataDir)}`,
    )
  try {
    return await ask(client)
  } finally {
    client.close()
  }
}

/** The options of a command about jobs, which may be those of another node. */
export const jobOptionNames = [...clientOptionNames, 'bootstrap'] as const satisfies OptionName[]

/**
 * Asks the node that runs on the data directory; without one, a node that is there for this question alone, and asks the
 * stewards of the submitter's jobs through the bootstrap peers, or through those of the context that is in use. `isOwn`: it is
 * such a node. Throws ConfigError, and CommandFailure when there is neither.
 */
export async function withAnyNode<Result>(
  flags: Readonly<Record<string, unknown>>,
  ask: (node: RemoteApi, isOwn: boolean) => Promise<Result>,
): Promise<Result> {
  const config = inContext(resolveNodeConfig(flags))
  const { dataDir, bootstrap, json } = config
  const running = await connectLocal(dataDir)
  if (running !== undefined) {
    try {
      return await ask(running, false)
    } finally {
      running.close()
    }
  }
  if (bootstrap.length === 0)
    throw new CommandFailure(
      `no node is running on ${dataDir}; start one with: carpool node --data-dir ${quoted(dataDir)}, or name a node of the mesh with --bootstrap`,
    )
  const level = config.origins.logLevel.layer === 'default' ? 'warn' : config.logLevel
  const node = await startOwnNode({ ...config, slots: 0 }, createLog(level, json), { standsBy: false })
  try {
    return await ask(node.client, true)
  } finally {
    await node.stop()
  }
}

interface OwnNodeOptions {
  readonly executor?: Executor
  readonly standsBy?: boolean
  /** Its HTTP server: where it listens, and by which names it may be asked. */
  readonly http?: { readonly listen: HttpAddress; readonly hosts: readonly string[] }
  /** Reads its configuration again. */
  readonly reload?: () => Promise<Reloaded>
}

/**
 * Starts a node in this process, and serves its socket. Throws ConfigError, and what CarpoolNode.start throws.
 * The node is imported late: libp2p takes longer to load than most commands take.
 */
export async function startOwnNode(
  config: NodeConfig,
  log: Logger,
  { executor, standsBy = true, http, reload }: OwnNodeOptions = {},
): Promise<OwnNode> {
  checkOwnFiles(config)
  const { CarpoolNode } = await import('../host/node/node.ts')
  const { giveBackMemory } = await import('../host/node/memory.ts')
  const {
    dataDir,
    listen,
    announce,
    bootstrap,
    slots,
    owner,
    fleet,
    fleetKey,
    meshKey,
    cacheBytesMax,
    price,
  } = config
  const node = await CarpoolNode.start({
    dataDir,
    listen,
    announce,
    bootstrap,
    name: config.name ?? '',
    slots,
    ownerCertificate: owner,
    fleet,
    fleetKey,
    meshKey,
    lan: looksOnLan(config),
    ...(config.relay === 'auto' ? {} : { relays: config.relay === 'on' }),
    cells: cellsFrom(config.cells) ?? undefined,
    cacheBytesMax,
    asks: asksOf(price),
    wish: wishOf(config),
    signals: config.signals,
    network: config.network,
    mayAccelerate: config.gpu === 'auto',
    slotWatts: config.slotWatts,
    tariff: config.tariff,
    idleWatts: config.idleWatts,
    autoPrice: autoPriceOf(config),
    log,
    standsBy,
    software,
    ...(executor === undefined ? {} : { executor }),
    ...(reload === undefined ? {} : { reload }),
  })
  const stopGivingBack = giveBackMemory(() => node.isIdle)
  try {
    const server = await serveLocal(node.api, dataDir, log)
    const client = await connectLocal(dataDir)
    if (client === undefined) throw new CommandFailure(`the local socket in ${dataDir} does not answer`)
    const gateway = http && (await startGateway(node, dataDir, http, log))
    return {
      client,
      http: gateway?.listening ?? null,
      change: (terms) => node.change(terms),
      drain(signal) {
        gateway?.drain()
        return node.drain(signal)
      },
      async stop() {
        stopGivingBack()
        await gateway?.stop()
        client.close()
        await server.close()
        await node.stop()
      },
    }
  } catch (error) {
    stopGivingBack()
    await node.stop()
    throw error
  }
}

async function startGateway(
  node: GatewayNode,
  dataDir: string,
  { listen, hosts }: NonNullable<OwnNodeOptions['http']>,
  log: Logger,
): Promise<Gateway> {
  const [{ Gateway }, { systemClock }] = await Promise.all([
    import('../gateway/gateway.ts'),
    import('../host/clock.ts'),
  ])
  return Gateway.start({ node, dataDir, listen, hosts, log, clock: systemClock })
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
