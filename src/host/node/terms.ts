/** The terms on which a node's owner lets it work: they may change while it runs. */
import type { Ask } from '../../protocol/price.ts'
import type { AutoPrice } from '../energy/own-prices.ts'
import type { OwnersWish } from '../supervisor/owner-watch.ts'

export interface Terms {
  readonly wish: OwnersWish
  /** The price that its owner asks for a unit of work, by runtime; nothing for those that are not named. */
  readonly asks: ReadonlyMap<string, Ask>
  /** Prices that follow that of power; null, or left out: none do. */
  readonly autoPrice?: AutoPrice | null
}
