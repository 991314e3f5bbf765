/** The virtual network: delays, loses, repeats, reorders and holds back messages, and cuts nodes off from each other. */
import type { PeerId } from '../protocol/ids.ts'
import type { Chance } from './chance.ts'
import type { Scenario } from './scenario.ts'
import type { Timeline } from './timeline.ts'

export class Mesh {
  readonly #timeline: Timeline
  readonly #chance: Chance
  readonly #scenario: Scenario
  readonly #cuts = new Map<PeerId, Set<PeerId>>()
  /** Until when what one says to another is held back. */
  readonly #clogs = new Map<PeerId, Map<PeerId, number>>()

  constructor(timeline: Timeline, chance: Chance, scenario: Scenario) {
    this.#timeline = timeline
    this.#chance = chance
    this.#scenario = scenario
  }

  /** At most once in most cases, twice in some; later messages may overtake. */
  send(from: PeerId, to: PeerId, arrive: () => void): void {
    const { loss, duplication } = this.#scenario
    const copies = this.#chance.happens(duplication) ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#chance.happens(loss)) continue
      const freeMs = Math.max(this.#timeline.nowMs, this.#clogs.get(from)?.get(to) ?? 0)
      this.#timeline.at(freeMs + this.delayMs(), () => {
        if (this.reaches(from, to)) arrive()
      })
    }
  }

  delayMs(): number {
    return this.#chance.between(1, 2 * this.#scenario.latencyMs)
  }

  reaches(from: PeerId, to: PeerId): boolean {
    return this.#cuts.get(from)?.has(to) !== true
  }

  cut(from: PeerId, to: PeerId): void {
    const known = this.#cuts.get(from)
    if (known === undefined) this.#cuts.set(from, new Set([to]))
    else known.add(to)
  }

  clog(from: PeerId, to: PeerId, untilMs: number): void {
    const known = this.#clogs.get(from)
    if (known === undefined) this.#clogs.set(from, new Map([[to, untilMs]]))
    else known.set(to, untilMs)
  }

  heal(): void {
    this.#cuts.clear()
  }
}
