/**
 * Hands messages for a steward to the job that they name. A job that runs is in memory. A job that has ended mostly
 * is not: its row answers what it can, and for anything else the job is read from the disk.
 */
import { BoundedMap } from '../../base/bounded-map.ts'
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { type Delivery, deliveryOf, type MessageToSteward } from '../../protocol/inbox.ts'
import { recordId } from '../../protocol/record/record.ts'
import { openRecord, openRecordAs } from '../../protocol/records.ts'
import { say } from '../say.ts'
import { sha256 } from '../sha256.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { Recruiting } from '../stewardship/recruiting.ts'
import { endedMessage, formerEnd } from '../stewardship/shown-end.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Rest } from './job-rows.ts'
import type { Reading } from './reading.ts'
import type { Registry, RegistryOptions } from './registry.ts'
import type { StandingBy } from './standing-by.ts'

type MessageOf<To extends Delivery['to']> = Extract<Delivery, { to: To; message: unknown }>['message']
type CouncilInput = Extract<Delivery, { to: 'council' }>['input']

export interface RoutingParts {
  readonly registry: Registry
  readonly recruiting: Recruiting
  readonly standingBy: StandingBy
  readonly reading: Reading
}

/** Jobs that ended under an older version, of which a node remembers how. A guess. */
const formerEndsMax = 1_024

export class Routing {
  readonly #options: RegistryOptions
  readonly #parts: RoutingParts
  readonly #formerEnds = new BoundedMap<JobId, { readonly id: RecordId | undefined }>(formerEndsMax)

  constructor(options: RegistryOptions, parts: RoutingParts) {
    this.#options = options
    this.#parts = parts
  }

  /** Throws ProtocolError for records that do not hold. */
  hear(from: PeerId, message: MessageToSteward): void {
    const { registry, recruiting } = this.#parts
    const delivery = deliveryOf(from, message)
    switch (delivery.to) {
      case 'council': {
        const stewardship = registry.hearing(delivery.job)
        if (message.type === 'progress') stewardship?.hearWeights(from, message)
        if (stewardship !== undefined) stewardship.hear(delivery.input)
        else this.#hearAfterEnd(from, delivery.job, delivery.input)
        break
      }
      case 'inviter':
        recruiting.heard(from, delivery.message)
        this.#hearInvited(from, delivery.message)
        break
      case 'records':
        this.#hearRecord(from, delivery.message)
        break
      case 'payables':
        this.#hearPayee(from, delivery.message)
        break
      case 'node':
        this.#hearAsNode(from, delivery.message)
        break
      default:
        delivery satisfies never
    }
  }

  /** A node that was asked to take the place of a lost steward has answered. */
  #hearInvited(from: PeerId, message: MessageOf<'inviter'>): void {
    const { registry } = this.#parts
    const { nonce } = message
    if (message.type === 'unwilling') {
      const input = { type: 'answered', from, nonce, consent: null } as const
      for (const stewardship of registry.running()) stewardship.handle(input)
    } else if (message.consent !== null) {
      const consent = openRecordAs('consent', message.consent, null, sha256, verifyByPeerId)
      const input = { type: 'answered', from, nonce, consent } as const
      registry.hearing(consent.record.job!)?.handle(input)
    }
  }

  #hearAsNode(from: PeerId, message: MessageOf<'node'>): void {
    const { standingBy, reading } = this.#parts
    switch (message.type) {
      case 'invite':
        standingBy.invited(from, message)
        break
      case 'entrust':
        standingBy.entrusted(from, message)
        break
      case 'find':
        reading.asked(from, message.access)
        break
      default:
        message satisfies never
    }
  }

  #hearRecord(from: PeerId, message: MessageOf<'records'>): void {
    const { registry } = this.#parts
    if (message.type === 'receipt') {
      const receipt = openRecordAs('receipt', message.record, message.opening, sha256, verifyByPeerId)
      const { signer, job } = receipt.record
      const stewardship = registry.hearing(job!)
      if (stewardship !== undefined) stewardship.hearReceipt(receipt, message.released, message.logs)
      else if (!registry.isBeginning(job!)) this.#showEnd(signer, job!)
      return
    }
    const { job, record: signed, opening } = message
    // Cheapest first: most records that come are known, and a signature costs more than all else.
    if (this.#options.store.journal.has(recordId(sha256, signed.body))) return
    const hear = (stewardship: CouncilDriver) =>
      stewardship.hearRecord(from, openRecord(signed, opening, sha256, verifyByPeerId))
    const stewardship = registry.hearing(job)
    if (stewardship !== undefined) hear(stewardship)
    else this.#wake(from, job, hear)
  }

  /** Also of jobs that ended long ago, as long as this node keeps them: a vehicle may have slept. */
  #hearPayee(from: PeerId, message: MessageOf<'payables'>): void {
    const { registry } = this.#parts
    const { job } = message
    if (registry.rows.get(job) === undefined) return
    registry
      .use(job, (stewardship) => stewardship.hearPayee(from, message))
      .catch((error) =>
        this.#options.log.info(
          { job, from, error },
          'a vehicle asks what it is owed, and its job cannot be read',
        ),
      )
  }

  // --- jobs that are not in memory ------------------------------------------------------------------------------

  #hearAfterEnd(from: PeerId, job: JobId, input: CouncilInput): void {
    const row = this.#parts.registry.rows.get(job)
    if (row === undefined || row.endedAtMs === null) return
    switch (input.type) {
      case 'accepted':
      case 'progress':
        this.#showEnd(from, job)
        break
      case 'declined':
        break
      case 'fellow':
        if (!this.#answersBeat(from, job, row.state.rest, input.message))
          this.#wake(from, job, (stewardship) => stewardship.hear(input))
        break
      default:
        input satisfies never
    }
  }

  /** A fellow that has the same records only wants to hear so. */
  #answersBeat(
    from: PeerId,
    job: JobId,
    rest: Rest | undefined,
    message: Extract<CouncilInput, { type: 'fellow' }>['message'],
  ): boolean {
    if (message.type !== 'beat' || rest === undefined || !rest.fellows.includes(from)) return false
    const root = Buffer.from(rest.root, 'hex')
    if (!root.equals(message.root) || rest.behind.includes(from)) return false
    if (message.asks) {
      const said = { type: 'beat', job, acting: false, root, asks: false, count: 0, heard: null } as const
      void say(this.#options, from, said)
    }
    return true
  }

  /** Reads a job that has ended, for its stewards and who may read it; nobody else is to make this node work. */
  #wake(from: PeerId, job: JobId, action: (stewardship: CouncilDriver) => void): void {
    const { registry } = this.#parts
    const row = registry.rows.get(job)
    if (row === undefined || row.endedAtMs === null || registry.isBeginning(job)) return
    const { rest } = row.state
    const isReader = rest?.readers.includes(from) === true
    if (rest !== undefined && !isReader && !rest.fellows.includes(from)) return
    registry
      .use(job, (stewardship) => {
        if (isReader) stewardship.admitReader(from)
        action(stewardship)
      })
      .catch((error) => this.#options.log.info({ job, from, error }, 'a job that has ended cannot be read'))
  }

  /** A vehicle of a job of which no end is kept here keeps what it has until the job's time is over. */
  #showEnd(to: PeerId, job: JobId): void {
    const row = this.#parts.registry.rows.get(job)
    if (row === undefined || row.endedAtMs === null) return
    const { store } = this.#options
    const end = row.state.end ?? this.#formerEnd(job)
    const message = end && endedMessage(store.journal, job, end)
    if (message !== undefined) void say(this.#options, to, message)
  }

  /** Finds the end of a job that ended under an older version, once: all of the job's records are read for it. */
  #formerEnd(job: JobId): RecordId | undefined {
    const { key, store } = this.#options
    const end = this.#formerEnds.get(job) ?? { id: formerEnd(store.journal, job, key.peerId) }
    this.#formerEnds.set(job, end)
    return end.id
  }
}
