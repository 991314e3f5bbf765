/** Moving: a node goes to another cell, joins the topics that it needs there, and leaves the others once nobody needs it in them. */

import type { CellId } from '../ids.ts'
import { advertIntervalMs } from '../limits.ts'
import type { MoveReason, Topic } from './contract.ts'
import type { Crowd } from './depth.ts'
import { holds, parentOf, regionOf, siblingOf, wholeMesh } from './key.ts'
import type { Contact } from './member.ts'
import type { Station } from './station.ts'

/** Goes to the cell of its key at this depth. `before`: the cell that it leaves. */
export function moveTo(
  station: Station,
  depth: number,
  why: MoveReason,
  nowMs: number,
  before = station.cell,
): void {
  const { effects, own, contacts, limits } = station
  station.depth = depth
  station.earlier = station.earlier.filter(({ cell }) => cell !== station.cell)
  if (before !== station.cell) station.earlier.push({ cell: before, untilMs: nowMs + limits.bothCellsMs })
  contacts.moved(own.key, depth)
  station.met.clear()
  station.changed()
  // After a split or a merge it knows whom it will meet.
  if (why !== 'split' && why !== 'merge') station.listensUntilMs = nowMs + limits.listenMs
  effects.push({ type: 'moved', from: before, to: station.cell, why })
  keep(station)
  arrangeTopics(station, nowMs)
  advertise(station, advertIntervalMs)
}

/** Says its advert in its cell, and in those that it is leaving. */
export function advertise(station: Station, withinMs: number): void {
  const { depth, effects, cell, earlier } = station
  const cells = [cell, ...earlier.map((each) => each.cell)]
  effects.push({ type: 'advertise-in', topics: cells.map(topicOf), depth, withinMs })
}

export function keep(station: Station): void {
  const { own, depth, contacts, effects } = station
  effects.push({ type: 'keep-cell', kept: { key: own.key, depth, contacts: contacts.list() } })
}

export function topicOf(cell: CellId): Topic {
  return `cell/${cell}`
}

export function regionTopicOf(region: CellId): Topic {
  return `region/${region}`
}

export function isOfRegion(topic: Topic): boolean {
  return topic.startsWith('region/')
}

/** Joins and leaves, so that it is in those topics that it needs. */
export function arrangeTopics(station: Station, nowMs: number): void {
  const { topics, effects, regionsUntilMs, limits } = station
  station.earlier = station.earlier.filter(({ untilMs }) => untilMs > nowMs)
  const wanted = wantedTopics(station, nowMs)
  for (const topic of wanted) {
    if (isOfRegion(topic)) regionsUntilMs.set(topic, nowMs + limits.bothCellsMs)
    if (topics.has(topic)) continue
    topics.add(topic)
    effects.push({ type: 'join', topic })
  }
  for (const topic of topics) {
    const isKept = !station.isMetered && (regionsUntilMs.get(topic) ?? 0) > nowMs
    if (wanted.has(topic) || isKept) continue
    topics.delete(topic)
    regionsUntilMs.delete(topic)
    effects.push({ type: 'leave-topic', topic })
  }
}

/**
 * Its cell, and the one that it has left; if it speaks for its cell, the regions of the cell, of its parent and of its halves, which differ
 * where a region ends; and if it speaks for a region, the one above that. Nobody leaves a region at the moment from which others speak.
 */
function wantedTopics(station: Station, nowMs: number): Set<Topic> {
  const { cell, earlier, isMetered } = station
  const speaks = station.speaks(nowMs)
  if (isMetered) return new Set()
  const topics = new Set([topicOf(cell), ...earlier.map((each) => topicOf(each.cell))])
  if (!speaks) return topics
  const around = [cell, `${cell}0` as CellId, ...(cell === wholeMesh ? [] : [parentOf(cell)])]
  for (const region of [...around.map(regionOf), ...station.regions(nowMs).map(regionOf)])
    if (region !== null) topics.add(regionTopicOf(region))
  return topics
}

/** The nodes around it. A speaker counts them; others take the middle of what the speakers of their cell say. */
export function crowdOf(station: Station, nowMs: number): Crowd {
  const { cell, depth, digests } = station
  const here = station.here()
  let [movedDown, movedUp] = [0, 0]
  for (const { cellDepth = depth } of here) {
    if (cellDepth > depth) movedDown += 1
    else if (cellDepth < depth) movedUp += 1
  }
  const said = digests.counts(cell, false, nowMs)
  const seen = station.speaks(nowMs) || said === undefined ? aroundOf(station, nowMs) : said
  const { deeper, beside, above } = seen
  return { here: here.length, deeper, beside, above, movedDown, movedUp, heardAround: station.heardAround() }
}

/** By the digests that it hears in its regions. */
export function aroundOf(
  { cell, digests }: Station,
  nowMs: number,
): Pick<Crowd, 'deeper' | 'beside' | 'above'> {
  const deeper = digests.membersWithin(cell, nowMs)
  if (cell === wholeMesh) return { deeper, beside: 0, above: 0 }
  const sibling = siblingOf(cell)
  const beside = (digests.counts(sibling, false, nowMs)?.members ?? 0) + digests.membersWithin(sibling, nowMs)
  return { deeper, beside, above: digests.membersAround(cell, nowMs) }
}

/** A member to which a node reports that does not listen names the speakers, and the cell that it is in. */
export function heedSpeakers(
  station: Station,
  { cell, contacts }: { readonly cell: CellId; readonly contacts: readonly Contact[] },
  nowMs: number,
): void {
  if (!station.isMetered || !holds(cell, station.own.key)) return
  station.named = contacts
  const { length } = cell
  if (length !== station.depth) moveTo(station, length, length > station.depth ? 'split' : 'merge', nowMs)
}
