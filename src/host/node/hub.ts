/**
 * News that the parts of a node have for each other.
 *
 * Parts are made one after another, and a part may have news for one that is made after it. So each tells the hub, and
 * who acts on the news is said in one place (node.ts), once all parts are there.
 */
export type News =
  /** This node's offer has changed: free slots, the owner's rules. */
  | 'offer'
  /** The set of peers that may be asked for work has changed, or the work that they take. */
  | 'market'
  /** The fleet has put somebody out. */
  | 'revocation'
  /** The fleet has a new charter. */
  | 'charter'

export class Hub {
  readonly #hearers = new Map<News, (() => void)[]>()

  on(news: News, hearer: () => void): void {
    this.#hearers.set(news, [...(this.#hearers.get(news) ?? []), hearer])
  }

  tell(news: News): void {
    for (const hearer of this.#hearers.get(news) ?? []) hearer()
  }
}
