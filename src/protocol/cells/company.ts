/**
 * Company: the nodes with whom one that speaks shares the topics of its regions. A topic of gossip holds where those who are in it are
 * connected. The speakers of a cell are near each other anyway; those of other cells must be looked for.
 *
 * Digests name their speakers, so that whoever hears some of a region can meet the others. In the moment from which others speak, nobody has heard of
 * the new ones. So the former speakers of a cell stay in its regions for a while (moving.ts): the new ones meet them, who are connected
 * with those of other cells. Where that fails, as after a split, or when all speakers of a cell ended at once, a speaker finds that nobody speaks in
 * one of the halves of its regions, and looks for somebody there. As each cell then meets one of each other half, all of them hang together.
 */
import { regionBits } from '../cell-limits.ts'
import type { CellId, PeerId } from '../ids.ts'
import type { Topic } from './contract.ts'
import { regionOf, sharedBits } from './key.ts'
import type { Contact } from './member.ts'
import { isOfRegion } from './moving.ts'
import type { Station } from './station.ts'

/** A region's topic, and nodes that are in it as far as is known: it is enough to be connected with some of many. */
export interface Company {
  readonly topic: Topic
  readonly contacts: readonly Contact[]
}

/** One for each topic of a region that it is in. */
export function companyOf(station: Station, nowMs: number): Company[] {
  return [...station.topics].filter(isOfRegion).map((topic) => ({
    topic,
    contacts: contactsIn(station, topic.slice('region/'.length) as CellId, nowMs),
  }))
}

/** How many bits of its key a node has in common with the halves of its regions in which it hears nobody speak; none for one that does not speak. */
export function silentLevels(station: Station, nowMs: number): number[] {
  const { cell, own, digests } = station
  if (!station.speaks(nowMs)) return []
  return [cell, ...station.regions(nowMs)].flatMap((part) => {
    const region = regionOf(part)
    if (region === null) return []
    const heard = new Set(digests.speakersIn(region, nowMs).map(({ key }) => sharedBits(own.key, key)))
    return levelsBetween(region.length, part.length).filter((level) => !heard.has(level))
  })
}

function contactsIn(station: Station, region: CellId, nowMs: number): Contact[] {
  const { digests, met, own } = station
  const known = new Map<PeerId, Contact>()
  for (const contact of [
    ...levelsBetween(region.length, region.length + regionBits).flatMap((level) => met.get(level) ?? []),
    ...station.formerSpeakers(),
    ...station.otherSpeakers(nowMs),
    ...digests.speakersFor(region, true, nowMs),
    ...digests.speakersIn(region, nowMs),
  ])
    if (contact.peer !== own.peer && contact.addresses.length > 0) known.set(contact.peer, contact)
  return [...known.values()]
}

function levelsBetween(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
