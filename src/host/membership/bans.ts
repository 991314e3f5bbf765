/**
 * Bans: the owners that this node has proof against, because they lied. They get no work from here, for good.
 *
 * Proof of two contradicting receipts is passed on to all connected peers, which check it for themselves and pass it
 * on once. A lie that this node found by recomputing convinces nobody else, and stays here.
 */
import type { Logger } from 'pino'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { type Opening, openLease, openReceipt } from '../../protocol/job/lease.ts'
import { encodeMessage } from '../../protocol/message.ts'
import { reopenCbor } from '../../protocol/record/block.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { checkEvidence, type Evidence, encodeEvidence } from '../../protocol/verification/evidence.ts'
import type { Network } from '../network/network.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Ban } from '../store/member-tables.ts'

export interface BansOptions {
  readonly network: Network
  readonly journal: Journal
  /** The owner's signature under a vehicle, as its advert shows it; null: it is its own owner. */
  readonly certificateOf: (peer: PeerId) => SignedRecord | null
  readonly log: Logger
  readonly onChange: () => void
}

export class Bans {
  readonly #options: BansOptions
  readonly #banned: Map<OwnerId, Ban>

  constructor(options: BansOptions) {
    this.#options = options
    this.#banned = new Map(options.journal.members.bans().map((ban) => [ban.owner, ban]))
  }

  has(owner: OwnerId): boolean {
    return this.#banned.has(owner)
  }

  list(): readonly Ban[] {
    return [...this.#banned.values()]
  }

  /** Somebody shows evidence. Throws ProtocolError when it proves nothing: a false accusation convinces nobody. */
  hear(evidence: Evidence): void {
    const { owner, peer } = checkEvidence(evidence, sha256, verifyByPeerId)
    if (this.has(owner)) return
    this.#ban({ owner, peer, because: 'equivocation', evidence: encodeEvidence(evidence), atMs: Date.now() })
    this.#show(evidence)
  }

  /** A steward here caught the signer of this receipt. */
  caught(receipt: RecordId, because: Ban['because']): void {
    const { journal, certificateOf } = this.#options
    const row = journal.get(receipt)
    if (row?.job === undefined || row.job === null) return
    const { payload, signer: peer } = openReceipt(row, sha256, () => true)
    const leaseRow = journal.get(payload.lease)
    if (leaseRow === undefined) return
    if (because === 'recomputed') {
      const { owner } = openLease(leaseRow, sha256, () => true).payload
      if (!this.has(owner)) this.#ban({ owner, peer, because, evidence: row.body, atMs: Date.now() })
      return
    }
    const evidence = this.#pairs(row.job, payload.lease, receipt, certificateOf(peer), leaseRow)
    for (const candidate of evidence)
      try {
        this.hear(candidate)
        return
      } catch (error) {
        this.#options.log.debug({ error }, 'two receipts do not contradict each other')
      }
  }

  /** To somebody who has just connected. */
  tell(peer: PeerId): void {
    for (const { because, evidence } of this.#banned.values())
      if (because === 'equivocation') this.#send(peer, reopenCbor<Evidence>(evidence))
  }

  *#pairs(
    job: string,
    lease: RecordId,
    receipt: RecordId,
    certificate: SignedRecord | null,
    leaseRecord: SignedRecord,
  ): Generator<Evidence> {
    const { journal } = this.#options
    const shown = (row: NonNullable<ReturnType<Journal['get']>>) => ({
      record: { body: row.body, signature: row.signature },
      opening: reopenCbor<Opening>(row.extra!),
    })
    const { body, signature } = leaseRecord
    for (const row of journal.ofJob(job as RecordId))
      if (row.kind === 'receipt' && row.id !== receipt) {
        if (openReceipt(row, sha256, () => true).payload.lease !== lease) continue
        const receipts = [shown(journal.get(receipt)!), shown(row)]
        yield { lease: { body, signature }, receipts, certificate }
      }
  }

  #ban(ban: Ban): void {
    const { journal, log, onChange } = this.#options
    journal.members.putBan(ban)
    this.#banned.set(ban.owner, ban)
    const { owner, peer, because } = ban
    log.warn({ owner, peer, because }, 'an owner is banned: one of its vehicles lied')
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
