/**
 * A sample of each minute of the last day: what this node's vehicle did, and what the vehicles around it had to offer. For charts; what
 * counts for an owner is the node's history. They are written ten at a time, so that an idle node leaves its disk alone.
 */
import type { NodeApi, PeerRow } from '../host/api.ts'
import type { Clock } from '../host/clock.ts'
import type { Database } from '../host/store/database.ts'
import { StoreError } from '../host/store/errors.ts'
import { dayMs } from '../protocol/rules/week.ts'

export interface Sample {
  readonly atMs: number
  readonly mode: string
  readonly slotsFree: number
  /** In this minute. */
  readonly pages: number
  readonly joules: number
  /** The slots of all vehicles around: free, at work, and held back by the reason that comes first. */
  readonly capacity: {
    readonly free: number
    readonly work: number
    readonly held: Readonly<Record<string, number>>
  }
}

const intervalMs = 60_000
const samplesMax = dayMs / intervalMs
const unsavedMax = 10
/** Reasons are words of other nodes: those of the most slots are kept. */
const reasonsMax = 8

export class Samples {
  readonly #api: Pick<NodeApi, 'info' | 'peers' | 'history'>
  readonly #tables: Database
  readonly #clock: Clock
  readonly #samples: Sample[]
  #unsaved: Sample[] = []
  #before: Totals | undefined
  #callOff = () => {}

  constructor(api: Pick<NodeApi, 'info' | 'peers' | 'history'>, tables: Database, clock: Clock) {
    this.#api = api
    this.#tables = tables
    this.#clock = clock
    this.#samples = tables
      .all<{ sample: string }>('SELECT sample FROM samples ORDER BY at_ms')
      .map(({ sample }) => JSON.parse(sample) as Sample)
    this.#take()
  }

  /** The oldest first. */
  list(): readonly Sample[] {
    return this.#samples
  }

  stop(): void {
    this.#callOff()
    this.#save()
  }

  #take(): void {
    const { vehicle } = this.#api.info()
    const totals = totalsOf(this.#api)
    // A day begins anew at midnight.
    const since = (field: keyof Totals) =>
      Math.max(0, totals[field] - Math.min(totals[field], this.#before?.[field] ?? totals[field]))
    const sample: Sample = {
      atMs: this.#clock.now(),
      mode: vehicle.mode,
      slotsFree: vehicle.slots.free,
      pages: since('pages'),
      joules: Math.round(since('joules')),
      capacity: capacityOf(this.#api.peers()),
    }
    this.#before = totals
    this.#samples.push(sample)
    this.#unsaved.push(sample)
    const oldest = sample.atMs - dayMs
    while (this.#samples.length > samplesMax || this.#samples[0]!.atMs < oldest) this.#samples.shift()
    if (this.#unsaved.length >= unsavedMax) this.#save()
    this.#callOff = this.#clock.after(intervalMs, () => this.#take())
  }

  #save(): void {
    try {
      this.#tables.transaction(() => {
        for (const sample of this.#unsaved)
          this.#tables.run(
            'INSERT OR REPLACE INTO samples VALUES (?, ?)',
            sample.atMs,
            JSON.stringify(sample),
          )
        this.#tables.run('DELETE FROM samples WHERE at_ms < ?', this.#samples[0]!.atMs)
      })
      this.#unsaved = []
    } catch (error) {
      // They stay in memory, and are written once there is room: a chart stops no node.
      if (!(error instanceof StoreError) || error.code !== 'disk-full') throw error
      this.#unsaved = this.#unsaved.slice(-samplesMax)
    }
  }
}

interface Totals {
  readonly pages: number
  readonly joules: number
}

function totalsOf(api: Pick<NodeApi, 'history'>): Totals {
  const work = api.history(1).days.at(-1)?.work ?? []
  return {
    pages: work.reduce((sum, { pages }) => sum + pages, 0),
    joules: work.reduce(
      (sum, { measuredJoules, estimatedJoules }) => sum + measuredJoules + estimatedJoules,
      0,
    ),
  }
}

/** Sums up the slots of all vehicles. */
export function capacityOf(peers: readonly PeerRow[]): Sample['capacity'] {
  let [free, work] = [0, 0]
  const held = new Map<string, number>()
  for (const { mode, slots, reasons } of peers) {
    if (slots.total === 0) continue
    if (mode === 'run') {
      free += slots.free
      work += slots.total - slots.free
    } else held.set(reasons[0] ?? mode, (held.get(reasons[0] ?? mode) ?? 0) + slots.total)
  }
  const most = [...held].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const others = most.slice(reasonsMax).reduce((sum, [, slots]) => sum + slots, 0)
  const kept = [...most.slice(0, reasonsMax), ...(others === 0 ? [] : ([['others', others]] as const))]
  return { free, work, held: Object.fromEntries(kept) }
}
