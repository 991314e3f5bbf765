/**
 * News: what has changed in a cell, numbered, for members that do not listen to its gossip.
 *
 * Gossip brings each member every advert of its cell, several times over: 2 GB a day, too much for a car that pays by the megabyte. Such a car
 * says its own advert to the three speakers, 85 bytes a second, and they say it to the others. If it looks after a job, it asks them for
 * what is new, and gets each advert once.
 */
import { answerAdvertsMax } from '../cell-limits.ts'
import type { PeerId } from '../ids.ts'

export interface NewsPage {
  readonly peers: readonly PeerId[]
  /** Ask again with this. */
  readonly next: number
  readonly hasMore: boolean
}

export class News {
  /** By peer, the number of its last change; in the order of these. */
  readonly #changes = new Map<PeerId, number>()
  #count = 0

  changed(peer: PeerId): void {
    this.#count += 1
    this.#changes.delete(peer)
    this.#changes.set(peer, this.#count)
  }

  gone(peer: PeerId): void {
    this.#changes.delete(peer)
  }

  /** Those that have changed after that number, the earliest first. A number from the future, as of another speaker, counts as 0. */
  since(number: number): NewsPage {
    const after = number > this.#count ? 0 : number
    const peers: PeerId[] = []
    let next = after
    for (const [peer, change] of this.#changes) {
      if (change <= after) continue
      if (peers.length === answerAdvertsMax) return { peers, next, hasMore: true }
      peers.push(peer)
      next = change
    }
    return { peers, next: this.#count, hasMore: false }
  }
}
