/** The virtual network: delays, loses, repeats and reorders messages, and cuts nodes off from each other. */
import type { PeerId } from '../protocol/ids.ts'
import type { Chance } from './chance.ts'
import type { Scenario } from './scenario.ts'
import type { Timeline } from './timeline.ts'

export class Mesh {
  readonly #timeline: Timeline
  readonly #chance: Chance
  readonly #network: Scenario['network']
  readonly #cuts = new Set<string>()

  constructor(timeline: Timeline, chance: Chance, network: Scenario['network']) {
    this.#timeline = timeline
    this.#chance = chance
    this.#network = network
  }

  /** At most once in most cases, twice in some; later messages may overtake. */
  send(from: PeerId, to: PeerId, arrive: () => void): void {
    const { loss, duplication } = this.#network
    const copies = this.#chance.happens(duplication) ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#chance.happens(loss)) continue
      this.#timeline.at(this.#timeline.nowMs + this.delayMs(), () => {
        if (this.reaches(from, to)) arrive()
      })
    }
  }

  delayMs(): number {
    return this.#chance.between(1, 2 * this.#network.latencyMs)
  }

  reaches(from: PeerId, to: PeerId): boolean {
    return !this.#cuts.has(`${from}>${to}`)
  }

  cut(from: PeerId, to: PeerId): void {
    this.#cuts.add(`${from}>${to}`)
  }

  heal(): void {
    this.#cuts.clear()
  }
}
