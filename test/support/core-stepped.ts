/**
 * The machines of the core on a clock that is set back and forward between their inputs, and told so. What they answer
 * is put back to the time of the stage, where it has to be what a machine on a good clock says.
 */
import { strict as assert } from 'node:assert'
import type { CouncilEffect, CouncilInput } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import type { StewardEffect, StewardInput } from '../../src/protocol/steward/contract.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import type { WorkerEffect, WorkerInput } from '../../src/protocol/worker/contract.ts'
import { Worker } from '../../src/protocol/worker/worker.ts'

/** By how much the clock is set next. `offsetMs`: how far it is ahead of the stage now. */
export type Steps = (offsetMs: number) => number

class SteppedClock {
  readonly #steps: Steps
  #offsetMs = 0

  constructor(steps: Steps) {
    this.#steps = steps
  }

  of(nowMs: number): number {
    return nowMs + this.#offsetMs
  }

  /** Sets the clock, and tells the machine, which has nothing to do about it. */
  step(nowMs: number, tell: (input: { type: 'clock-set'; byMs: number }, nowMs: number) => unknown[]): void {
    const byMs = this.#steps(this.#offsetMs)
    if (byMs === 0) return
    this.#offsetMs += byMs
    assert.deepEqual(tell({ type: 'clock-set', byMs }, this.of(nowMs)), [], 'a step of the clock is no news')
  }

  back<Effect extends { readonly type: string }>(effects: readonly Effect[]): Effect[] {
    return effects.map((effect) =>
      effect.type === 'wake'
        ? { ...effect, atMs: (effect as unknown as { atMs: number }).atMs - this.#offsetMs }
        : effect,
    )
  }
}

export function steppedSteward(steps: Steps): typeof Steward {
  return class extends Steward {
    readonly #clock = new SteppedClock(steps)

    override restore(nowMs: number, unreachable?: Parameters<Steward['restore']>[1]): StewardEffect[] {
      return this.#clock.back(super.restore(this.#clock.of(nowMs), unreachable))
    }

    override handle(input: StewardInput, nowMs: number): StewardEffect[] {
      this.#clock.step(nowMs, (said, atMs) => super.handle(said, atMs))
      return this.#clock.back(super.handle(input, this.#clock.of(nowMs)))
    }
  }
}

export function steppedCouncil(steps: Steps): typeof Council {
  return class extends Council {
    readonly #clock = new SteppedClock(steps)

    override begin(beginning: Parameters<Council['begin']>[0], nowMs: number): CouncilEffect[] {
      return this.#clock.back(super.begin(beginning, this.#clock.of(nowMs)))
    }

    override handle(input: CouncilInput, nowMs: number): CouncilEffect[] {
      this.#clock.step(nowMs, (said, atMs) => super.handle(said, atMs))
      return this.#clock.back(super.handle(input, this.#clock.of(nowMs)))
    }

    override lackingResults(nowMs: number): ReturnType<Council['lackingResults']> {
      return super.lackingResults(this.#clock.of(nowMs))
    }
  }
}

export function steppedWorker(steps: Steps): typeof Worker {
  return class extends Worker {
    readonly #clock = new SteppedClock(steps)

    override restore(restored: Parameters<Worker['restore']>[0], nowMs: number): WorkerEffect[] {
      return this.#clock.back(super.restore(restored, this.#clock.of(nowMs)))
    }

    override handle(input: WorkerInput, nowMs: number): WorkerEffect[] {
      this.#clock.step(nowMs, (said, atMs) => super.handle(said, atMs))
      return this.#clock.back(super.handle(input, this.#clock.of(nowMs)))
    }
  }
}
