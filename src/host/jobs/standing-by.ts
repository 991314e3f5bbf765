/**
 * How this node becomes a steward of somebody else's job: it is invited, says yes or no, and is entrusted with it.
 *
 * A stranger's job is taken on only where this node said yes: to the invitation whose nonce is that of its place in the manifest,
 * or with its consent, which the handover that makes it a steward carries. A yes is for one job. It does not matter which steward of
 * the job entrusts it, nor how often.
 */
import { equals } from 'uint8arrays'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { OfferedPlace } from '../../protocol/job/consent.ts'
import { excessOf, outlastsAll } from '../../protocol/job/demands.ts'
import { type Succession, successionOf } from '../../protocol/job/handover.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import { jobDeadlineMsMax, standbyRoomFactor } from '../../protocol/limits.ts'
import type { Message, UnwillingReason } from '../../protocol/message.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../protocol/record/record.ts'
import { bodyOf, openRecordAs } from '../../protocol/records.ts'
import {
  endedOfOthersMax,
  standingByMax,
  standingByShardsMax,
  willingMax,
  willingPerInviterMax,
  willingTtlMs,
} from '../../protocol/standing-by-limits.ts'
import { say } from '../say.ts'
import { drawCommitment, sealCommitment } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Registry, RegistryOptions } from './registry.ts'
import { isOverdue } from './resting.ts'

export interface StandingByOptions extends RegistryOptions {
  /** True when it looks after jobs of others when they ask. */
  readonly standsBy: boolean
  /** The owner whose voice this node is. */
  readonly owner: OwnerId
}

export class StandingBy {
  readonly #options: StandingByOptions
  readonly #registry: Registry

  constructor(options: StandingByOptions, registry: Registry) {
    this.#options = options
    this.#registry = registry
  }

  /** A node that works for itself alone for a moment, or has no room, says no: its submitter asks another. */
  invited(from: PeerId, invitation: Extract<Message, { type: 'invite' }>): void {
    const { nonce, bytes, place } = invitation
    const reason = this.#objection(from, bytes, place)
    if (reason !== null) {
      void say(this.#options, from, { type: 'unwilling', nonce, reason })
      return
    }
    const consent = place && this.#consent(from, nonce, place)
    if (place === null) this.#noteYes(from, nonce)
    void say(this.#options, from, { type: 'willing', nonce, consent })
  }

  /**
   * It is on the disk a moment after it was said, and not before: a node that ends in between is one standby fewer, and one whose disk
   * is slow would be thought silent.
   */
  #noteYes(inviter: PeerId, nonce: Uint8Array): void {
    const { store, clock, log } = this.#options
    const bounds = { perInviterMax: willingPerInviterMax, inAllMax: willingMax }
    store.journal.willing
      .noteSoon(inviter, nonce, clock.now() + willingTtlMs, bounds)
      .catch((error) =>
        log.warn({ inviter, error }, 'a yes to an invitation could not be noted, and will not count'),
      )
  }

  /** Another steward says that this node is one, too: the signed manifest, or a path from it, must say so. */
  entrusted(from: PeerId, entrusted: Extract<Message, { type: 'entrust' }>): void {
    const { manifest: manifestRecord, handovers: handoverRecords, secret, drawSecret } = entrusted
    const { submitter, store, clock, log } = this.#options
    const manifest = openManifest(manifestRecord, sha256, verifyByPeerId)
    const job = manifest.id
    const handovers = handoverRecords.map((record) =>
      openRecordAs('handover', record, null, sha256, verifyByPeerId),
    )
    const succession = successionOf(
      job,
      manifest.payload,
      handovers.map(({ record }) => record),
    )
    const mine = manifest.signer === submitter.peerId
    if (!equals(drawCommitment(drawSecret), manifest.payload.drawCommitment)) return
    if (this.#registry.rows.get(job) !== undefined) {
      for (const handover of handovers) this.#registry.hearing(job)?.hearRecord(from, handover)
      return
    }
    if (this.#registry.room.isRefused(job)) return
    // It said yes to so many invitations, perhaps, and not to so many jobs.
    if (!mine && this.#count() >= standingByMax) return
    const why =
      excessOf(manifest.payload) ?? this.#tooLong(manifest.payload) ?? this.#tooMany(manifest.payload)
    if (why !== undefined) {
      log.info({ job, from, why }, 'a job asks for more than this node gives, and is not taken on')
      return
    }
    const { seal, blind } = manifest.payload
    if (secret === null ? blind === null : !equals(sealCommitment(secret), seal.commitment)) return
    if (!mine && !this.#saidYes(manifest, succession)) {
      log.info(
        { job, from },
        'this node did not say that it would stand by for a job, and does not take it on',
      )
      return
    }
    const rows = handovers
      .filter(({ record }) => succession.handovers.includes(record))
      .map(({ kind, record: { id }, signed }) => ({ id, job, kind, ...signed, extra: null }))
    store.journal.append([{ id: job, job, kind: 'manifest', ...manifestRecord, extra: null }, ...rows])
    const state = {
      requestDigest: '',
      submitter: manifest.signer,
      deadlineMs: manifest.payload.deadlineMs,
      shards: manifest.payload.shards.count,
      ...(secret === null ? {} : { secret: Buffer.from(secret).toString('hex') }),
      drawSecret: Buffer.from(drawSecret).toString('hex'),
    }
    if (!mine) this.#forgetFirstEnded()
    this.#registry.rows.put({ job, state, createdAtMs: clock.now(), endedAtMs: null })
    this.#registry.goOn(job)
  }

  /** Each job that is taken on becomes one that has ended, and is kept for its readers: beyond a bound, the first go. */
  #forgetFirstEnded(): void {
    for (const job of this.#registry.rows.index.endedOfOthersBut(endedOfOthersMax))
      this.#registry
        .drop(job)
        .catch((error) => this.#options.log.error({ job, error }, 'an old job cannot be forgotten'))
  }

  /** The consent in a handover is signed by its taker (protocol/job/handover.ts), so that it needs no memory here. */
  #saidYes({ id, payload }: Verified<Manifest>, { stewards, handovers }: Succession): boolean {
    const { standsBy, key, store, clock } = this.#options
    const [first] = payload.stewards
    // Its first steward submitted it: a stranger's job cannot have been submitted here.
    if (!standsBy || first === undefined || first.peer === key.peerId) return false
    if (isOverdue(payload.deadlineMs, clock.now())) return false
    // Its place may be another's by now.
    if (!stewards.some(({ peer }) => peer === key.peerId)) return false
    if (handovers.some((handover) => handover.payload.taker.peer === key.peerId)) return true
    const place = payload.stewards.find(({ peer }) => peer === key.peerId)
    if (place === undefined) return false
    return store.journal.willing.take(first.peer, place.nonce, id, clock.now())
  }

  #tooLong(manifest: Manifest): string | undefined {
    if (!outlastsAll(manifest, this.#options.clock.now())) return undefined
    return `its deadline is further away than ${jobDeadlineMsMax} ms`
  }

  /** A list of shards is in memory as long as its job runs, and strangers decide how long it is. */
  #tooMany({ shards }: Manifest): string | undefined {
    const known = this.#registry.rows.index.standingBy().shards
    if (known + shards.count <= standingByShardsMax) return undefined
    return `it has ${shards.count} shards, and the other jobs that this node stands by for have ${known}; ${standingByShardsMax} are the most`
  }

  /** Its signature under a place that a steward offers it: without it nobody makes it a steward. */
  #consent(steward: PeerId, nonce: Uint8Array, { job, epoch, previous, lost }: OfferedPlace): SignedRecord {
    const { key, owner, clock } = this.#options
    const body = encodeBody(
      bodyOf('consent', {
        ...{ signer: key.peerId, job, epoch, steward },
        serial: clock.now(),
        expiresMs: clock.now() + jobDeadlineMsMax,
        payload: { previous, lost, nonce, owner },
      }),
    )
    return { body, signature: key.sign(body) }
  }

  #objection(from: PeerId, bytes: number, place: OfferedPlace | null): UnwillingReason | null {
    const { standsBy, store, network } = this.#options
    if (!standsBy) return 'stopping'
    // Who could see that the steward is there would leave again at once.
    const isLeaving = place?.lost === from
    if (place !== null && !isLeaving && network.connectedPeers().includes(place.lost)) return 'not-lost'
    if (this.#count() >= standingByMax) return 'too-many-jobs'
    return store.blocks.reserve.hasRoom(bytes * standbyRoomFactor) ? null : 'no-space'
  }

  /** Jobs that others submitted and that have not ended, those included that this node has only just been told of. */
  #count(): number {
    return this.#registry.rows.index.standingBy().jobs
  }
}
