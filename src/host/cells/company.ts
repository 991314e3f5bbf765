/**
 * Company: keeps a node that speaks for its cell connected with speakers of others, so that the gossip of its regions goes on. Whom it might
 * meet its machine says (src/protocol/cells/company.ts); who is met, and in which channel, the network knows.
 */
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import { digestIntervalMs } from '../../protocol/cell-limits.ts'
import type { Company } from '../../protocol/cells/company.ts'
import type { Contact } from '../../protocol/cells/member.ts'
import type { PeerId } from '../../protocol/ids.ts'
import type { Clock } from '../clock.ts'
import { defaultBounds } from '../network/bounds.ts'
import type { Network } from '../network/network.ts'
import { shuffled } from '../shuffled.ts'
import { digestChannelOf } from './channels.ts'

/** Peers that are remembered as dialled: all speakers of a region, twice. */
const triedMax = 512
/** A peer that was dialled and is in no channel with this node is dialled again after this: its next digest would have come by then. */
const againMs = digestIntervalMs

export interface CompanyOptions {
  readonly network: Pick<Network, 'cells' | 'point'>
  readonly clock: Clock
  readonly log: Logger
}

export class CompanyKeeper {
  readonly #options: CompanyOptions
  /** When each was dialled, by the monotonic clock. */
  readonly #tried = new BoundedMap<PeerId, number>(triedMax)

  constructor(options: CompanyOptions) {
    this.#options = options
  }

  /** Holds those that are connected, and dials others: of a few all, of many as many as a node has neighbours. */
  keep(companies: readonly Company[]): void {
    const network = this.#options.network.cells!
    network.keepUp(companies.map(({ topic }) => digestChannelOf(topic)))
    for (const { topic, contacts } of companies) {
      const here = new Set(network.sharing(digestChannelOf(topic)))
      const absent = contacts.filter(({ peer }) => !here.has(peer) && this.#mayTry(peer))
      const { fullMeshPeersMax, degreeMin } = defaultBounds
      const short = contacts.length <= fullMeshPeersMax ? absent.length : degreeMin - here.size
      for (const contact of shuffled(absent).slice(0, Math.max(0, short))) this.#meet(contact)
    }
  }

  #mayTry(peer: PeerId): boolean {
    const triedMs = this.#tried.peek(peer)
    return triedMs === undefined || this.#options.clock.monotonicMs() - triedMs >= againMs
  }

  #meet({ peer, addresses }: Contact): void {
    const { network, clock, log } = this.#options
    this.#tried.set(peer, clock.monotonicMs())
    network.point(peer, addresses)
    network.cells!.meet(peer).catch((error) => log.debug({ peer, error }, 'a speaker was not met'))
  }
}
