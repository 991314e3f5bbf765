/** Shapes of documents: what the children that read them, or count their units, answer. */
import type { DocumentShape, Refusal } from '../../runtimes/messages.ts'
import { type SessionSpec, SlotFailed, type UnitCounter } from './contract.ts'
import { Lane, type LaneOptions } from './lane.ts'
import type { Answer, Fault } from './lane-queue.ts'

/** A document that breaks its reader, or overruns a limit, is refused: it would do the same to every vehicle. */
export const refusalsOfFaults: Readonly<Record<Fault, Refusal>> = {
  'cpu-limit': { what: 'too much work to open', wayOut: '' },
  'time-limit': { what: 'too much work to open', wayOut: '' },
  'memory-limit': { what: 'too much memory needed to open', wayOut: '' },
  crash: { what: 'breaks its reader', wayOut: '' },
}

/** On a busy machine the child, which is at the lowest priority, waits: a good document must not be refused for that. A guess. */
export const inspectWallFactor = 12

/** Throws SlotFailed. */
export function shapeIn({ said }: Answer): DocumentShape {
  if (said.type === 'fault') return { pages: 1, pageCostMs: 0, refused: refusalsOfFaults[said.code] }
  if (said.type !== 'shape') throw new SlotFailed(`an inspection was answered by '${said.type}'`)
  const { type: _, id: __, ...shape } = said
  return shape
}

/** Counts units in a child that has loaded nothing else. Its owner waits for it, so that no drive of the vehicle stops it. */
export class ProcessCounter implements UnitCounter {
  readonly #lane: Lane
  readonly #limits: LaneOptions['limits']

  constructor(options: Omit<LaneOptions, 'session' | 'frozen'>, session: SessionSpec) {
    this.#limits = options.limits
    this.#lane = new Lane({ ...options, session: { ...session, isCounter: true }, frozen: false })
  }

  async shapeOf(document: Uint8Array): Promise<DocumentShape> {
    const cpuMsMax = this.#limits.inspectMsMax
    const limits = { cpuMsMax, wallMsMax: cpuMsMax * inspectWallFactor }
    return shapeIn(await this.#lane.ask({ type: 'count' }, document, limits))
  }

  close(): Promise<void> {
    return this.#lane.kill()
  }
}
