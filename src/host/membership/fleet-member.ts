/**
 * This node in its fleet: the charters that it believes, its own credential, and whom it lets in.
 *
 * Two nodes that meet show each other their credentials before there is a connection (network/admission.ts), and hand over newer charters
 * in the same breath, so that whoever comes back from a week in a garage knows the revocations before anybody can offer it work. Later news
 * goes from neighbour to neighbour, each telling it on once; connections to those revoked, or whose credential is over, end at once.
 */
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { evidenceAgeMsMax, rosterEntriesMax } from '../../protocol/limits.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Fleet } from '../../protocol/membership/fleet.ts'
import { encodeMessage } from '../../protocol/message.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { FleetStanding } from '../api.ts'
import { systemClock } from '../clock.ts'
import type { AdmissionLine, Doorkeeper } from '../network/admission.ts'
import { reason } from '../network/errors.ts'
import type { Network } from '../network/network.ts'
import type { Journal } from '../store/journal.ts'
import type { SigningKey } from '../store/keys.ts'
import { keepCharters, openFleet, replaceCharter, sayNews } from './charter-file.ts'
import {
  decodeGreeting,
  decodeReply,
  encodeGreeting,
  encodeReply,
  type Greeting,
  type Guest,
  ownerOf,
  vouchFor,
} from './greeting.ts'
import { Knocks } from './knocks.ts'
import { isFresh, OwnCredential } from './own-credential.ts'
import { Registrar, type RegistrarOptions } from './registrar.ts'

export interface FleetMemberOptions extends Pick<RegistrarOptions, 'countsVehicles'> {
  /** The charter that the operator handed out. */
  readonly charterPath: string
  /** Only for a registrar. */
  readonly keyPath: string | null
  /** The path of this node's credential. */
  readonly credentialPath: string
  readonly key: SigningKey
  readonly certificate: SignedRecord | null
  readonly owner: OwnerId
  /** The fleet's name for this vehicle. */
  readonly vehicle: string
  readonly journal: Journal
  readonly log: Logger
}
/** How often credentials are looked at, one's own and those of neighbours: they live for a day. */
const lookIntervalMs = 5_000

export class FleetMember implements Doorkeeper {
  readonly #options: FleetMemberOptions
  readonly #fleet: Fleet
  readonly registrar: Registrar | null
  readonly #own: OwnCredential
  /** The last word of a member of the fleet against this node; a registrar's is worth more than another's. */
  #refusal: { readonly why: string; readonly isRegistrars: boolean } | null = null
  /** The peers that showed their credential, its end, and the facts that they stated of themselves. */
  readonly #guests = new Map<PeerId, Guest>()
  /** The credential that the journal has of each peer; bounded like the roster. */
  readonly #shown = new Map<PeerId, RecordId>()
  readonly #knocks = new Knocks((address) => this.#network?.reach(address))
  #network: Network | undefined
  #onRevoked: () => void = () => {}
  #onCharter: () => void = () => {}
  #timer: NodeJS.Timeout | undefined

  /** Throws Error, one sentence that names the file. */
  constructor(options: FleetMemberOptions) {
    this.#options = options
    const { charterPath, keyPath, key, owner, journal, log } = options
    this.#fleet = openFleet(charterPath, journal)
    this.registrar =
      keyPath === null
        ? null
        : new Registrar({
            keyPath,
            self: { peer: key.peerId, owner },
            ...{ fleet: this.#fleet, journal, log, countsVehicles: options.countsVehicles },
            onCharter: (record) => {
              this.hear(record)
              replaceCharter(charterPath, this.#fleet, log)
            },
          })
    keepCharters(this.#fleet, this.#options.journal)
    journal.members.dropCredentials(systemClock.now(), evidenceAgeMsMax)
    this.#own = new OwnCredential(options, this.#fleet)
    if (this.registrar !== null) this.#admitMyself()
  }

  get fleet(): PeerId {
    return this.#fleet.id
  }

  /** The share of vehicles' earnings that the fleet's operator keeps, in parts per million. */
  get operatorPpm(): number {
    return this.#fleet.charter.payload.operatorPpm
  }

  get belief(): Fleet {
    return this.#fleet
  }

  get credential(): SignedRecord | null {
    return this.#own.record
  }

  get standing(): FleetStanding {
    const { name, keys } = this.#fleet.charter.payload
    const { untilMs, isGood } = this.#own
    return {
      name,
      key: this.#fleet.id,
      keys,
      isRegistrar: this.registrar !== null,
      state: isGood ? 'admitted' : 'waiting',
      untilMs,
      // Nobody's word outranks the fleet's own, which anybody can check.
      why: isGood ? null : (this.#refusal?.why ?? null),
    }
  }

  /** `onRevoked`: somebody may not take part any more. `onCharter`: there is a new one. */
  start(network: Network, onRevoked: () => void, onCharter: () => void): void {
    this.#network = network
    this.#onRevoked = onRevoked
    this.#onCharter = onCharter
    network.onPeer(({ type, peer }) => {
      if (type === 'disconnected') this.#guests.delete(peer)
    })
    this.registrar?.follow()
    this.#timer = setInterval(() => this.#look(), lookIntervalMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** A peer that is connected. */
  guest(peer: PeerId): Guest | undefined {
    return this.#guests.get(peer)
  }

  async meet(peer: PeerId, line: AdmissionLine): Promise<void> {
    const { vehicle, certificate } = this.#options
    const charter = this.#fleet.charter.serial
    await line.send(encodeGreeting({ credential: this.credential, vehicle, certificate, charter }))
    const greeting = decodeGreeting(await line.receive())
    const issued = this.#issue(peer, greeting, line.host)
    const shown = issued ?? greeting.credential
    // Two registrars may have signed in the same millisecond.
    const mayTie = this.registrar !== null && this.#fleet.isRegistrar(peer)
    await line.send(
      encodeReply({
        refused: this.#refuse(peer, greeting, shown),
        credential: issued,
        charters: greeting.charter < (mayTie ? charter + 1 : charter) ? this.#fleet.charters() : [],
      }),
    )
    const reply = decodeReply(await line.receive())
    for (const record of reply.charters) this.hear(record)
    if (reply.credential !== null) this.hearCredential(reply.credential)
    const credential = vouchFor(this.#fleet, peer, greeting, shown)
    if (reply.refused !== null) {
      this.#hearRefusal(peer, reply.refused)
      throw new Error(`the fleet does not let this node in: ${reply.refused}`)
    }
    this.#guests.set(peer, { credential, record: shown!, vehicle: greeting.vehicle })
  }

  /** The peer may take part itself: of anybody else the answer is not even read. */
  #hearRefusal(peer: PeerId, why: string): void {
    const isRegistrars = this.#fleet.isRegistrar(peer)
    if (isRegistrars || !this.#refusal?.isRegistrars) this.#refusal = { why, isRegistrars }
  }

  /** Tells whether the fleet has forgiven this owner the lies of a job that began at this time. */
  isCleared(owner: OwnerId, begunMs: number): boolean {
    return this.#fleet.isCleared(owner, begunMs)
  }

  /** Throws ProtocolError when this vehicle may not take part. */
  vouch({ peer, owner, credential, name }: Capacity): void {
    const verified = this.#fleet.vouch(credential, peer, owner, systemClock.now())
    if (this.#shown.get(peer) !== verified.id) {
      if (this.#shown.size > rosterEntriesMax) this.#shown.clear()
      this.#shown.set(peer, verified.id)
      this.#options.journal.members.putCredential(peer, credential!, verified.expiresMs)
      this.registrar?.learn(verified)
    }
    const guest = { credential: verified, record: credential!, vehicle: name }
    if (this.#guests.has(peer)) this.#guests.set(peer, guest)
  }

  /** Tells whether a peer that was heard of earlier may no longer take part. */
  isGone({ peer, owner, credential }: Capacity): boolean {
    try {
      this.#fleet.vouch(credential, peer, owner, systemClock.now())
      return false
    } catch {
      return true
    }
  }

  /**
   * Hears a charter. A new one is kept, passed on, and acted upon. Throws ProtocolError when it is not the fleet's.
   */
  hear(charter: SignedRecord): void {
    const before = this.#fleet.charter.payload
    if (!this.#fleet.adopt(charter)) return
    keepCharters(this.#fleet, this.#options.journal)
    sayNews(this.#fleet, before, this.#options.log)
    this.registrar?.follow()
    for (const peer of this.#network?.connectedPeers() ?? [])
      this.#send(peer, encodeMessage({ type: 'charter', charter }))
    this.#onCharter()
    this.#look()
  }

  /** A credential for this node, from a registrar. Throws ProtocolError when it is not good. */
  hearCredential(credential: SignedRecord): void {
    if (this.#own.take(credential)) this.#refusal = null
  }

  /** Another credential would be another place among cells: it keeps one that is good. */
  #admitMyself(): void {
    const { key, owner, vehicle, log } = this.#options
    const { peerId: peer } = key
    this.registrar!.admit(peer, owner, vehicle)
    if (this.#own.isGood && isFresh(this.#own.untilMs!)) return
    const decision = this.registrar!.consider({ peer, vehicle, owner })
    try {
      if (decision.state === 'admitted') this.hearCredential(decision.credential)
    } catch (error) {
      // Another node with the fleet's key has put this one out.
      log.error({ error }, `this registrar is no part of its own fleet: ${reason(error)}`)
    }
  }

  /** A registrar gives the nodes that it knows another day when half of the last is over. */
  #issue(peer: PeerId, { credential, vehicle, certificate }: Greeting, host: string): SignedRecord | null {
    if (this.registrar === null || !this.registrar.canSign) return null
    const owner = ownerOf(peer, certificate)
    try {
      const shown = this.#fleet.vouch(credential, peer, owner, systemClock.now())
      this.registrar.learn(shown)
      if (isFresh(shown.expiresMs)) return null
    } catch {
      // None that is good: perhaps it gets one.
    }
    const decision = this.registrar.consider({ peer, vehicle, owner }, host)
    return decision.state === 'admitted' ? decision.credential : null
  }

  #refuse(peer: PeerId, greeting: Greeting, shown: SignedRecord | null): string | null {
    try {
      vouchFor(this.#fleet, peer, greeting, shown)
      return null
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.refusal.code !== 'not-admitted') throw error
      const state = this.registrar?.stateOf(peer)
      if (state === 'pending') return `${greeting.vehicle} waits for the operator's approval`
      return state === 'rejected' ? `the operator has rejected ${greeting.vehicle}` : error.refusal.why
    }
  }

  /** Ends what is over, and sees to it that nothing is that need not be. */
  #look(): void {
    for (const [peer, { credential, vehicle }] of this.#guests) {
      const { owner } = credential.payload
      const isOut = this.#fleet.isRevoked(peer) || this.#fleet.isRevoked(owner)
      if (isOut || credential.expiresMs <= systemClock.now()) {
        this.#options.log.warn({ peer, vehicle }, `${vehicle} may not take part any more: connection closed`)
        this.#guests.delete(peer)
        this.#network?.disconnect(peer).catch(() => {})
      } else if (this.registrar?.canSign === true && !isFresh(credential.expiresMs)) {
        const decision = this.registrar.consider({ peer, vehicle, owner })
        if (decision.state !== 'admitted') continue
        this.#send(peer, encodeMessage({ type: 'credential', credential: decision.credential }))
      }
    }
    this.#onRevoked()
    this.#own.noteLoss()
    const isFine = this.#own.isGood && isFresh(this.#own.untilMs!)
    if (!isFine && this.registrar !== null) this.#admitMyself()
    const others = this.#fleet.registrarsBeside(this.#options.key.peerId)
    if (!isFine || this.registrar !== null) this.#knocks.at(others, !isFine)
  }

  #send(peer: PeerId, message: Uint8Array): void {
    this.#network
      ?.send(peer, message)
      .catch((error) => this.#options.log.debug({ peer, error }, 'news of the fleet was not delivered'))
  }
}
