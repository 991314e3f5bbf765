/** The parts that all runs of batches share. */
import type { Logger } from 'pino'
import type { Clock } from '../host/clock.ts'
import type { Batch, Batches } from './batches.ts'
import type { Files } from './files.ts'
import type { LineRows } from './line-rows.ts'
import type { GatewayNode } from './submit.ts'

export interface RunnerParts {
  readonly node: GatewayNode
  readonly files: Files
  readonly batches: Batches
  readonly lines: LineRows
  readonly clock: Clock
  readonly log: Logger
  /** A batch is over. */
  readonly ended: (tenant: string, batch: Batch) => void
}

export interface RunContext extends RunnerParts {
  readonly changed: (batch: string) => void
}
