/** A node of a command's own: starts it in this process, with the socket at which it is asked and its HTTP server. */
import type { Logger } from 'pino'
import type { Gateway } from '../gateway/gateway.ts'
import type { GatewayNode } from '../gateway/submit.ts'
import type { Executor } from '../host/executor/contract.ts'
import { connectLocal, type LocalClient } from '../host/local/client.ts'
import { serveLocal } from '../host/local/server.ts'
import type { Terms } from '../host/node/terms.ts'
import type { Reloaded } from '../host/reloaded.ts'
import { software } from '../host/software.ts'
import { cellsFrom } from './config/cells-option.ts'
import type { HttpAddress } from './config/gateway-options.ts'
import { autoPriceOf, looksOnLan, type NodeConfig } from './config/node-config.ts'
import { asksOf } from './config/options.ts'
import { wishOf } from './config/preferences.ts'
import { CommandFailure } from './failure.ts'
import { checkOwnFiles } from './own-files.ts'

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
