/** The windows of a report. Of those of one steward that list a claim of one owner the first holds it, and the others are worth nothing. */
import type { OwnerId, PeerId } from '../ids.ts'
import type { Window } from '../job/window.ts'
import type { Verified } from '../record/record.ts'

export class AuditedWindows {
  readonly #windows: Verified<Window>[] = []
  /** By steward, owner and position; null: no window that counts. Undefined until all are here. */
  #holders: Map<string, Verified<Window> | null> | undefined

  add(window: Verified<Window>): void {
    this.#windows.push(window)
    this.#holders = undefined
  }

  of(steward: PeerId, owner: OwnerId, position: number): Verified<Window> | undefined {
    this.#holders ??= this.#held()
    return this.#holders.get(`${steward}/${owner}/${position}`) ?? undefined
  }

  #held(): Map<string, Verified<Window> | null> {
    const holders = new Map<string, Verified<Window> | null>()
    const inTurn = this.#windows.toSorted((a, b) => a.serial - b.serial || (a.id < b.id ? -1 : 1))
    for (const window of inTurn) {
      const { owner, positions } = window.payload
      const names = positions.map((position) => `${window.signer}/${owner}/${position}`)
      const isNew = names.every((name) => !holders.has(name))
      for (const name of names) if (!holders.has(name)) holders.set(name, isNew ? window : null)
    }
    return holders
  }
}
