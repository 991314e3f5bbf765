/** A node of a virtual mesh of cells: drives its `Cells` machine as the host's driver does, with stand-in signatures. */

import { BoundedMap } from '../../base/bounded-map.ts'
import { digestTtlMs } from '../../protocol/cell-limits.ts'
import { Cells } from '../../protocol/cells/cells.ts'
import type { CellsEffect, CellsInput, KeptCell, PlainMessage, Topic } from '../../protocol/cells/contract.ts'
import type { Digest, HeardDigest } from '../../protocol/cells/digest.ts'
import { type Contact, contactOf, type Member } from '../../protocol/cells/member.ts'
import type { CellMessage } from '../../protocol/cells/message.ts'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { CellId, PeerId } from '../../protocol/ids.ts'
import { advertIntervalMs } from '../../protocol/limits.ts'
import { cheapHash } from '../chance.ts'
import { cidOf, secretNamed } from '../fixtures.ts'
import type { CellEar, CellsWorld } from './cells-world.ts'

/** News that comes within so long is handed in together, as a node's event loop does when it is busy. */
const batchMs = 2_000

type ReportedAnswer = Extract<CellMessage, { type: 'there' }>

/** Adverts do not travel here, nor records. */
function isPlain(message: CellMessage): message is PlainMessage {
  return !/^(these|report|news|charter-wanted|proof-wanted)$/.test(message.type)
}

export class CellNode implements CellEar {
  readonly topics = new Set<Topic>()
  side = 0
  member: Member
  /** It answers as a cartel likes; and it is one of those whom such answers name. */
  isLiar = false
  isAccomplice = false
  readonly #mesh: CellsWorld
  readonly #cells: Cells
  readonly #hands: Hands<CellsEffect>
  readonly #changed = new Map<PeerId, Member>()
  readonly #gone = new Set<PeerId>()
  readonly #heard = new BoundedMap<string, true>(64)
  #isFlushing = false
  #isHere = true
  #kept: KeptCell | null = null
  #saidIn = new Set<Topic>()
  #serial = 0
  #wakeAtMs = Infinity

  constructor(mesh: CellsWorld, member: Member) {
    this.#mesh = mesh
    this.member = member
    const secret = secretNamed(member.peer)
    this.#cells = new Cells({ self: member.peer, sha256: cheapHash, secret, lots: mesh.lots })
    this.#hands = this.#makeHands()
  }

  get isHere(): boolean {
    return this.#isHere
  }

  get kept(): KeptCell | null {
    return this.#kept
  }

  get cell(): CellId {
    return this.#cells.cell
  }

  get view(): ReturnType<Cells['view']> {
    return this.#cells.view(this.#mesh.clockMs)
  }

  begin(kept: KeptCell | null, bootstraps: readonly Contact[]): void {
    this.tell({ type: 'begin', own: this.member, kept, bootstraps })
    this.#repeat()
  }

  /** It drives off. */
  leave(): void {
    this.#isHere = false
    for (const topic of this.topics) this.#mesh.gossip.leave(this, topic)
    this.topics.clear()
  }

  /** Its advert says something else now. */
  offer(more: Partial<Member>): void {
    this.member = { ...this.member, ...more, serial: this.member.serial + 1 }
    this.tell({ type: 'own', own: this.member })
    for (const topic of this.#saidIn) this.#mesh.gossip.say(this, topic, true)
  }

  /** The network was parted, or is whole again. */
  moveTo(side: number): void {
    for (const topic of this.topics) this.#mesh.gossip.leave(this, topic)
    this.side = side
    for (const topic of this.topics) this.#mesh.gossip.join(this, topic)
  }

  heard(member: Member): void {
    this.#gone.delete(member.peer)
    this.#changed.set(member.peer, member)
    this.#flushSoon()
  }

  lapsed(member: Member): void {
    this.#changed.delete(member.peer)
    this.#gone.add(member.peer)
    this.#flushSoon()
  }

  /** Gossip brings nobody the same message twice. */
  hearDigest(digest: HeardDigest, topic: Topic): void {
    if (this.#heard.has(digest.id)) return
    this.#heard.set(digest.id, true)
    this.#mesh.counts.digests += 1
    this.tell({ type: 'digest', digest, topic })
  }

  tell(input: CellsInput): void {
    if (!this.#isHere) return
    carryOut(this.#cells.handle(input, this.#mesh.clockMs), this.#hands, (say) => say())
  }

  /** A message has come from another node. */
  hear(from: Contact, message: CellMessage): void {
    if (!this.#isHere) return
    this.#mesh.counts.messages += 1
    if (!isPlain(message)) return
    if (this.isLiar) {
      this.#lie(from, message)
      return
    }
    this.tell({ type: 'message', from, message })
  }

  /** A member that does not listen says its advert to this node. */
  heardReport(member: Member): void {
    this.tell({ type: 'adverts', changed: [member], renewed: [], gone: [] })
    this.tell({ type: 'reported', from: member.peer, since: null })
  }

  /** One of a cartel knows nobody but its own. */
  #lie(from: Contact, message: PlainMessage): void {
    if (message.type === 'where') {
      const contacts = this.#mesh.accomplices(message.key).map(contactOf)
      const { cell } = this
      const answer: ReportedAnswer = {
        type: 'there',
        question: message.question,
        cell,
        contacts,
      }
      this.#mesh.send(this, from.peer, (to) => to.hear(contactOf(this.member), answer))
    } else if (message.type === 'who') {
      const members = this.#mesh.accomplicesIn(message.arc)
      const { question } = message
      const { cell } = this
      this.#mesh.send(this, from.peer, (to) =>
        to.tell({
          type: 'these',
          from: this.member.peer,
          question,
          cell,
          members,
          hasMore: false,
        }),
      )
    } else this.tell({ type: 'message', from, message })
  }

  /** Says its advert once a minute. */
  #repeat(): void {
    const { timeline, chance, gossip } = this.#mesh
    timeline.at(timeline.nowMs + chance.between(0.9 * advertIntervalMs, 1.1 * advertIntervalMs), () => {
      if (!this.#isHere) return
      for (const topic of this.#saidIn) if (this.topics.has(topic)) gossip.say(this, topic, false)
      this.#repeat()
    })
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    const { timeline } = this.#mesh
    timeline.at(timeline.nowMs + batchMs, () => {
      this.#isFlushing = false
      const changed = [...this.#changed.values()]
      const gone = [...this.#gone]
      this.#changed.clear()
      this.#gone.clear()
      this.tell({ type: 'adverts', changed, renewed: [], gone })
    })
  }

  #makeHands(): Hands<CellsEffect> {
    const mesh = this.#mesh
    const { timeline, gossip, chance } = mesh
    return {
      join: ({ topic }) => {
        this.topics.add(topic)
        gossip.join(this, topic)
      },
      'leave-topic': ({ topic }) => {
        this.topics.delete(topic)
        gossip.leave(this, topic)
      },
      'advertise-in': ({ topics, depth, withinMs }) => {
        this.member = { ...this.member, cellDepth: depth, serial: this.member.serial + 1 }
        this.#saidIn = new Set(topics)
        timeline.at(timeline.nowMs + chance.between(0, withinMs), () => {
          if (!this.#isHere) return
          for (const topic of topics) if (this.topics.has(topic)) gossip.say(this, topic, true)
          mesh.settled(this.member.peer)
        })
      },
      speak: ({ digest, topics }) => {
        this.#speak(digest, topics)
      },
      'pass-on': ({ digest, topic }) => mesh.gossipDigest(this, digest, [topic]),
      'tell-cell': ({ peer, topic }) => {
        const reporter = mesh.node(peer)
        if (reporter !== undefined) gossip.say(reporter, topic, false)
      },
      ask: ({ to, message }) => {
        mesh.counts.asked += message.type === 'where' || message.type === 'who' ? 1 : 0
        mesh.send(this, to.peer, (node) => node.hear(contactOf(this.member), message))
      },
      'answer-these': ({ to, question, cell, peers, hasMore }) => {
        const members = peers.flatMap((peer) => mesh.node(peer)?.member ?? [])
        mesh.send(this, to, (node) =>
          node.tell({ type: 'these', from: this.member.peer, question, cell, members, hasMore }),
        )
      },
      'report-to': ({ to }) => {
        mesh.counts.reports += 1
        mesh.send(this, to.peer, (node) => node.heardReport(this.member))
      },
      'answer-news': () => {},
      'pull-charter': ({ from }) => {
        const charter = mesh.node(from.peer)?.charter
        if (charter !== undefined) this.believe(charter)
      },
      accused: ({ owner, proof, isUrgent }) => {
        if (isUrgent)
          timeline.at(timeline.nowMs + chance.between(50, 500), () =>
            this.tell({ type: 'proof', owner, proof, isTrue: mesh.isTrue(proof) }),
          )
        mesh.accused(this.member.peer, owner)
      },
      'keep-cell': ({ kept }) => {
        this.#kept = kept
      },
      moved: ({ why }) => mesh.moved(why),
      'counted-abroad': ({ name, result }) => mesh.counted(name, result),
      wake: ({ atMs }) => {
        const dueMs = mesh.timelineMs(atMs)
        if (dueMs >= this.#wakeAtMs && this.#wakeAtMs > timeline.nowMs) return
        this.#wakeAtMs = dueMs
        timeline.at(dueMs, () => {
          if (this.#wakeAtMs !== dueMs) return
          this.#wakeAtMs = Infinity
          this.tell({ type: 'wake' })
        })
      },
    }
  }

  charter: number | undefined

  /** The fleet's charter of this number is known here. */
  believe(serial: number): void {
    if (serial <= (this.charter ?? 0)) return
    this.charter = serial
    this.tell({ type: 'charter', mark: { serial, hash: new Uint8Array(16) }, revoked: new Set() })
  }

  #speak(digest: Digest, topics: readonly Topic[]): void {
    this.#serial += 1
    const { clockMs } = this.#mesh
    const heard: HeardDigest = {
      ...digest,
      speaker: contactOf(this.member),
      serial: this.#serial + clockMs,
      expiresMs: clockMs + digestTtlMs,
      id: cidOf(`${this.member.peer}/${this.#serial}`),
    }
    this.#mesh.gossipDigest(this, heard, topics)
  }
}
