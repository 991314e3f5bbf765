/**
 * A stewardship: carries out what one job's steward (src/protocol/steward) decides.
 */
import type { Logger } from 'pino'
import { assert } from '../../base/assert.ts'
import type { Capacity } from '../../protocol/advert.ts'
import { decodeCbor, encodeCbor } from '../../protocol/block.ts'
import { openDrawBasis } from '../../protocol/draw.ts'
import { examineResult } from '../../protocol/examination.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { type Manifest, resultEngine, type ShardEntry } from '../../protocol/job.ts'
import { openingSchema, openLease, openReceipt, type Receipt } from '../../protocol/lease.ts'
import { encodeMessage, type Message } from '../../protocol/message.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../protocol/record.ts'
import type {
  Examined,
  StewardEffect,
  StewardInput,
  StewardView,
  Wanted,
} from '../../protocol/steward/contract.ts'
import { type Restored, Steward } from '../../protocol/steward/steward.ts'
import { openEnd, openVerdict, type ShardVerdict } from '../../protocol/verdict.ts'
import { keepFetched } from '../keep-fetched.ts'
import type { Network } from '../network/network.ts'
import { Outbox } from '../outbox.ts'
import { sha256 } from '../sha256.ts'
import type { JournalRecord } from '../store/journal.ts'
import { drawSeed, type SigningKey, verifyByPeerId } from '../store/keys.ts'
import type { Store } from '../store/store.ts'

import { Grants } from './grants.ts'
import type { Recomputer } from './recomputer.ts'

export interface StewardshipOptions {
  readonly key: SigningKey
  readonly network: Network
  readonly store: Store
  readonly recomputer: Recomputer
  readonly job: JobId
  readonly manifest: Manifest
  readonly manifestRecord: SignedRecord
  readonly shards: readonly ShardEntry[]
  readonly owners: ReadonlySet<OwnerId> | null
  readonly log: Logger
  /** Something that a status shows has changed. */
  readonly onChange: () => void
  readonly onEnd: () => void
}

/** A result that a vehicle claims is asked for once more after a lost connection, then it counts as missing. */
const collectAttempts = 2

export class Stewardship {
  readonly #options: StewardshipOptions
  readonly #steward: Steward
  readonly #grants: Grants
  readonly #outbox: Outbox
  /** Receipts taken from a vehicle, until the core says to keep them. */
  readonly #received = new Map<RecordId, SignedRecord>()
  #firstLeaseMs: number | undefined
  #lastVerdictMs = 0
  #pagesVerified = 0
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: StewardshipOptions) {
    this.#options = options
    const { job, manifest, shards, key, owners } = options
    const place = manifest.stewards.find(({ peer }) => peer === key.peerId)
    assert(place !== undefined, 'a steward is named by its manifest')
    const seed = drawSeed(key, place.nonce)
    this.#steward = new Steward({ job, manifest, shards, self: key.peerId, seed, owners, sha256 })
    this.#grants = new Grants(options.store.blocks)
    this.#outbox = new Outbox((error) =>
      options.log.fatal({ job, error }, 'this job cannot be recorded and stops'),
    )
  }

  /** Begins, or goes on from what the journal holds. */
  start(capacities: readonly Capacity[]): void {
    const restored = [...this.#restored()]
    this.#carryOutAll(this.#steward.restore(restored, Date.now()))
    if (this.view().end === null) {
      this.handle({ type: 'roster', capacities })
      for (const peer of this.#options.network.connectedPeers()) this.handle({ type: 'connected', peer })
    }
  }

  get manifest(): Manifest {
    return this.#options.manifest
  }

  get shards(): readonly ShardEntry[] {
    return this.#options.shards
  }

  get job(): JobId {
    return this.#options.job
  }

  /** How long this run has worked on the job: from its first lease to its last verdict, or to now. */
  secondsWorked(): number {
    if (this.#firstLeaseMs === undefined) return 0
    const untilMs = this.view().end === null ? Date.now() : this.#lastVerdictMs
    return Math.max(0, untilMs - this.#firstLeaseMs) / 1000
  }

  /** Pages verified since this run began; less than the job's when the node was restarted. */
  pagesVerifiedNow(): number {
    return this.#pagesVerified
  }

  /** Resolves when all that was decided so far is durable and said. */
  settled(): Promise<void> {
    return this.#outbox.idle()
  }

  view(): StewardView {
    return this.#steward.view()
  }

  verdicts(): ShardVerdict[] {
    return this.#steward.verdicts()
  }

  claims(): ReturnType<Steward['claims']> {
    return this.#steward.claims()
  }

  mayRead(peer: PeerId, cid: Cid): boolean {
    return this.#grants.allows(peer, cid)
  }

  handle(input: StewardInput): void {
    if (this.#stopped) return
    const effects = this.#steward.handle(input, Date.now())
    this.#carryOutAll(effects)
    // A claim that must wait for a second one asks for nothing, and is news all the same.
    if (input.type !== 'wake' || effects.some(({ type }) => type !== 'wake')) this.#options.onChange()
  }

  /** Takes what a vehicle says of a lease; of a lease that is not of this job nothing follows. */
  hear(from: PeerId, message: Extract<Message, { type: 'accept' | 'decline' | 'progress' }>): void {
    switch (message.type) {
      case 'accept':
        this.handle({ type: 'accepted', lease: message.lease, from })
        break
      case 'decline':
        this.handle({
          type: 'declined',
          lease: message.lease,
          from,
          reason: message.reason,
          retryMs: message.retryMs,
        })
        break
      case 'progress':
        this.handle({ type: 'progress', lease: message.lease, from, done: message.done })
    }
  }

  /** Takes a receipt whose signature holds. Throws ProtocolError when it is not what its lease allows. */
  hearReceipt(receipt: Verified<Receipt>, message: Extract<Message, { type: 'receipt' }>): void {
    const { record, opening, released } = message
    if (this.#options.store.journal.has(receipt.id)) {
      this.#say(receipt.signer, { type: 'acknowledge', receipt: receipt.id })
      return
    }
    this.#received.set(receipt.id, record)
    try {
      this.handle({ type: 'receipt', receipt, opening, released })
    } finally {
      this.#received.delete(receipt.id)
    }
  }

  /** Stands still without ending the job: it goes on when the node starts again. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#outbox.idle()
  }

  #carryOutAll(effects: readonly StewardEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: StewardEffect): void {
    switch (effect.type) {
      case 'issue':
        this.#issue(effect)
        break
      case 'keep':
        this.#keep(effect)
        break
      case 'offer':
        this.#firstLeaseMs ??= Date.now()
        this.#outbox.after(() => this.#offer(effect.lease, effect.to))
        break
      case 'send':
        this.#outbox.after(() => this.#say(effect.to, effect.message))
        break
      case 'revoke':
        this.#outbox.after(() => this.#grants.revoke(effect.from, effect.lease))
        break
      case 'collect':
        void this.#collect(effect.wanted)
        break
      case 'recompute':
        void this.#recompute(effect.position)
        break
      case 'decided':
        this.#lastVerdictMs = Date.now()
        for (const { outcome, position } of effect.verdicts)
          if (outcome === 'accepted') this.#pagesVerified += this.#options.shards[position]!.pages
        break
      case 'ended':
        this.#outbox.after(this.#options.onEnd)
        break
      case 'wake':
        this.#wakeAt(effect.atMs)
    }
  }

  #issue({ id, body }: Extract<StewardEffect, { type: 'issue' }>): void {
    const bytes = encodeBody(body)
    const signature = this.#options.key.sign(bytes)
    const record: JournalRecord = { id, job: body.job, kind: body.kind, body: bytes, signature, extra: null }
    this.#outbox.persist(this.#options.store.journal.appendSoon(record))
  }

  #keep({ receipt, opening }: Extract<StewardEffect, { type: 'keep' }>): void {
    const record = this.#received.get(receipt)!
    const extra = encodeCbor(opening)
    this.#outbox.persist(
      this.#options.store.journal.appendSoon({
        id: receipt,
        job: this.#options.job,
        kind: 'receipt',
        ...record,
        extra,
      }),
    )
  }

  async #offer(lease: RecordId, to: PeerId): Promise<void> {
    const { store, manifestRecord, network, log } = this.#options
    const row = store.journal.get(lease)
    if (row === undefined) return // the job was forgotten in the meantime
    const record: SignedRecord = { body: row.body, signature: row.signature }
    const { payload } = openLease(record, sha256, () => true)
    await this.#grants.grant(to, lease, payload.shards)
    const message = encodeMessage({ type: 'offer', manifest: manifestRecord, handovers: [], lease: record })
    network.send(to, message).catch((error) => {
      log.debug({ to, lease, error }, 'an offer was not delivered')
      this.#grants.revoke(to, lease)
      this.handle({ type: 'undelivered', lease })
    })
  }

  /** What is lost here is said again: a vehicle repeats its receipts, and a lease that it lost lapses. */
  #say(to: PeerId, message: Message): void {
    const { network, log } = this.#options
    network.send(to, encodeMessage(message)).catch((error) => {
      log.debug({ to, message: message.type, error }, 'a message to a vehicle was not delivered')
    })
  }

  async #collect(wanted: readonly Wanted[]): Promise<void> {
    const bySource = new Map<PeerId, Wanted[]>()
    for (const want of wanted) {
      const known = bySource.get(want.from)
      if (known === undefined) bySource.set(want.from, [want])
      else known.push(want)
    }
    await Promise.all([...bySource].map(([from, wants]) => this.#collectFrom(from, wants)))
  }

  async #collectFrom(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    for (let attempt = 0; attempt < collectAttempts; attempt += 1) {
      try {
        await this.#fetch(from, wants)
        break
      } catch (error) {
        this.#options.log.debug({ from, error }, 'results were not delivered')
      }
    }
    const engine = resultEngine(this.#options.manifest)
    const results: Examined[] = await Promise.all(
      wants.map(async (want) => {
        const bytes = await this.#options.store.blocks.get(want.result)
        const finding =
          bytes === undefined
            ? ({ state: 'missing' } as const)
            : examineResult(sha256, bytes, want.pages, engine)
        return { ...want, finding }
      }),
    )
    this.handle({ type: 'examined', results })
  }

  async #fetch(from: PeerId, wants: readonly Wanted[]): Promise<void> {
    const { network, store, job } = this.#options
    const missing = [...new Set(wants.map(({ result }) => result))].filter((cid) => !store.blocks.has(cid))
    if (missing.length === 0) return
    await keepFetched(network.blocks.fetch(from, missing), store.blocks, { kind: 'result', job })
  }

  async #recompute(position: number): Promise<void> {
    const { recomputer, job, manifest, shards, log } = this.#options
    log.info({ job, position }, 'vehicles disagree: recomputing with the exact engine')
    const found = await recomputer.recompute(job, manifest, shards[position]!.shard).catch((error) => {
      log.warn({ job, position, error }, 'this node could not recompute')
      return null
    })
    this.handle({ type: 'recomputed', position, found })
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.handle({ type: 'wake' }), Math.max(0, atMs - Date.now())).unref()
  }

  *#restored(): Generator<Restored> {
    for (const row of this.#options.store.journal.ofJob(this.#options.job)) {
      if (row.kind === 'draw') yield { kind: 'draw', record: openDrawBasis(row, sha256, verifyByPeerId) }
      else if (row.kind === 'lease') yield { kind: 'lease', record: openLease(row, sha256, verifyByPeerId) }
      else if (row.kind === 'verdict')
        yield { kind: 'verdict', record: openVerdict(row, sha256, verifyByPeerId) }
      else if (row.kind === 'end') yield { kind: 'end', record: openEnd(row, sha256, verifyByPeerId) }
      else if (row.kind === 'receipt') {
        const opening = openingSchema.parse(decodeCbor('opening', row.extra!, 65_536))
        yield { kind: 'receipt', record: openReceipt(row, sha256, verifyByPeerId), opening }
      }
    }
  }
}
