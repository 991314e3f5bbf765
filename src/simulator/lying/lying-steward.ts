/**
 * A steward that lies: its honest part (the same council as everybody's) keeps it in its jobs, and its own part picks
 * ways and moments by a stream of chance of its own.
 *
 * It knows all that its accomplices know and signs for them. It cannot sign for anybody else.
 */
import type { Cid, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { JobRecord } from '../../protocol/records.ts'
import type { Chance } from '../chance.ts'
import type { Scenario } from '../scenario.ts'
import type { SimJob } from '../sim-job.ts'
import type { Parcel, SimWorld } from '../sim-world.ts'
import { StewardNode } from '../steward-node.ts'
import { Forger, type Liar } from './forger.ts'
import { forges } from './lies.ts'
import { Moods } from './moods.ts'
import { count, type Lies, moodWays, toldWays, type Way, ways } from './ways.ts'

/** Tries to find a way that can be told now. */
const triesMax = 12
/** Serials of forgeries that are not to meet those of its honest part. */
const farSerial = 2 ** 20

export class LyingSteward extends StewardNode implements Liar {
  override readonly isLying = true
  readonly lies: Lies = new Map()
  readonly #chance: Chance
  readonly #moods: Moods
  /** It lies in this way alone; undefined: in all. */
  readonly #only: Way | undefined
  /** Its own council takes its forgeries for true, and decides by them. */
  readonly #believesItself: boolean
  readonly #forged = new Set<RecordId>()
  #serial = 0

  constructor(
    world: SimWorld,
    peer: PeerId,
    owner: OwnerId,
    chance: Chance,
    { lyingWay: only }: Pick<Scenario, 'lyingWay'>,
  ) {
    super(world, peer, owner)
    this.#chance = chance
    this.#only = ways[only - 1]
    this.#believesItself = chance.happens(0.4)
    this.#moods = new Moods(chance, this.lies)
  }

  /** Some time has passed: it lies about one of its jobs, or falls into another mood. */
  misbehave(): void {
    const job = this.#one(this.jobs().filter((known) => this.world.mayLie(known.manifest.id)))
    if (job === undefined) return
    const only = this.#only
    const isMood = only === undefined ? this.#chance.happens(0.2) : moodWays.some((mood) => mood === only)
    if (isMood) {
      const fellows = this.stewardsOf(job).map(({ peer }) => peer)
      this.#moods.change(
        fellows,
        this.world.nowMs,
        moodWays.find((mood) => mood === only),
      )
      this.tellRoster()
      return
    }
    for (let i = 0; i < triesMax; i += 1) {
      const way = toldWays.find((told) => told === only) ?? this.#one(toldWays)!
      const forger = new Forger(job, this, this.#chance)
      if (!forges[way](forger)) continue
      count(this.lies, way)
      forger.tell()
      return
    }
  }

  override send(to: PeerId, parcel: Parcel): void {
    if (this.#asksForItsOwn(parcel)) return
    const sent = this.#moods.sent(to, parcel, this.world.nowMs)
    if (sent === undefined) return
    if (sent.delayMs === 0) super.send(to, sent.parcel)
    else this.world.later(this, sent.delayMs, () => super.send(to, sent.parcel))
  }

  /**
   * A liar that does not believe itself lacks its own forgeries, and its honest part asks for them without end. One
   * question in twenty is enough to show what becomes of it.
   */
  #asksForItsOwn(parcel: Parcel): boolean {
    const isQuestion = parcel.type === 'message' && parcel.message.type === 'want'
    if (!isQuestion || this.#believesItself || this.#forged.size === 0) return false
    return !this.#chance.happens(0.05)
  }

  override hear(from: PeerId, parcel: Parcel): void {
    if (parcel.type === 'record' && !this.#believesItself && this.#forged.has(parcel.entry.record.id)) return
    if (parcel.type === 'receipt' && this.#moods.withholds(parcel, this.world.nowMs)) {
      const message = { type: 'acknowledge', receipt: parcel.receipt.record.id } as const
      super.send(from, { type: 'message', message })
      return
    }
    super.hear(from, parcel)
  }

  override serves(result: Cid): boolean {
    return !this.#moods.withholdsResults(this.world.nowMs) && super.serves(result)
  }

  override roster(): readonly Capacity[] {
    const { world } = this
    return this.#moods.roster(super.roster(), (peer) => this.isAccomplice(peer), world.nowMs)
  }

  override recomputed(job: SimJob, position: number): Cid {
    return this.#moods.recomputesWrongly(this.world.nowMs)
      ? job.lie(position)
      : super.recomputed(job, position)
  }

  // --- what its lies ask of it (forger.ts) -------------------------------------------------------------------------

  hasEnded({ manifest }: SimJob): boolean {
    return this.world.isOver(manifest.id)
  }

  isAccomplice(peer: PeerId): boolean {
    return this.world.isAccomplice(peer)
  }

  /** Mostly a serial of its own, sometimes one that its honest part has given or may yet give to another record. */
  serialFor(job: SimJob, signer: PeerId): number {
    this.#serial += 1
    if (signer !== this.peer || this.#chance.happens(0.7)) return farSerial + this.#serial
    const mine = this.storyOf(job).filter(({ record }) => record.signer === this.peer)
    return this.#chance.between(0, mine.length + 2)
  }

  say(to: PeerId, parcel: Parcel): void {
    super.send(to, parcel)
  }

  believe(entry: JobRecord): void {
    this.#forged.add(entry.record.id)
    if (this.#believesItself) super.hear(this.peer, { type: 'record', entry })
  }

  #one<T>(from: readonly T[]): T | undefined {
    return from[this.#chance.between(0, Math.max(0, from.length - 1))]
  }
}
