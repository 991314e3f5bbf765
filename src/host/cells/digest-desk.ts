/** Digests of cells and regions: those that this node signs, and those that it hears and passes on as they came. */
import { BoundedMap } from '../../base/bounded-map.ts'
import { digestTtlMs } from '../../protocol/cell-limits.ts'
import type { CellsInput, Topic } from '../../protocol/cells/contract.ts'
import { type Digest, type DigestNotice, type HeardDigest, packDigest } from '../../protocol/cells/digest.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import { encodeBody } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { digestChannelOf } from './channels.ts'
import { openNotice } from './opening.ts'
import type { CellsDriverOptions } from './options.ts'

/** Digests whose bytes are kept to be passed on, and serials that are remembered so that none is heard twice. */
const heardMax = 1_024

export interface DigestDeskOptions
  extends Pick<CellsDriverOptions, 'key' | 'network' | 'fleet' | 'journal' | 'clock' | 'log'> {
  readonly tell: (input: CellsInput) => void
}

export class DigestDesk {
  readonly #options: DigestDeskOptions
  readonly #bytes = new BoundedMap<string, Uint8Array>(heardMax)
  /** By topic, speaker and cell, the serial of the digest that was heard last. */
  readonly #serials = new BoundedMap<string, number>(heardMax)

  constructor(options: DigestDeskOptions) {
    this.#options = options
  }

  join(topic: Topic): void {
    this.#options.network.gossip.joinChannel(digestChannelOf(topic), (bytes) => this.#judge(bytes, topic))
  }

  /** Does nothing while the fleet does not admit this node: nobody would believe it. */
  speak(digest: Digest, topics: readonly Topic[]): void {
    const { key, fleet, journal, clock } = this.#options
    if (fleet !== null && fleet.standing.state !== 'admitted') return
    const body = encodeBody(
      bodyOf('digest', {
        signer: key.peerId,
        serial: journal.nextSerial('digest'),
        expiresMs: clock.now() + digestTtlMs,
        payload: packDigest(digest),
      }),
    )
    const signed = { body, signature: key.sign(body) }
    const notice: DigestNotice = { digest: signed, credential: fleet?.credential ?? null }
    const bytes = encodeCbor(notice)
    for (const topic of topics) this.#publish(bytes, topic)
    // Its own word counts for itself as anybody's does: its cell may have no other speaker.
    const heard = openNotice(bytes, fleet?.belief ?? null, clock.now())
    this.#bytes.set(heard.id, bytes)
    for (const topic of topics) this.#options.tell({ type: 'digest', digest: heard, topic })
  }

  passOn({ id }: HeardDigest, topic: Topic): void {
    const bytes = this.#bytes.peek(id)
    if (bytes !== undefined) this.#publish(bytes, topic)
  }

  #publish(bytes: Uint8Array, topic: Topic): void {
    const { network, log } = this.#options
    network.gossip.publishIn(digestChannelOf(topic), bytes).catch((error) => {
      log.debug({ topic, error }, 'a digest was not published')
    })
  }

  #judge(bytes: Uint8Array, topic: Topic): 'accept' | 'ignore' | 'reject' {
    const { fleet, clock, log, tell } = this.#options
    try {
      const digest = openNotice(bytes, fleet?.belief ?? null, clock.now())
      const name = `${topic} ${digest.speaker.peer} ${digest.isRegion} ${digest.cell}`
      if (digest.expiresMs <= clock.now() || digest.serial <= (this.#serials.peek(name) ?? -1))
        return 'ignore'
      this.#serials.set(name, digest.serial)
      this.#bytes.set(digest.id, bytes.slice())
      tell({ type: 'digest', digest, topic })
      return 'accept'
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      log.debug({ refusal: error.refusal }, 'a digest was refused')
      // Its speaker may have been put out by a charter that the neighbour does not know yet.
      return error.refusal.code === 'not-admitted' ? 'ignore' : 'reject'
    }
  }
}
