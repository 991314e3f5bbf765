/** The options of a vehicle, and the worker that decides for it. */
import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import type { Ask } from '../../protocol/price.ts'
import { Worker } from '../../protocol/worker/worker.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import { type Runtimes, wrongOptionOf } from '../../runtimes/registry.ts'
import type { Clock } from '../clock.ts'
import type { Executor } from '../executor/contract.ts'
import type { WorkNews } from '../history/contract.ts'
import type { Network } from '../network/network.ts'
import { sha256 } from '../sha256.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Store } from '../store.ts'
import { lackOfRoom } from './weights-room.ts'

export interface WorkerDriverOptions {
  readonly key: SigningKey
  readonly network: Network
  readonly store: Store
  readonly executor: Executor
  readonly engines: readonly (EngineDescription & {
    /** The price of a unit of its work; null: nothing. */
    readonly ask: Ask | null
  })[]
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
  /** The categories of jobs that its owner lets in; null: all. */
  readonly categories: readonly string[] | null
  readonly slots: number
  readonly clock: Clock
  readonly news: WorkNews
  readonly log: Logger
  /** Free slots or the mode changed. */
  readonly onChange: () => void
}

/** More receipts than one run of a node signs before it asks the journal for the next number: a year at 1/s. */
const receiptsBetweenRestarts = 2 ** 25

export function newWorker({
  key,
  store,
  executor,
  engines,
  runtimes,
  categories,
  slots,
}: WorkerDriverOptions): Worker {
  const serial = store.journal.nextSerial('receipt')
  return new Worker(
    {
      ...{ self: key.peerId, slots, engines, categories, sha256 },
      lacksRoomFor: ({ weights }) => lackOfRoom(weights, store.blocks, executor.slotBytesMax ?? 0),
      takesOptions: ({ runtime, options }) => wrongOptionOf(runtime, options, runtimes) === undefined,
      secret: randomBytes(32),
    },
    // The worker counts by itself; a restart begins above all that an earlier run can have used.
    serial * receiptsBetweenRestarts,
  )
}
