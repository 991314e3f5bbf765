/** The station: all that one node knows of its cell, as plain data, with what the parts of `Cells` need of it. */
import { type CellLimits, defaultCellLimits, regionBits } from '../cell-limits.ts'
import type { CellId, OwnerId, PeerId } from '../ids.ts'
import type { Sha256 } from '../record/block.ts'
import { Contacts, nearest } from './contacts.ts'
import type { CellsEffect, Topic } from './contract.ts'
import type { CharterMark } from './digest.ts'
import { Digests } from './digests.ts'
import { arcOf, type CellKey, cellAt, isInArc, parentOf, regionOf, sharedBits, wholeMesh } from './key.ts'
import { type Contact, contactOf, type Member } from './member.ts'
import { News } from './news.ts'
import { Proofs } from './proofs.ts'
import { hourOf, SpeakerLots } from './speakers.ts'

export interface CellsOptions {
  readonly self: PeerId
  readonly sha256: Sha256
  /** Known to this node alone: where it looks for contacts, and when it speaks within a while, follows from it. */
  readonly secret: Uint8Array
  /** Other limits than the usual ones, for tests. */
  readonly limits?: CellLimits | undefined
  /** Lots that nodes of one process share; left out: its own. */
  readonly lots?: SpeakerLots | undefined
}

export class Station {
  readonly options: CellsOptions
  readonly limits: CellLimits
  readonly contacts: Contacts
  bootstraps: readonly Contact[]
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
  /** Topics of regions in which it stays until then, though it does not speak any more: whoever speaks next finds its company through it. */
  readonly regionsUntilMs = new Map<Topic, number>()
  /** By level, those that a search for company found there (company.ts). */
  readonly met = new Map<number, readonly Contact[]>()
  /** Use: those of `members` in its own cell, itself among them, until one comes, goes, or moves. */
  #here: readonly Member[] | undefined
  /** Use: the speakers of this hour, until somebody comes or goes. */
  #speakers: { readonly hour: number; readonly peers: readonly PeerId[]; isStale: boolean } | undefined
  /** Those who spoke at the end of the last hour. */
  #former: readonly PeerId[] = []

  constructor(
    options: CellsOptions,
    own: Member,
    depth: number,
    bootstraps: readonly Contact[],
    nowMs: number,
  ) {
    this.options = options
    this.limits = options.limits ?? defaultCellLimits
    this.own = own
    this.depth = depth
    this.heardMs = nowMs
    this.listensUntilMs = nowMs + this.limits.listenMs
    this.bootstraps = bootstraps
    this.contacts = new Contacts(options.self, own.key, depth)
    this.lots = options.lots ?? new SpeakerLots(options.sha256)
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
    const known = this.#speakers
    if (known?.hour === hour && !known.isStale) return known.peers
    if (known !== undefined && known.hour !== hour) this.#former = known.peers
    const peers = this.lots.speakers(this.here(), hour).map(({ peer }) => peer)
    this.#speakers = { hour, peers, isStale: false }
    return peers
  }

  allSpeakers(nowMs: number): Contact[] {
    return [...(this.speaks(nowMs) ? [contactOf(this.own)] : []), ...this.otherSpeakers(nowMs)]
  }

  /**
   * Those who share a topic with the speakers of another cell: the speakers of this one where both are of one region, else those of the
   * largest region in which the other cell is not.
   */
  heads(other: CellKey, nowMs: number): Contact[] {
    const common = Math.floor(sharedBits(this.own.key, other) / regionBits) * regionBits
    const part = this.cell.slice(0, common + regionBits) as CellId
    return part === this.cell ? this.allSpeakers(nowMs) : this.digests.speakersFor(part, true, nowMs)
  }

  /** As contacts, without this node. */
  otherSpeakers(nowMs: number): Contact[] {
    return this.#contactsOf(this.speakers(nowMs))
  }

  /** … those of the hour before. */
  formerSpeakers(): Contact[] {
    return this.#contactsOf(this.#former)
  }

  get isAlone(): boolean {
    const arc = arcOf(this.cell)
    for (const { key } of this.members.values()) if (isInArc(arc, key)) return false
    return true
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
      this.#outdate()
  }

  remove(peer: PeerId): void {
    if (this.members.delete(peer)) this.changed()
  }

  /** Somebody has come, gone or moved. */
  changed(): void {
    this.#here = undefined
    this.#outdate()
  }

  clockSet(byMs: number): void {
    this.heardMs += byMs
    this.listensUntilMs += byMs
    this.earlier = this.earlier.map(({ cell, untilMs }) => ({ cell, untilMs: untilMs + byMs }))
    for (const [topic, untilMs] of this.regionsUntilMs) this.regionsUntilMs.set(topic, untilMs + byMs)
  }

  #outdate(): void {
    if (this.#speakers !== undefined) this.#speakers.isStale = true
  }

  #contactsOf(peers: readonly PeerId[]): Contact[] {
    return peers.flatMap((peer) => {
      const member = this.members.get(peer)
      return member === undefined ? [] : [contactOf(member)]
    })
  }
}
