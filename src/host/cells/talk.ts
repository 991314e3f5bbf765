/** The messages of cells: what this node says to nodes of its own and other cells, and what it hears from them. */

import { BoundedMap } from '../../base/bounded-map.ts'
import type { CellsInput, PlainMessage } from '../../protocol/cells/contract.ts'
import type { Contact } from '../../protocol/cells/member.ts'
import { type CellMessage, decodeCellMessage, encodeCellMessage } from '../../protocol/cells/message.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { encodeMessage } from '../../protocol/message.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { elapsed } from '../clock.ts'
import { FairShare } from '../network/fair-share.ts'
import { Door } from '../network/rates.ts'
import { Accused } from './accused.ts'
import type { CensusDesk } from './census-desk.ts'
import { type CellDoorKind, cellMessageRates } from './door.ts'
import { openMembers } from './opening.ts'
import type { CellsDriverOptions } from './options.ts'
import type { SignedAdverts } from './signed-adverts.ts'

/** Questions of censuses that are remembered: more than are under way at once. */
const askedMax = 1_024

export interface TalkOptions
  extends Pick<
    CellsDriverOptions,
    'network' | 'fleet' | 'clock' | 'log' | 'take' | 'believed' | 'showProof'
  > {
  readonly tell: (input: CellsInput) => void
  readonly adverts: SignedAdverts
  readonly censuses: CensusDesk
  /** A peer that is connected, as its credential says. */
  readonly contactOf: (peer: PeerId) => Contact
}

export class Talk {
  readonly accused = new Accused()
  readonly #options: TalkOptions
  readonly #share = new FairShare()
  readonly #door: Door<CellDoorKind>
  /** By peer and number, the questions to which it may still answer with adverts. */
  readonly #asked = new BoundedMap<string, true>(askedMax)

  constructor(options: TalkOptions) {
    this.#options = options
    this.#door = new Door(cellMessageRates, () => options.clock.monotonicMs())
  }

  /** Dials where needed; a peer that cannot be reached is said to be so. */
  say({ peer, addresses }: Pick<Contact, 'peer' | 'addresses'>, message: CellMessage): void {
    const { network, tell } = this.#options
    network.point(peer, addresses)
    if (message.type === 'who') this.#asked.set(`${peer} ${message.question}`, true)
    this.#send(peer, message, () => tell({ type: 'unreached', peer }))
  }

  /** To somebody who asked, and is connected. */
  answer(peer: PeerId, message: CellMessage): void {
    this.#send(peer, message, () => {})
  }

  wantCharter(from: Contact): void {
    const serial = this.#options.fleet?.belief.charter.serial
    if (serial !== undefined) this.say(from, { type: 'charter-wanted', serial })
  }

  heardAccused(owner: OwnerId, proof: RecordId, from: PeerId, isUrgent: boolean): void {
    this.accused.note(owner, { proof, from })
    if (isUrgent) this.#fetch(owner, from)
  }

  /** This owner may get work from here: what it is accused of is looked at now. */
  fetchProofs(owner: OwnerId): void {
    this.#fetch(owner)
  }

  #fetch(owner: OwnerId, by?: PeerId): void {
    for (const { proof, from } of this.accused.ask(owner, by)) {
      const addresses = this.#options.network.addressesOf(from)
      this.say({ peer: from, addresses }, { type: 'proof-wanted', owner, proof })
    }
  }

  /** Resolves when this peer may say more. */
  async hear(from: PeerId, bytes: Uint8Array): Promise<void> {
    const { log, believed, clock } = this.#options
    const owner = believed(from)?.owner
    let kind: CellDoorKind = 'refused'
    let waitMs = 0
    await this.#share.run(owner === undefined ? [from] : [from, owner], () => {
      try {
        const message = decodeCellMessage(bytes)
        this.#hear(from, message)
        kind = message.type
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        log.debug({ from, refusal: error.refusal }, 'a message of cells was refused')
      } finally {
        waitMs = this.#door.took(from, kind)
      }
    })
    if (waitMs > 0) await elapsed(clock, waitMs)
  }

  /** Throws ProtocolError. */
  #hear(from: PeerId, message: CellMessage): void {
    const { tell, fleet, clock, censuses, take, contactOf } = this.#options
    switch (message.type) {
      case 'these': {
        const { question, cell, hasMore } = message
        const name = `${from} ${question}`
        if (this.#asked.peek(name) === undefined) return
        this.#asked.delete(name)
        const opened = openMembers(message.adverts, fleet?.belief ?? null, clock.now())
        for (const { member, record } of opened) {
          censuses.put(member.peer, member.serial, record)
          this.fetchProofs(member.owner)
        }
        tell({ type: 'these', from, question, cell, members: opened.map(({ member }) => member), hasMore })
        return
      }
      case 'report':
        take(from, message.advert)
        tell({ type: 'reported', from, since: message.since })
        return
      case 'news':
        for (const advert of message.adverts) this.#takeNews(from, advert)
        tell({ type: 'news-heard', from, next: message.next, hasMore: message.hasMore })
        return
      case 'charter-wanted':
        this.#showCharters(from, message.serial)
        return
      case 'proof-wanted':
        this.#options.showProof(from, message.owner)
        return
      default:
        tell({ type: 'message', from: contactOf(from), message: message satisfies PlainMessage })
    }
  }

  /** One that does not hold is left out: the others, and what comes after them, are news all the same. */
  #takeNews(from: PeerId, advert: SignedRecord): void {
    const { take, log } = this.#options
    try {
      take(from, advert)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      log.debug({ from, refusal: error.refusal }, 'an advert among the news was refused')
    }
  }

  #showCharters(to: PeerId, serial: number): void {
    const { fleet, network, log } = this.#options
    if (fleet === null || fleet.belief.charter.serial <= serial) return
    for (const charter of fleet.belief.charters())
      network.send(to, encodeMessage({ type: 'charter', charter })).catch((error) => {
        log.debug({ to, error }, 'a charter was not shown')
      })
  }

  #send(peer: PeerId, message: CellMessage, failed: () => void): void {
    const { network, log } = this.#options
    network.cells!.send(peer, encodeCellMessage(message)).catch((error) => {
      log.debug({ peer, type: message.type, error }, 'a message of cells was not delivered')
      failed()
    })
  }
}
