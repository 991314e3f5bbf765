/** The channels of gossip that the topics of cells are: adverts and digests each have their own. */

import type { Topic } from '../../protocol/cells/contract.ts'
import { type CellKey, cellAt, isCellId, keyBits, wholeMesh } from '../../protocol/cells/key.ts'
import type { CellId } from '../../protocol/ids.ts'

/**
 * Adverts of the whole mesh are said where nodes without cells hear them, so that such nodes and others are one mesh as long as it is
 * one cell. Digests are said apart: a node without cells would take one for a malformed advert. A region has no adverts.
 */
export function advertChannelOf(topic: Topic): string | null | undefined {
  if (topic.startsWith('region/')) return undefined
  return cellOf(topic) === wholeMesh ? null : topic
}

export function digestChannelOf(topic: Topic): string {
  return `digest/${topic}`
}

export function cellOf(topic: Topic): CellId {
  return topic.slice(topic.indexOf('/') + 1) as CellId
}

/** Tells whether a node with this key might ever be in this channel: then it notes who is. */
export function mayHear(channel: string, key: CellKey): boolean {
  const [, name] = /^(?:digest\/)?(?:cell|region)\/([01]*)$/.exec(channel) ?? []
  if (name === undefined || name.length > keyBits || !isCellId(name)) return false
  return cellAt(key, name.length) === name
}
