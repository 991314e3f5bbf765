/**
 * The windows that stewards closed (../job/window.ts). A claim that is in a window stays in it: of one steward's windows the first
 * one counts that lists it, by serial and id, and no later one that was drawn more kindly. A later one that lists it
 * once more counts for nothing at all: else claims that were checked once could fill window after window, and leave no
 * check for what is new in each.
 */
import { compareText } from '../../base/bytes.ts'
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Window } from '../job/window.ts'
import type { Verified } from '../record/record.ts'

export class ClosedWindows {
  /** Use: by steward, owner and position, the first that lists it. */
  readonly #first = new Map<PeerId, Map<OwnerId, Map<number, Verified<Window>>>>()
  /** Use: windows that list what an earlier one has. Invariant: the same in whatever order they came. */
  readonly #repeating = new Set<RecordId>()

  add(window: Verified<Window>): void {
    const first = this.#firstOf(window.signer, window.payload.owner)
    for (const position of window.payload.positions) {
      const known = first.get(position)
      if (known === undefined) first.set(position, window)
      else if (isBefore(window, known)) {
        this.#repeating.add(known.id)
        first.set(position, window)
      } else if (known.id !== window.id) this.#repeating.add(window.id)
    }
  }

  /** The window of that steward in which the owner's claim is; undefined where there is none that counts. */
  of(steward: PeerId, owner: OwnerId, position: number): Verified<Window> | undefined {
    const window = this.#first.get(steward)?.get(owner)?.get(position)
    return window === undefined || this.#repeating.has(window.id) ? undefined : window
  }

  #firstOf(steward: PeerId, owner: OwnerId): Map<number, Verified<Window>> {
    const owners = this.#first.get(steward) ?? new Map<OwnerId, Map<number, Verified<Window>>>()
    this.#first.set(steward, owners)
    const positions = owners.get(owner) ?? new Map<number, Verified<Window>>()
    owners.set(owner, positions)
    return positions
  }
}

function isBefore(one: Verified<Window>, other: Verified<Window>): boolean {
  return one.serial < other.serial || (one.serial === other.serial && compareText(one.id, other.id) < 0)
}
