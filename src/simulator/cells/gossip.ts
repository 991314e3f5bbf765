/**
 * The gossip of cells in a virtual mesh. A node in a topic knows who has said its advert there within an advert's life. Nodes say them once a
 * minute; in here only what is news to somebody costs anything: a newcomer, another offer, or a listener that has just come. All others are
 * counted.
 */
import type { Topic } from '../../protocol/cells/contract.ts'
import type { Member } from '../../protocol/cells/member.ts'
import { advertTtlMs } from '../../protocol/limits.ts'
import type { Timeline } from '../timeline.ts'

/** A node, as gossip sees it. */
export interface Listener {
  readonly member: Member
  /** Nodes on different sides do not hear each other. */
  readonly side: number
  readonly topics: ReadonlySet<Topic>
  heard(member: Member): void
  lapsed(member: Member): void
}

interface Room<Node> {
  /** When each was last heard in here. */
  readonly speakers: Map<Node, number>
  readonly listeners: Set<Node>
  /** Listeners that came so lately that some were not heard since. */
  fresh: { readonly listener: Node; readonly sinceMs: number }[]
}

export class Gossip<Node extends Listener> {
  readonly #timeline: Timeline
  readonly #rooms = new Map<string, Room<Node>>()
  /** Adverts that nodes received, with news or without. */
  received = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  join(listener: Node, topic: Topic): void {
    const room = this.#room(listener, topic)
    room.listeners.add(listener)
    room.fresh.push({ listener, sinceMs: this.#timeline.nowMs })
  }

  leave(listener: Node, topic: Topic): void {
    const room = this.#room(listener, topic)
    room.listeners.delete(listener)
    room.fresh = room.fresh.filter((each) => each.listener !== listener)
    this.#timeline.at(this.#timeline.nowMs + advertTtlMs, () => {
      if (room.listeners.has(listener)) return
      for (const speaker of room.speakers.keys()) this.#lapse(listener, speaker)
    })
  }

  /** A node says its advert in a topic. `isNews`: it is another one than it said there before. */
  say(speaker: Node, topic: Topic, isNews: boolean): void {
    const room = this.#room(speaker, topic)
    const { nowMs } = this.#timeline
    const lastMs = room.speakers.get(speaker)
    room.speakers.set(speaker, nowMs)
    if (isNews || lastMs === undefined) for (const listener of room.listeners) this.#tell(listener, speaker)
    else for (const { listener, sinceMs } of room.fresh) if (sinceMs >= lastMs) this.#tell(listener, speaker)
    if (room.fresh.length > 0 && room.fresh[0]!.sinceMs < nowMs - advertTtlMs)
      room.fresh = room.fresh.filter(({ sinceMs }) => sinceMs >= nowMs - advertTtlMs)
    this.received += room.listeners.size
    this.#timeline.at(nowMs + advertTtlMs, () => {
      if (room.speakers.get(speaker) !== nowMs) return
      room.speakers.delete(speaker)
      for (const listener of room.listeners) this.#lapse(listener, speaker)
    })
  }

  listeners(side: number, topic: Topic): Iterable<Node> {
    return this.#rooms.get(`${side}/${topic}`)?.listeners ?? []
  }

  #tell(listener: Node, speaker: Node): void {
    if (listener !== speaker) listener.heard(speaker.member)
  }

  /** Unless it still hears it elsewhere. */
  #lapse(listener: Node, speaker: Node): void {
    for (const topic of listener.topics)
      if (this.#rooms.get(`${listener.side}/${topic}`)?.speakers.has(speaker) === true) return
    listener.lapsed(speaker.member)
  }

  #room({ side }: Node, topic: Topic): Room<Node> {
    const name = `${side}/${topic}`
    const known = this.#rooms.get(name)
    if (known !== undefined) return known
    const room: Room<Node> = { speakers: new Map(), listeners: new Set(), fresh: [] }
    this.#rooms.set(name, room)
    return room
  }
}
