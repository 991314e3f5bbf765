/** One job of a cell: drives its steward, and adds up what its vehicles are owed. It has no standbys and no disk. */
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import { JobClaims } from '../../protocol/ledger/claims.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { StewardEffect, StewardInput } from '../../protocol/steward/contract.ts'
import { Steward } from '../../protocol/steward/steward.ts'
import { cheapHash } from '../chance.ts'
import { cidOf, drawSecretNamed, manifestOf, ownerNamed, peerNamed } from '../fixtures.ts'
import type { SimJob } from '../sim-job.ts'
import { type CellWorld, currency, type JobEar, pagesPerShard, shardMs } from './cell-world.ts'
import { dayMs } from './trips.ts'

/** About a cell's work of a night. */
const shardsPerJob = 3_000
/** The most that a page may cost. A vehicle that asks for more is not drawn. */
const pageMicrosMax = 130
const stewardSlackMs = 10_000

/** There is one steward, which lies about nothing and is never short of money. */
const honest = { counts: () => true, isOpen: () => true }

export interface JobOrder {
  readonly shards?: number
  readonly deadlineMs?: number
  readonly waits?: boolean
}

export class CellJob implements JobEar {
  readonly job: SimJob
  readonly #cell: CellWorld
  readonly #steward: Steward
  readonly #claims: JobClaims
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #self: PeerId
  readonly #hands: Hands<StewardEffect>
  readonly #after: (say: () => void) => void
  #wakes = false

  /** `order`: other than as much work as there is place for. */
  constructor(cell: CellWorld, index: number, order: JobOrder = {}) {
    this.#cell = cell
    const self = peerNamed(`steward-${index}`)
    const nonce = new Uint8Array(16)
    const name = `job ${index} ${cell.chance.next()}`
    const drawSecret = drawSecretNamed(name)
    const count = order.shards ?? shardsPerJob
    const shards: ShardEntry[] = Array.from({ length: count }, (_, i) => ({
      shard: cidOf(`shard ${index} ${i}`),
      pages: pagesPerShard,
      bytes: 4_000_000,
      costMs: shardMs,
    }))
    const manifest = manifestOf({
      name,
      serial: index,
      submitter: peerNamed('submitter'),
      runtime: 'ocr',
      shards: count,
      pagesPerShard,
      assurance: {
        replicas: 2,
        audits: null,
        lead: 3,
        errorBoundPpb: null,
        colludingSharePpm: 10_000,
        arbiter: 'steward',
      },
      payment: {
        currency,
        unit: 'page',
        unitMicrosMax: pageMicrosMax,
        // Two replicas and a half: speculation and departures cost the half.
        budgetMicros: Math.round(2.5 * count * pagesPerShard * pageMicrosMax),
      },
      deadlineMs: cell.clockMs + (order.deadlineMs ?? 3 * dayMs),
      ...(order.waits === true ? { waits: true } : {}),
      stewards: [{ peer: self, owner: ownerNamed(self), nonce }],
    })
    const { id, payload, signer: submitter } = manifest
    this.job = {
      manifest,
      shards,
      drawSecret,
      truth: (position) => cidOf(`result ${id} ${position}`),
      lie: (position) => cidOf(`lie ${id} ${position}`),
    }
    this.#self = self
    this.#steward = new Steward({ job: id, manifest: payload, shards, self, drawSecret, sha256: cheapHash })
    this.#claims = new JobClaims({ job: id, submitter, fleet: null, currency }, honest)
    this.#after = (say) => cell.say(say)
    this.#hands = this.#makeHands()
  }

  get id(): JobId {
    return this.job.manifest.id
  }

  /** Tells whether every shard is with some vehicle at least. */
  get isHandedOut(): boolean {
    return this.#steward.view().shards.queued === 0
  }

  learn(capacities: readonly Capacity[]): void {
    this.#cell.say(() => this.tell({ type: 'roster', capacities }))
  }

  tell(input: StewardInput): void {
    carryOut(this.#steward.handle(input, this.#cell.clockMs), this.#hands, this.#after)
    if (input.type === 'receipt') this.#learnOf(input.receipt)
  }

  #makeHands(): Hands<StewardEffect> {
    const cell = this.#cell
    return {
      issue: ({ issued }) => {
        if (issued.kind === 'end') cell.ended(this.id, issued.record)
        if (issued.kind === 'lease') this.#leases.set(issued.record.id, issued.record)
        else if (issued.kind === 'verdict')
          cell.verified(issued.record.payload.shards.filter(({ outcome }) => outcome === 'accepted').length)
        if (issued.kind === 'lease' || issued.kind === 'verdict' || issued.kind === 'end')
          this.#learnOf(issued)
      },
      offer: ({ lease, to }) => cell.vehicle(to).offered(this.job, this.#leases.get(lease)!),
      send: ({ message, to }) => {
        if (message.type === 'acknowledge' || message.type === 'withdraw')
          cell.vehicle(to).tell({ ...message, from: this.#self })
      },
      collect: ({ wanted }) =>
        cell.timeline.at(cell.nowMs + cell.chance.between(100, 1_000), () =>
          this.#sayToMyself({
            type: 'examined',
            results: wanted.map((want) => ({
              ...want,
              finding: { state: 'good', text: want.result, exhausted: false },
            })),
          }),
        ),
      ended: () => {},
      'tell-end': () => {}, // all vehicles of the cell are told at once
      wake: ({ atMs }) => {
        if (this.#wakes) return
        this.#wakes = true
        cell.wakeAt(atMs, stewardSlackMs, () => {
          this.#wakes = false
          cell.job(this.id)?.tell({ type: 'wake' })
        })
      },
      'go-on': () => cell.timeline.at(cell.nowMs, () => this.#sayToMyself({ type: 'go-on' })),
      keep: () => {}, // a cell has no crashes
      revoke: () => {}, // nor documents to read
      recompute: () => {}, // nor anybody who lies
      lied: () => {},
      decided: () => {}, // the verdict's record says the same
    }
  }

  /** Unless it has ended in the meantime. */
  #sayToMyself(input: StewardInput): void {
    this.#cell.say(() => this.#cell.job(this.id)?.tell(input))
  }

  #learnOf(record: Parameters<JobClaims['learn']>[0]): void {
    for (const { claim, outcome } of this.#claims.learn(record))
      if (outcome !== 'pending')
        this.#cell.vehicle(claim.vehicle).claimed(claim.lease, claim.place, outcome, claim.ownerMicros)
  }
}
