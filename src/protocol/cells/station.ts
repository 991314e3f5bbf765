/** The station: all that one node knows of its cell, as plain data, with what the parts of `Cells` need of it. */
import type { CellId, OwnerId, PeerId } from '../ids.ts'
import { advertIntervalMs } from '../limits.ts'
import type { Sha256 } from '../record/block.ts'
import { Contacts, nearest } from './contacts.ts'
import type { CellsEffect, Topic } from './contract.ts'
import type { CharterMark } from './digest.ts'
import { Digests } from './digests.ts'
import { arcOf, type CellKey, cellAt, isInArc, parentOf, regionOf, wholeMesh } from './key.ts'
import { type Contact, contactOf, type Member } from './member.ts'
import { News } from './news.ts'
import { Proofs } from './proofs.ts'
import { hourOf, SpeakerLots } from './speakers.ts'

/** Everybody says its advert within an advert's interval; some are late. */
export const listenMs = 1.5 * advertIntervalMs

export interface CellsOptions {
  readonly self: PeerId
  readonly sha256: Sha256
  /** Known to this node alone: where it looks for contacts, and when it speaks within a while, follows from it. */
  readonly secret: Uint8Array
}

export class Station {
  readonly options: CellsOptions
  readonly contacts: Contacts
  readonly bootstraps: readonly Contact[]
  readonly digests: Digests
  readonly lots: SpeakerLots
  readonly proofs: Proofs
  readonly news = new News()
  /** All that were heard: those of its cell, and for a while those of the cell that it left. */
  readonly members = new Map<PeerId, Member>()
  /** Topics that it is in. */
  readonly topics = new Set<Topic>()
  /** Cells that it has left, and how long it listens there. */
  earlier: { readonly cell: CellId; readonly untilMs: number }[] = []
  own: Member
  depth: number
  isMetered = false
  /** The speakers that a member of its cell named to a metered node. */
  named: readonly Contact[] = []
  charter: CharterMark | null = null
  revoked: ReadonlySet<OwnerId | PeerId> = new Set()
  /** When a member of its cell, or a speaker, was last heard. */
  heardMs: number
  effects: CellsEffect[] = []
  /** A node that has just come knows nobody, and would take itself for a speaker: it listens first. */
  listensUntilMs: number
  /** Use: those of `members` in its own cell, itself among them, until one comes, goes, or moves. */
  #here: readonly Member[] | undefined
  /** Use: the speakers of this hour, for as long as nobody comes or goes. */
  #speakers: { readonly hour: number; readonly peers: readonly PeerId[] } | undefined

  constructor(
    options: CellsOptions,
    own: Member,
    depth: number,
    bootstraps: readonly Contact[],
    nowMs: number,
  ) {
    this.options = options
    this.own = own
    this.depth = depth
    this.heardMs = nowMs
    this.listensUntilMs = nowMs + listenMs
    this.bootstraps = bootstraps
    this.contacts = new Contacts(options.self, own.key, depth)
    this.lots = new SpeakerLots(options.sha256)
    this.digests = new Digests(this.lots)
    this.proofs = new Proofs(options.sha256)
  }

  get cell(): CellId {
    return cellAt(this.own.key, this.depth)
  }

  /** Every member of the cell that is known, with this node. */
  here(): readonly Member[] {
    if (this.#here === undefined) {
      const arc = arcOf(this.cell)
      this.#here = [this.own, ...[...this.members.values()].filter(({ key }) => isInArc(arc, key))]
    }
    return this.#here
  }

  /** Members that are known of the cell of which its own is a half, with this node. */
  heardAround(): number {
    if (this.cell === wholeMesh) return this.here().length
    const parent = arcOf(parentOf(this.cell))
    let count = 1
    for (const { key } of this.members.values()) if (isInArc(parent, key)) count += 1
    return count
  }

  /** The lowest lot first. */
  speakers(nowMs: number): readonly PeerId[] {
    const hour = hourOf(nowMs)
    if (this.#speakers?.hour !== hour)
      this.#speakers = { hour, peers: this.lots.speakers(this.here(), hour).map(({ peer }) => peer) }
    return this.#speakers.peers
  }

  allSpeakers(nowMs: number): Contact[] {
    return [...(this.speaks(nowMs) ? [contactOf(this.own)] : []), ...this.otherSpeakers(nowMs)]
  }

  /** As contacts, without this node. */
  otherSpeakers(nowMs: number): Contact[] {
    return this.speakers(nowMs).flatMap((peer) => {
      const member = this.members.get(peer)
      return member === undefined ? [] : [contactOf(member)]
    })
  }

  get isAlone(): boolean {
    return this.here().length === 1
  }

  speaks(nowMs: number): boolean {
    return !this.isMetered && nowMs >= this.listensUntilMs && this.speakers(nowMs).includes(this.own.peer)
  }

  /** The regions for which it speaks: it is among the lowest lots of those that speak for their parts. */
  regions(nowMs: number): CellId[] {
    const regions: CellId[] = []
    if (!this.speaks(nowMs)) return regions
    const own = contactOf(this.own)
    for (let region = regionOf(this.cell); region !== null; region = regionOf(region)) {
      const others = this.digests.speakersIn(region, nowMs).filter(({ peer }) => peer !== own.peer)
      const speakers = this.lots.lowest([...others, own], hourOf(nowMs))
      if (!speakers.includes(own)) break
      regions.push(region)
    }
    return regions
  }

  /** Those that are nearest to a key of all that it could ask: contacts, and speakers that it hears. */
  nearest(key: CellKey, max: number, nowMs: number): Contact[] {
    const known = new Map<PeerId, Contact>()
    for (const contact of [...this.digests.speakers(nowMs), ...this.contacts.list()])
      if (contact.peer !== this.own.peer && contact.addresses.length > 0) known.set(contact.peer, contact)
    return nearest(key, [...known.values()]).slice(0, max)
  }

  /** Takes an advert. */
  put(member: Member): void {
    const known = this.members.get(member.peer)
    this.members.set(member.peer, member)
    this.#here = undefined
    if (known?.key !== member.key || known.reach !== member.reach || known.owner !== member.owner)
      this.#speakers = undefined
  }

  remove(peer: PeerId): void {
    if (this.members.delete(peer)) this.changed()
  }

  /** Somebody has come, gone or moved. */
  changed(): void {
    this.#here = undefined
    this.#speakers = undefined
  }
}
