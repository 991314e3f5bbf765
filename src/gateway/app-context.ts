/** The parts that all paths of the gateway share. */
import type { HttpBindings } from '@hono/node-server'
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import type { Batches } from './batches.ts'
import type { Connections } from './connections.ts'
import type { Files } from './files.ts'
import type { Flights } from './flights.ts'
import type { AllowedHosts } from './hosts.ts'
import type { KeyRow, Keys } from './keys.ts'
import type { LineRows } from './line-rows.ts'
import type { Probes } from './probes.ts'
import type { Runner } from './runner.ts'
import type { Samples } from './samples.ts'
import type { Sessions } from './sessions.ts'
import type { GatewayNode } from './submit.ts'

export interface AppContext {
  readonly node: GatewayNode
  readonly keys: Keys
  readonly files: Files
  readonly batches: Batches
  readonly lines: LineRows
  readonly runner: Runner
  readonly probes: Probes
  readonly sessions: Sessions
  readonly samples: Samples
  readonly hosts: AllowedHosts
  readonly connections: Connections
  readonly flights: Flights
  readonly clock: Clock
  readonly log: Logger
}

export type AppEnv = {
  readonly Bindings: HttpBindings
  readonly Variables: { key: KeyRow; requestId: string }
}
