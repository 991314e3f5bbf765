/**
 * Membership: keeps the nodes that this one believes to be out there, and tells them about itself.
 *
 * An advert that comes in is checked completely before gossip forwards it, and is then kept in the roster. Its
 * addresses go to the network, so that peers that met through one bootstrap node stay connected when that node dies.
 * This node's own advert goes out at the interval, at once on change (spaced), and when a new peer listens or, in a small
 * mesh, is heard of, since gossip keeps nothing for latecomers.
 */
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { advertIntervalMs, advertSpacingMs, advertTtlMs } from '../../protocol/limits.ts'
import {
  type Advert,
  type Capacity,
  clockAheadMs,
  isUntimely,
  openAdvert,
} from '../../protocol/membership/advert.ts'
import { type Admission, isNews, type Roster, type RosterChange } from '../../protocol/membership/roster.ts'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import { encodeBody, malformed, type SignedRecord, signedRecordSchema } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { advertAddressesMax, recordBytesMax } from '../../protocol/sizes.ts'
import { type Clock, elapsed } from '../clock.ts'
import type { Network } from '../network/network.ts'
import { authorRates, Door } from '../network/rates.ts'
import type { Notices } from '../notices.ts'
import { say } from '../say.ts'
import { sha256 } from '../sha256.ts'
import { type SigningKey, verifyAgain, verifyByPeerId } from '../store/keys.ts'
import type { CellEar } from './cell-ear.ts'
import type { ClockOffsets } from './clock-offsets.ts'
import type { FleetMember } from './fleet-member.ts'
import { isForeign } from './foreign-adverts.ts'

export interface MembershipOptions {
  readonly key: SigningKey
  readonly network: Network
  /** Those that this node believes; kept here, read by others. */
  readonly roster: Roster
  readonly nextSerial: () => number
  /** Describes what this node has to offer now. */
  readonly describe: () => Omit<Advert, 'addresses' | 'reach'>
  /** Owners who get no work. */
  readonly isBanned: (owner: OwnerId) => boolean
  /** The fleet's members; null in an open mesh. */
  readonly fleet: Pick<FleetMember, 'vouch' | 'isGone'> | null
  readonly clock: Clock
  readonly notices: Pick<Notices, 'tell' | 'drop'>
  /** Compares the clocks of neighbours. */
  readonly clocks: Pick<ClockOffsets, 'heard'>
  readonly log: Logger
  /** This node's part in its cell; undefined: it knows no cells, and the mesh is one. */
  readonly cells?: CellEar | undefined
}

/** How long a node that has just started listens at most before it judges who is there, and tries to reach a bootstrap peer before that … */
const [settleMsMax, seekMsMax] = [5_000, 30_000]
/** … and how long nothing new must have been heard of for it to judge sooner: guesses. */
const settledAfterMs = 1_000
/**
 * In a mesh of up to so many nodes each tells a newcomer of itself that it is not connected to. In a larger one some advert comes
 * every other second anyway, and all of them at once would be many. A guess.
 */
const welcomingMax = 24

export class Membership {
  readonly #options: MembershipOptions
  readonly #roster: Roster
  readonly #clock: Clock
  /** This and the moments below are by the monotonic clock. */
  readonly #heard = new Map<PeerId, { readonly atMs: number; readonly id: RecordId }>()
  readonly #listeners = new Set<(change: RosterChange) => void>()
  readonly #door: Door<keyof typeof authorRates>
  #callOff = () => {}
  #lastAdvertMs = Number.NEGATIVE_INFINITY
  #lastAdvert: SignedRecord | undefined
  #lastSerial = Number.POSITIVE_INFINITY
  readonly #startedMs: number
  #newcomerMs: number
  /** The addresses that the last advert had no room for. */
  #leftOut = ''
  #stopped = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#roster = options.roster
    this.#clock = options.clock
    this.#door = new Door(authorRates, () => this.#clock.monotonicMs())
    this.#startedMs = this.#clock.monotonicMs()
    this.#newcomerMs = this.#startedMs
    options.network.onGossip((message, from) => this.#judge(message, from))
    options.network.onSubscriber((peer) => this.#tellNewcomer(peer))
    options.network.onReachability(() => this.advertise())
  }

  start(): void {
    this.#publish()
  }

  stop(): void {
    this.#stopped = true
    this.#callOff()
  }

  /** Says goodbye: an advert that it is stopped, so that nobody offers work to a node that leaves. */
  async goodbye(): Promise<void> {
    this.stop()
    await this.#say({ standsBy: false })
  }

  /** Tells the mesh soon: at once, unless it was told a moment ago. */
  advertise(): void {
    if (this.#stopped) return
    this.#publishIn(this.#lastAdvertMs + advertSpacingMs - this.#clock.monotonicMs())
  }

  async settled(): Promise<void> {
    for (let sinceMs = this.#startedMs; ; ) {
      const nowMs = this.#clock.monotonicMs()
      const alone = this.capacities().length < 2
      if (alone && this.#options.network.isSeeking && nowMs - this.#startedMs < seekMsMax) sinceMs = nowMs
      if (nowMs - sinceMs >= settleMsMax) return
      if (!alone && nowMs - this.#newcomerMs >= settledAfterMs) return
      await elapsed(this.#clock, settledAfterMs / 10)
    }
  }

  capacities(): Capacity[] {
    return this.everybody().filter(({ owner }) => !this.#options.isBanned(owner))
  }

  everybody(): Capacity[] {
    return this.#roster.list(this.#clock.now())
  }

  get(peer: PeerId): Capacity | undefined {
    return this.#roster.get(peer)
  }

  ageMs(peer: PeerId): number {
    const nowMs = this.#clock.monotonicMs()
    return nowMs - (this.#heard.get(peer)?.atMs ?? nowMs)
  }

  dismiss(): void {
    const { fleet } = this.#options
    if (fleet === null || this.#roster.drop((entry) => fleet.isGone(entry)).length === 0) return
    this.#tell([])
  }

  /** Called after each change; that an advert holds longer is none. The answer ends it. */
  onChange(listener: (change: RosterChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #publish(): void {
    void this.#say().catch((error) => this.#options.log.warn({ error }, 'the advert was not published'))
    if (!this.#stopped) this.#publishIn(advertIntervalMs * (0.9 + Math.random() * 0.2))
  }

  #publishIn(waitMs: number): void {
    this.#callOff()
    this.#callOff = this.#clock.after(waitMs, () => this.#publish())
  }

  async #say(changes: Partial<Advert> = {}): Promise<void> {
    const { key, network, nextSerial, describe } = this.#options
    const { reachability } = network
    const nowMs = this.#clock.now()
    this.#lastAdvertMs = this.#clock.monotonicMs()
    this.#lastSerial = nextSerial()
    const body = encodeBody(
      bodyOf('advert', {
        signer: key.peerId,
        serial: this.#lastSerial,
        expiresMs: nowMs + advertTtlMs,
        payload: {
          ...describe(),
          addresses: this.#addresses(),
          ...(reachability === undefined ? {} : { reach: reachability }),
          ...changes,
        },
      }),
    )
    const record: SignedRecord = { body, signature: key.sign(body) }
    this.#lastAdvert = record
    this.#admit(openAdvert(record, sha256, verifyByPeerId, nowMs), nowMs, record)
    await network.publish(encodeCbor(record))
  }

  /** Takes an advert that its author says to this node alone. Throws ProtocolError. */
  hear(from: PeerId, record: SignedRecord): void {
    if (!isForeign(record, from, this.#options.notices)) this.#take(record, from, this.#clock.now())
  }

  /** A node that has just come hears of this one. In a small mesh all others do, too: some of them may be parted from it. */
  #tellNewcomer(peer: PeerId): void {
    const { network, log } = this.#options
    if (this.#lastAdvert === undefined || this.#roster.size <= welcomingMax) this.advertise()
    else void say({ network, log }, peer, { type: 'advert', advert: this.#lastAdvert })
  }

  /** A newcomer that this node may never meet, each behind a router of its own, hears of it through others. */
  #welcome(newcomer: PeerId): void {
    if (this.#roster.size > welcomingMax) return
    if (!this.#options.network.connectedPeers().includes(newcomer)) this.advertise()
  }

  /** As many as there is room for; the others are named once. */
  #addresses(): string[] {
    const addresses = this.#options.network.addresses()
    const left = addresses.slice(advertAddressesMax)
    const names = left.map((address) => address.replace(/\/p2p\/.*/, '')).join(' ')
    if (names !== '' && names !== this.#leftOut)
      this.#options.log.warn(
        { leftOut: left },
        `an advert has room for ${advertAddressesMax} addresses, so others are not told of ${names}; name those that others can use with --listen or --announce`,
      )
    this.#leftOut = names
    return addresses.slice(0, advertAddressesMax)
  }

  #judge(message: Uint8Array, from: PeerId): 'accept' | 'ignore' | 'reject' {
    const nowMs = this.#clock.now()
    try {
      const record = signedRecordSchema.safeParse(decodeCbor('advert', message, recordBytesMax.advert))
      if (!record.success) throw malformed('advert', record.error)
      if (isForeign(record.data, from, this.#options.notices)) return 'ignore'
      return this.#take(record.data, from, nowMs) ? 'accept' : 'ignore'
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#options.log.debug({ refusal: error.refusal }, 'an advert was refused')
      return 'reject'
    }
  }

  /** True: it is worth passing on. Throws ProtocolError. */
  #take(record: SignedRecord, from: PeerId, nowMs: number): boolean {
    const capacity = openAdvert(record, sha256, verifyByPeerId, nowMs, verifyAgain)
    if (from === capacity.peer) this.#options.clocks.heard(capacity, clockAheadMs(capacity, nowMs))
    if (isUntimely(capacity, nowMs)) return false
    this.#options.fleet?.vouch(capacity)
    this.#noticeTwin(capacity)
    const { cells } = this.#options
    // Who says an old one again takes nothing of its author's rate.
    const known = this.#roster.get(capacity.peer)
    const knownSerial = known?.serial ?? -1
    if (knownSerial >= capacity.serial) return this.#isSaidElsewhere(capacity)
    // A goodbye is believed once for each word that it takes back, however much its author said before.
    const isGoodbye = capacity.mode === 'stop' && known !== undefined && known.mode !== 'stop'
    if (!isGoodbye && this.#door.took(capacity.peer, 'advert') > 0) return false
    if (cells?.mayEnter(capacity) === false) return false
    return isNews(this.#admit(capacity, nowMs, record))
  }

  /** A node that moves says it in both of its cells. Gossip brings it once in each, and those in both pass it on in both. */
  #isSaidElsewhere({ id, ...capacity }: ReturnType<typeof openAdvert>): boolean {
    const { cells } = this.#options
    if (cells === undefined || this.#heard.get(capacity.peer)?.id !== id) return false
    return this.#door.took(capacity.peer, 'again') === 0 && cells.mayEnter(capacity)
  }

  /** An own advert with a serial above the last is a twin's. */
  #noticeTwin({ peer, serial }: Capacity): void {
    if (peer !== this.#options.key.peerId || serial <= this.#lastSerial) return
    const text =
      'another node runs under the identity of this one, and its adverts arrive here: stop one of the two, and start it anew with a data directory of its own'
    this.#options.notices.tell({ kind: 'clone', about: '', text })
  }

  #admit(capacity: ReturnType<typeof openAdvert>, nowMs: number, record: SignedRecord): Admission {
    const admission = this.#roster.admit(capacity, nowMs)
    if (!isNews(admission)) return admission
    this.#heard.set(capacity.peer, { atMs: this.#clock.monotonicMs(), id: capacity.id })
    if (admission === 'new') this.#newcomerMs = this.#clock.monotonicMs()
    this.#roster.expire(nowMs)
    if (capacity.peer !== this.#options.key.peerId) {
      this.#options.network.learn(capacity.peer, capacity.addresses)
      if (admission === 'new') this.#welcome(capacity.peer)
    }
    this.#options.cells?.heard(record, capacity, admission)
    this.#tell(admission === 'renewed' ? [] : [capacity])
    return admission
  }

  #tell(changed: readonly Capacity[]): void {
    const gone = this.#roster.takeGone()
    for (const peer of gone) {
      this.#heard.delete(peer)
      this.#options.network.lapse(peer)
    }
    if (changed.length === 0 && gone.length === 0) return
    for (const listener of this.#listeners) listener({ changed, gone })
  }
}
