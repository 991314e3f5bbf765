/** The gateway of a node: its parts, put together. */
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import type { Database } from '../host/store/database.ts'
import { appOf } from './app.ts'
import { Batches } from './batches.ts'
import { Connections } from './connections.ts'
import { Files } from './files.ts'
import { Flights } from './flights.ts'
import { AllowedHosts } from './hosts.ts'
import { Keys } from './keys.ts'
import { LineRows } from './line-rows.ts'
import { Probes } from './probes.ts'
import { Runner } from './runner.ts'
import { Samples } from './samples.ts'
import { HttpServer, type Listening, type ServerBounds, serverBounds } from './server.ts'
import { Sessions } from './sessions.ts'
import type { GatewayNode } from './submit.ts'
import { openTables } from './tables.ts'
import { Webhooks } from './webhooks.ts'

export interface GatewayOptions {
  readonly node: GatewayNode
  readonly dataDir: string
  readonly listen: Listening
  /** Names by which it may be asked, beside this machine's own and the address that it listens on. */
  readonly hosts: readonly string[]
  readonly clock: Clock
  readonly log: Logger
  readonly bounds?: Partial<ServerBounds>
}

export class Gateway {
  readonly listening: Listening
  readonly #server: HttpServer
  readonly #runner: Runner
  readonly #webhooks: Webhooks
  readonly #samples: Samples
  readonly #tables: Database
  readonly #state: { isStopping: boolean }

  /** Throws StoreError, and Error with a sentence where it cannot listen; then nothing is left open. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const tables = openTables(options.dataDir)
    try {
      return await started(tables, options)
    } catch (error) {
      tables.close()
      throw error
    }
  }

  constructor(
    listening: Listening,
    parts: {
      readonly server: HttpServer
      readonly runner: Runner
      readonly webhooks: Webhooks
      readonly samples: Samples
      readonly tables: Database
      readonly state: { isStopping: boolean }
    },
  ) {
    this.listening = listening
    this.#server = parts.server
    this.#runner = parts.runner
    this.#webhooks = parts.webhooks
    this.#samples = parts.samples
    this.#tables = parts.tables
    this.#state = parts.state
  }

  /** Not ready any more, for whoever sends requests here: the node is about to stop. What is asked meanwhile is answered. */
  drain(): void {
    this.#state.isStopping = true
  }

  /** Hangs up, and leaves batches as they are: they go on when the node starts again. Call it before the node stops. */
  async stop(): Promise<void> {
    await this.#server.close()
    await Promise.all([this.#runner.stop(), this.#webhooks.stop()])
    this.#samples.stop()
    this.#tables.close()
  }
}

async function started(tables: Database, options: GatewayOptions): Promise<Gateway> {
  const { node, dataDir, listen, hosts, clock, log } = options
  const [keys, files, batches, lines] = [
    new Keys(tables),
    new Files(tables, dataDir, clock),
    new Batches(tables),
    new LineRows(tables),
  ]
  const state = { isStopping: false }
  lines.forgetQuotes()
  const samples = new Samples(node.api, tables, clock)
  const webhooks = new Webhooks({ tables, keys, clock, log })
  const probes = new Probes({ api: node.api, batches, clock, isStopping: () => state.isStopping })
  const ended: ConstructorParameters<typeof Runner>[0]['ended'] = (tenant, batch) => {
    probes.batchEnded(batch.facts.counts)
    webhooks.ended(tenant, batch)
  }
  const runner = new Runner({ node, files, batches, lines, clock, log, ended })
  const allowed = new AllowedHosts(listen.host.includes(':') ? `[${listen.host}]` : listen.host, hosts)
  const bounds = { ...serverBounds, ...options.bounds }
  const connections = new Connections(bounds)
  const app = appOf({
    ...{ node, keys, files, batches, lines, runner, probes, samples, clock, log },
    hosts: allowed,
    connections,
    flights: new Flights(bounds.requestsOfTenantMax),
    sessions: new Sessions(tables, keys),
  })
  const server = new HttpServer(app, bounds, connections)
  const listening = await server.listen(listen)
  runner.start()
  webhooks.send()
  return new Gateway(listening, { server, runner, webhooks, samples, tables, state })
}
