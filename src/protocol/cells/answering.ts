/** Answering: what other nodes ask of this one, each question with a bounded answer, from what it has in memory. */
import { answerAdvertsMax, answerContactsMax } from '../cell-limits.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { nearest } from './contacts.ts'
import { type Arc, type CellKey, distance, holds, isInArc } from './key.ts'
import { type Contact, contactOf, type Member } from './member.ts'
import { topicOf } from './moving.ts'
import type { Station } from './station.ts'

/**
 * Names contacts near a key: in its own cell, those that speak with the asker's speakers first, so that a speaker that
 * nobody hears finds them; and then one of each owner, so that the asker hears independent words.
 */
export function answerWhere(
  station: Station,
  from: Contact,
  question: number,
  key: CellKey,
  nowMs: number,
): void {
  const { cell, effects, contacts } = station
  const near = holds(cell, key)
    ? [...station.heads(from.key, nowMs), ...membersNear(station, key)]
    : station.nearest(key, answerContactsMax + 1, nowMs)
  const others = [...new Map(near.map((contact) => [contact.peer, contact])).values()]
    .filter(({ peer, addresses }) => peer !== from.peer && addresses.length > 0)
    .slice(0, answerContactsMax)
  contacts.learn(from, true)
  const message = { type: 'there', question, cell, contacts: others } as const
  effects.push({ type: 'ask', to: from, message })
}

/** Answers with those of its cell that are in an arc, in the order of keys. */
export function answerWho(
  station: Station,
  from: PeerId,
  question: number,
  arc: Arc,
  after: CellKey | null,
  offers: (member: Member) => boolean,
): void {
  const isBehind = ({ key }: Member) => after === null || distance(arc.from, key) > distance(arc.from, after)
  const all = station
    .here()
    .filter((member) => isInArc(arc, member.key) && isBehind(member) && offers(member))
    .sort((a, b) => distance(arc.from, a.key) - distance(arc.from, b.key))
  const peers = all.slice(0, answerAdvertsMax).map(({ peer }) => peer)
  const hasMore = all.length > peers.length
  station.effects.push({ type: 'answer-these', to: from, question, cell: station.cell, peers, hasMore })
}

/** A member said its advert to this node, in place of gossip. */
export function answerReport(station: Station, from: PeerId, since: number | null, nowMs: number): void {
  const { members, effects, cell, news } = station
  const member = members.get(from)
  if (member === undefined || !holds(cell, member.key)) return
  if (!station.speaks(nowMs) || (member.cellDepth ?? station.depth) !== station.depth) {
    // It does not hear who speaks: whoever it asks tells it.
    const message = { type: 'there', question: 0, cell, contacts: station.allSpeakers(nowMs) } as const
    effects.push({ type: 'ask', to: contactOf(member), message })
    if (!station.speaks(nowMs)) return
  }
  effects.push({ type: 'tell-cell', peer: from, topic: topicOf(cell) })
  if (since !== null) effects.push({ type: 'answer-news', to: from, ...news.since(since) })
}

function membersNear(station: Station, key: CellKey): Contact[] {
  const sorted = nearest(
    key,
    station.here().filter(({ addresses }) => addresses.length > 0),
  )
  const owners = new Set<OwnerId>()
  const [first, rest]: [Member[], Member[]] = [[], []]
  for (const member of sorted) {
    if (first.length > answerContactsMax) break
    if (owners.has(member.owner)) rest.push(member)
    else first.push(member)
    owners.add(member.owner)
  }
  return [...first, ...rest].slice(0, answerContactsMax + 1).map(contactOf)
}
