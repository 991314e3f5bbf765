/**
 * Watches over a machine that nothing tells of a vehicle: its owner's word, the hours and the caps are all there is. None
 * of them is about milliseconds, so it needs no process of its own, and an idle machine pays for none.
 */
import type { Logger } from 'pino'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import type { Preferences } from '../../protocol/rules/preferences.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import { at, ClockSteps, systemClock } from '../clock.ts'
import type { NetworkKind } from '../signals/network.ts'
import type { Journal } from '../store/journal.ts'
import { CpuTimes } from './cpu-times.ts'
import { readKept, writeKept } from './kept.ts'
import type { OwnerWatch } from './owner-watch.ts'
import { PauseNote } from './pause-note.ts'
import { RulesDriver } from './rules-driver.ts'

export interface DeskWatchOptions {
  readonly preferences: Preferences
  /** Its owner's word; nobody else is asked. */
  readonly network: NetworkKind
  /** The power that a slot draws when it is busy all the time, in watts. */
  readonly slotWatts: number
  /** Sent and received since the node began. */
  readonly trafficBytes: () => number
  readonly journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly log: Logger
}

/** As often as the supervisor does (main.ts). */
const sampleMs = 5_000

export class DeskWatch implements OwnerWatch {
  readonly #options: DeskWatchOptions
  readonly #guard: RulesDriver
  readonly #pause: PauseNote
  readonly #cpuTimes = new CpuTimes()
  readonly #handlers = new Set<(judgement: Judgement) => void>()
  readonly #sampling: NodeJS.Timeout
  #told: string
  readonly #steps = new ClockSteps(systemClock)
  #callOff = () => {}
  #trafficBytes = 0

  constructor(options: DeskWatchOptions) {
    const { preferences, slotWatts, journal, log } = options
    this.#options = options
    this.#pause = new PauseNote(journal, log)
    const kept = readKept(journal, log)
    this.#guard = new RulesDriver({ preferences, isVehicle: false, slotWatts, kept }, systemClock.now())
    const pause = this.#pause.read()
    if (pause !== null) this.#guard.handle({ type: 'pause', ...pause }, systemClock.now())
    this.#told = this.#gist()
    this.#sample()
    this.#sampling = setInterval(() => this.#sample(), sampleMs).unref()
  }

  judgement(): Judgement {
    return this.#guard.judgement
  }

  get energyRate(): EnergyRate {
    return this.#guard.energyRate
  }

  onChange(handler: (judgement: Judgement) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  async pause(untilMs: number | null, isDate = false): Promise<void> {
    this.#pause.write({ untilMs, isDate })
    this.#follow(() => this.#guard.handle({ type: 'pause', untilMs, isDate }, systemClock.now()))
  }

  async resume(): Promise<void> {
    this.#pause.write(null)
    this.#follow(() => this.#guard.handle({ type: 'resume' }, systemClock.now()))
  }

  async setPreferences(preferences: Preferences): Promise<void> {
    this.#follow(() => this.#guard.handle({ type: 'preferences', preferences }, systemClock.now()))
  }

  began(pid: number): void {
    this.#cpuTimes.add(pid)
  }

  ended(pid: number): void {
    this.#cpuTimes.drop(pid)
  }

  async stop(): Promise<void> {
    this.#callOff()
    clearInterval(this.#sampling)
    this.#handlers.clear()
  }

  #sample(): void {
    const { network, trafficBytes, journal, log } = this.#options
    const nowMs = systemClock.now()
    const bytes = trafficBytes()
    this.#pause.look()
    this.#follow(() => {
      if (network !== 'auto') {
        const reading = { value: network === 'metered', atMs: nowMs }
        this.#guard.handle({ type: 'readings', readings: { 'Carpool.Network.IsMetered': reading } }, nowMs)
      }
      this.#guard.count(this.#cpuTimes.take(), bytes - this.#trafficBytes, nowMs)
    })
    this.#trafficBytes = bytes
    const kept = this.#guard.takeKept(nowMs)
    if (kept !== null) writeKept(journal, kept, log)
  }

  #follow(change: () => void): void {
    const byMs = this.#steps.take()
    if (byMs !== 0) this.#guard.handle({ type: 'clock-set', byMs }, systemClock.now())
    change()
    const { wakeAtMs } = this.#guard
    this.#callOff()
    if (wakeAtMs !== null) {
      const look = () => this.#guard.handle({ type: 'look' }, systemClock.now())
      this.#callOff = at(systemClock, wakeAtMs, () => this.#follow(look))
    }
    const gist = this.#gist()
    if (gist === this.#told) return
    this.#told = gist
    for (const handler of this.#handlers) handler(this.#guard.judgement)
  }

  #gist(): string {
    return JSON.stringify([this.#guard.judgement, this.#guard.energyRate])
  }
}
