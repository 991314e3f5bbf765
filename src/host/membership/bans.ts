/**
 * Bans: the owners that this node has proof against, because they lied. They get no work from here until the ban is
 * lifted, by this node's own user or by the fleet's charter.
 *
 * Proof of two contradicting receipts is passed on to all connected peers, which check it for themselves and pass it
 * on once. A lie that this node found by recomputing convinces nobody else, and stays here. It bans in jobs of this node's own
 * submitter only: a stranger chooses the program and the weights of its jobs, and may choose some whose results differ between
 * honest vehicles (the bits of a NaN between processors). There it costs the owner its voice in that job. Who is forgiven is
 * forgiven what it did in all jobs that had begun by then: other nodes still have the old proof, or another of the
 * same day, and show it again.
 *
 * In an open mesh owners cost nothing, and whoever makes some up can prove lies of each. So proofs stay on the disk, a node
 * keeps a bounded number of bytes of them and tells a newcomer fewer; owners whose vehicles are here come before others. A ban
 * whose proof had no room stays, and is passed on to nobody. There may be more bans than owners can be here, and those that came
 * first stay: so nobody who lied before is forgotten for owners that somebody made up and shows here.
 */
import type { Logger } from 'pino'
import type { JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { openHandover, pathTo, successionOf } from '../../protocol/job/handover.ts'
import { openLease, openReceipt } from '../../protocol/job/lease.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { rosterEntriesMax } from '../../protocol/limits.ts'
import { openCertificate, ownerIdOf } from '../../protocol/membership/owner.ts'
import { encodeMessage } from '../../protocol/message.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import {
  checkEvidence,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  type Lie,
} from '../../protocol/verification/evidence.ts'
import { RequestError } from '../errors.ts'
import type { Network } from '../network/network.ts'
import { sha256 } from '../sha256.ts'
import type { Journal, JournalRecord } from '../store/journal.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Ban } from '../store/member-tables.ts'
import { shownWith, signedPartOf } from './shown-receipts.ts'

export interface BansOptions {
  /** The key that signs this node's own jobs. */
  readonly submitter: PeerId
  readonly network: Network
  readonly journal: Journal
  /** The owner's signature under a vehicle, as its advert shows it; null: it is its own owner. */
  readonly certificateOf: (peer: PeerId) => SignedRecord | null
  /** Owners with a vehicle in the roster. */
  readonly ownersHere: () => ReadonlySet<OwnerId>
  /** Tells whether the fleet has forgiven this owner the lies of a job that began at this time. */
  readonly isCleared: (owner: OwnerId, begunMs: number) => boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
  readonly onChange: () => void
  /** Somebody showed a proof, or a steward here found one, and it holds. */
  readonly onProof?: (owner: OwnerId, proof: RecordId) => void
  /** Owners that are banned at most. */
  readonly bannedMax?: number
}

/** Proofs that are kept. A guess. */
const provenMax = 1_024
/** … and their bytes, some kilobytes each. A guess. */
const provenBytesMax = 16 * 2 ** 20
/** Owners that are banned, at some 500 bytes each: twice as many as can be here. */
const bannedMax = 2 * rosterEntriesMax
/** The proofs that a newcomer is told: an eighth of what may wait to be sent to a peer (network/bounds.ts). A guess. */
const toldBytesMax = 2 ** 19

export class Bans {
  readonly #options: BansOptions
  readonly #banned: Map<OwnerId, Ban>
  readonly #lifted: Map<OwnerId, number>

  constructor(options: BansOptions) {
    this.#options = options
    const { members } = options.journal
    this.#banned = new Map(members.bans().map((ban) => [ban.owner, ban]))
    this.#lifted = new Map(members.liftedBans().map(({ owner, atMs }) => [owner, atMs]))
    this.forgive()
  }

  has(owner: OwnerId): boolean {
    return this.#banned.has(owner)
  }

  list(): readonly Ban[] {
    return [...this.#banned.values()]
  }

  /** Ends the ban of an owner on this node, for what it did in jobs that have begun by now. Throws RequestError. */
  lift(owner: OwnerId): Ban {
    const { journal, now, onChange } = this.#options
    const ban = this.#banned.get(owner)
    if (ban === undefined) throw new RequestError(`owner ${owner} is not banned here; see: carpool bans`)
    const atMs = Math.max(now(), ban.begunMs)
    journal.members.liftBan(owner, atMs)
    this.#lifted.set(owner, atMs)
    this.#banned.delete(owner)
    onChange()
    return ban
  }

  /** The charter has changed: ends the bans of owners that the fleet has cleared. */
  forgive(): void {
    const { journal, isCleared, log, onChange } = this.#options
    const cleared = this.list().filter(({ owner, begunMs }) => isCleared(owner, begunMs))
    for (const { owner } of cleared) {
      journal.members.dropBan(owner)
      this.#banned.delete(owner)
      log.info({ owner }, 'the fleet has cleared an owner: its ban is over')
    }
    if (cleared.length > 0) onChange()
  }

  /** Somebody shows evidence. Throws ProtocolError when it proves nothing: a false accusation convinces nobody. */
  hear(evidence: Evidence): void {
    const { now } = this.#options
    const lie = checkEvidence(evidence, sha256, verifyByPeerId, now())
    this.#options.onProof?.(lie.owner, lie.evidence)
    if (this.has(lie.owner) || this.#isForgiven(lie.owner, lie.begunMs) || this.#hadLeft(lie)) return
    const { owner, peer, begunMs } = lie
    const bytes = encodeEvidence(evidence)
    const facts = { owner, peer, begunMs, because: 'equivocation', evidenceId: lie.evidence } as const
    const ban = { ...facts, bytes: bytes.byteLength, atMs: now() }
    if (!this.#makeRoom(ban)) return
    // One that is not kept is not passed on either, so that no proof goes round for ever.
    const isKept = this.#makeRoomForProof(ban)
    this.#ban(isKept ? ban : { ...ban, bytes: 0 }, isKept ? bytes : new Uint8Array(0))
    if (isKept) this.#show(evidence)
  }

  /** A steward here caught the signer of this receipt. */
  caught(receipt: RecordId, because: Ban['because']): void {
    const { journal, submitter, now } = this.#options
    const row = journal.get(receipt)
    if (row?.job === undefined || row.job === null) return
    const { payload, signer: peer } = openReceipt(row, sha256, () => true)
    const lease = journal.get(payload.lease)
    if (lease === undefined) return
    if (because === 'equivocation') {
      this.#findPair(row.job, lease, row, peer)
      return
    }
    const { owner } = openLease(lease, sha256, () => true).payload
    const manifest = journal.get(row.job)
    if (manifest === undefined) return
    const { signer, serial: begunMs } = openManifest(manifest, sha256, () => true)
    if (signer !== submitter) return
    if (this.has(owner) || this.#isForgiven(owner, begunMs)) return
    const bytes = row.body.byteLength
    this.#ban({ owner, peer, because, evidenceId: receipt, bytes, begunMs, atMs: now() }, row.body)
  }

  /** The proofs that this node has, which convince anybody. */
  proofs(): { readonly owner: OwnerId; readonly proof: RecordId }[] {
    return this.#proven().map(({ owner, evidenceId }) => ({ owner, proof: evidenceId }))
  }

  /** Shows the proof against an owner to a peer that wants it; nothing where there is none. */
  show(peer: PeerId, owner: OwnerId): void {
    const ban = this.#banned.get(owner)
    if (ban?.because === 'equivocation' && ban.bytes > 0) this.#tellOf(peer, owner)
  }

  /** To somebody who has just connected: as many proofs as fit, in the order in which they are worth telling. */
  tell(peer: PeerId): void {
    let left = toldBytesMax
    for (const { owner, bytes } of this.#proven()) {
      left -= bytes
      if (left < 0) return
      this.#tellOf(peer, owner)
    }
  }

  #tellOf(peer: PeerId, owner: OwnerId): void {
    const { journal, log } = this.#options
    try {
      this.#send(peer, decodeEvidence(journal.members.evidenceAgainst(owner)!))
    } catch (error) {
      log.debug({ error }, 'evidence of an older form is told to nobody')
    }
  }

  /** Those that are proven to anybody: owners who are here first, and of these and of the others the oldest. */
  #proven(more: readonly Ban[] = []): Ban[] {
    const here = this.#options.ownersHere()
    const rank = ({ owner }: Ban) => (here.has(owner) ? 0 : 1)
    return [...this.list(), ...more]
      .filter(({ because, bytes }) => because === 'equivocation' && bytes > 0)
      .sort((a, b) => rank(a) - rank(b) || a.atMs - b.atMs)
  }

  /**
   * Where there are too many bans, that of somebody who is here takes the place of the last that came by proof of those who are
   * not; false where there is no such place.
   */
  #makeRoom({ owner }: Ban): boolean {
    const { journal, ownersHere, log } = this.#options
    if (this.#banned.size < (this.#options.bannedMax ?? bannedMax)) return true
    const here = ownersHere()
    if (!here.has(owner)) return false
    let last: Ban | undefined
    for (const each of this.#banned.values())
      if (each.because === 'equivocation' && !here.has(each.owner) && each.atMs >= (last?.atMs ?? 0))
        last = each
    if (last === undefined) return false
    journal.members.dropBan(last.owner)
    this.#banned.delete(last.owner)
    log.debug({ owner: last.owner }, 'the ban of an owner made room for that of one who is here')
    return true
  }

  /** Drops the proofs that are worth less where there are too many; false when the new one is not worth more. */
  #makeRoomForProof(ban: Ban): boolean {
    const { journal } = this.#options
    let left = provenBytesMax
    const kept = (each: Ban, place: number) => {
      left -= each.bytes
      return place < provenMax && left >= 0
    }
    const proven = this.#proven([ban])
    const gone = proven.filter((each, place) => !kept(each, place))
    if (gone.includes(ban)) return false
    for (const each of gone) {
      journal.members.dropProof(each.owner)
      this.#banned.set(each.owner, { ...each, bytes: 0 })
    }
    return true
  }

  #isForgiven(owner: OwnerId, begunMs: number): boolean {
    return begunMs <= (this.#lifted.get(owner) ?? -1) || this.#options.isCleared(owner, begunMs)
  }

  /** By the vehicle's own newer certificate it was another owner's when it lied. */
  #hadLeft({ peer, owner, certifiedMs, begunMs }: Lie): boolean {
    const certificate = this.#options.certificateOf(peer)
    if (certificate === null) return false
    const { signer, serial } = openCertificate(certificate, sha256, () => true)
    return ownerIdOf(sha256, signer) !== owner && serial > (certifiedMs ?? 0) && serial <= begunMs
  }

  /** Hears the first other receipt of this lease that contradicts this one. */
  #findPair(job: JobId, lease: JournalRecord, receipt: JournalRecord, peer: PeerId): void {
    const { journal, certificateOf, log } = this.#options
    const manifest = journal.get(job)
    if (manifest === undefined) return
    const proof = {
      manifest: signedPartOf(manifest),
      handovers: this.#handoversOf(job, manifest, openLease(lease, sha256, () => true).signer),
      lease: signedPartOf(lease),
      certificate: certificateOf(peer),
    }
    for (const row of journal.ofJob(job)) {
      if (row.kind !== 'receipt' || row.id === receipt.id) continue
      if (openReceipt(row, sha256, () => true).payload.lease !== lease.id) continue
      try {
        this.hear({ ...proof, receipts: [shownWith(receipt), shownWith(row)] })
        return
      } catch (error) {
        log.debug({ error }, 'two receipts do not contradict each other')
      }
    }
  }

  /** The handovers that show how this steward became one of the job. */
  #handoversOf(job: JobId, manifest: SignedRecord, steward: PeerId): SignedRecord[] {
    const handovers: JournalRecord[] = []
    // One by one, since a job has as many records as it has work.
    for (const row of this.#options.journal.ofJob(job)) if (row.kind === 'handover') handovers.push(row)
    const byId = new Map(handovers.map((row) => [row.id, signedPartOf(row)]))
    const opened = handovers.map((row) => openHandover(row, sha256, () => true))
    const { payload } = openManifest(manifest, sha256, () => true)
    const path = pathTo(successionOf(job, payload, opened), payload, steward)
    return path.map(({ id }) => byId.get(id)!)
  }

  #ban(ban: Ban, evidence: Uint8Array): void {
    const { journal, log, onChange } = this.#options
    journal.members.putBan(ban, evidence)
    this.#banned.set(ban.owner, ban)
    const { owner, peer, because, evidenceId } = ban
    log.warn({ owner, peer, because, evidence: evidenceId }, 'an owner is banned: one of its vehicles lied')
    onChange()
  }

  #show(evidence: Evidence): void {
    for (const peer of this.#options.network.connectedPeers()) this.#send(peer, evidence)
  }

  #send(to: PeerId, evidence: Evidence): void {
    const { network, log } = this.#options
    network.send(to, encodeMessage({ type: 'evidence', evidence })).catch((error) => {
      log.debug({ to, error }, 'evidence was not delivered')
    })
  }
}
