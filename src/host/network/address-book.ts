/**
 * The address book: where peers were met, kept on disk, so that a node needs to be told of a bootstrap peer only once.
 *
 * It holds a bounded number of peers, few of one host, those met last; all of them are tried at a start, as peers that
 * somebody told of, within the bounds of every dial. Whoever does not answer is not looked for any more in this run, except
 * by a node that is alone, which tries its book again, ever more seldom.
 */
import type { Libp2p } from '@libp2p/interface'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { PeerId } from '../../protocol/ids.ts'
import { type Acquaintance, acquaintanceSchema } from './introductions.ts'
import { placeOf } from './reach.ts'

/** Where the book is kept: text that was written comes back, or null before that. */
export interface BookShelf {
  read(): string | null
  write(text: string): void
}

/** The peers of this run. */
interface Peers {
  /** Those that were met, the connected first. */
  met(): readonly Acquaintance[]
  /** Takes peers that may be dialled. */
  hear(acquaintances: readonly Acquaintance[]): void
}

/** Nothing is kept. */
export const noShelf: BookShelf = { read: () => null, write() {} }

/** Peers in the book: enough that some are still there after weeks in a garage. A guess. */
export const bookPeersMax = 64
/** … of them of one host that is not near by: one machine must not fill the book. A guess. */
export const bookPeersPerHostMax = 8
/** How often the book is brought up to date. */
const saveIntervalMs = 30_000
/** A node that is alone tries its book after this long, then after twice as long, and so on … */
const retryMsMin = 60_000
/** … up to an hour. */
const retryMsMax = 3_600_000

const bookSchema = z.array(acquaintanceSchema).max(bookPeersMax)

export class AddressBook {
  readonly #node: Libp2p
  readonly #shelf: BookShelf
  readonly #log: Logger
  readonly #peers: Peers
  #kept: readonly Acquaintance[]
  #written: string
  #saving: NodeJS.Timeout | undefined
  #retrying: NodeJS.Timeout | undefined

  constructor(node: Libp2p, shelf: BookShelf, peers: Peers, log: Logger) {
    this.#node = node
    this.#shelf = shelf
    this.#peers = peers
    this.#log = log
    this.#kept = this.#read()
    this.#written = JSON.stringify(this.#kept)
  }

  start(): void {
    this.#try(retryMsMin)
    this.#saving = setInterval(() => this.#save(), saveIntervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#saving)
    clearTimeout(this.#retrying)
    this.#save()
  }

  #try(nextMs: number): void {
    const isAlone = this.#node.getPeers().length === 0
    if (isAlone && this.#kept.length > 0) {
      this.#log.info({ peers: this.#kept.length }, 'looking for peers where they were met before')
      this.#peers.hear(this.#kept)
    }
    const waitMs = isAlone ? nextMs : retryMsMin
    const again = () => this.#try(Math.min(retryMsMax, 2 * waitMs))
    this.#retrying = setTimeout(again, waitMs).unref()
  }

  #save(): void {
    this.#kept = bookOf([...this.#peers.met(), ...this.#kept])
    const text = JSON.stringify(this.#kept)
    if (text === this.#written) return
    try {
      this.#shelf.write(text)
      this.#written = text
    } catch (error) {
      this.#log.warn({ error }, 'the book of addresses was not kept')
    }
  }

  #read(): readonly Acquaintance[] {
    try {
      return bookOf(bookSchema.parse(JSON.parse(this.#shelf.read() ?? '[]')))
    } catch (error) {
      this.#log.warn({ error }, 'the book of addresses cannot be read, and begins anew')
      return []
    }
  }
}

/** Returns the first of them, each peer once and few of one host. */
export function bookOf(acquaintances: readonly Acquaintance[]): Acquaintance[] {
  const seen = new Set<PeerId>()
  const perHost = new Map<string, number>()
  const book: Acquaintance[] = []
  for (const { peer, addresses } of acquaintances) {
    if (book.length === bookPeersMax) break
    const places = addresses.flatMap((text) => placeOf(peer, text) ?? [])
    if (seen.has(peer) || places.length === 0) continue
    const far = new Set(places.filter(({ isNear }) => !isNear).map(({ host }) => host))
    if ([...far].some((host) => (perHost.get(host) ?? 0) >= bookPeersPerHostMax)) continue
    for (const host of far) perHost.set(host, (perHost.get(host) ?? 0) + 1)
    seen.add(peer)
    book.push({ peer, addresses: addresses.slice(0, 4) })
  }
  return book
}
