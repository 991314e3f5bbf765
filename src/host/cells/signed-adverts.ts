/** The signed adverts of members, by peer: the machine names peers, and what is sent is what they signed. */
import { BoundedMap } from '../../base/bounded-map.ts'
import { answerAdvertsMax } from '../../protocol/cell-limits.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { rosterEntriesMax } from '../../protocol/limits.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { messageBytesMax } from '../../protocol/sizes.ts'

/** Those that the roster has, and as many that come and go. */
const recordsMax = 2 * rosterEntriesMax
/** Bytes of an answer that are not adverts. */
const aroundBytes = 1_024
/** Bytes around a body and a signature. */
const fieldsBytes = 96

export class SignedAdverts {
  readonly #records = new BoundedMap<PeerId, SignedRecord>(recordsMax)

  put(peer: PeerId, record: SignedRecord): void {
    this.#records.set(peer, record)
  }

  get(peer: PeerId): SignedRecord | undefined {
    return this.#records.peek(peer)
  }

  drop(peer: PeerId): void {
    this.#records.delete(peer)
  }

  /** As many as fit an answer, in this order; `rest`: those that did not fit. */
  fitting(peers: readonly PeerId[]): {
    readonly adverts: readonly SignedRecord[]
    readonly rest: readonly PeerId[]
  } {
    const adverts: SignedRecord[] = []
    let bytes = aroundBytes
    for (const [i, peer] of peers.entries()) {
      const record = this.get(peer)
      if (record === undefined) continue
      bytes += record.body.byteLength + record.signature.byteLength + fieldsBytes
      if (bytes > messageBytesMax || adverts.length >= answerAdvertsMax)
        return { adverts, rest: peers.slice(i) }
      adverts.push(record)
    }
    return { adverts, rest: [] }
  }
}
