/** Drives the council of one job at a simulated steward, as src/host/stewardship does in the real world. */
import type { CouncilEffect, CouncilInput } from '../protocol/council/contract.ts'
import { Council } from '../protocol/council/council.ts'
import type { Reported } from '../protocol/council/view.ts'
import { carryOut, type Hands } from '../protocol/driver.ts'
import type { Cid, JobId, LeaseId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Handover } from '../protocol/job/handover.ts'
import type { Lease } from '../protocol/job/lease.ts'
import type { StewardPlace } from '../protocol/job/manifest.ts'
import type { ClaimRecord } from '../protocol/ledger/claims.ts'
import type { PayablesInput } from '../protocol/ledger/payables.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import type { Verified } from '../protocol/record/record.ts'
import type { JobRecord } from '../protocol/records.ts'
import type { Counted, Recalled } from '../protocol/state/decisions.ts'
import type { ShownEnd } from '../protocol/worker/shown-end.ts'
import { cheapHash } from './chance.ts'
import { cancellationIn, operatorPpm } from './fixtures.ts'
import type { Judged } from './money.ts'
import type { SimJob } from './sim-job.ts'
import type { Parcel, SimNode, SimWorld } from './sim-world.ts'

/** The services that a job asks of the node that looks after it. */
export interface CouncilDesk extends SimNode {
  readonly world: SimWorld
  readonly clockMs: number
  issued(record: JobRecord): void
  /** The job goes on from these records, of which these decisions count. */
  begun(job: SimJob, judged: Judged): void
  keep(record: JobRecord): void
  /** `money`: the records of the job that are left, and matter to money. */
  discard(job: JobId, records: readonly RecordId[], serial: number, money: readonly ClaimRecord[]): void
  /** It has no place in the job any more. */
  shutOut(job: JobId, record: RecordId): void
  left(job: JobId, serial: number): void
  /** `proven`: those of others that had to be, for all shards for which they count. */
  counted(job: JobId, counted: Counted, proven: readonly Recalled[]): void
  /** The nodes that it knows of. */
  roster(): readonly Capacity[]
  /** The result that it finds by computing a shard itself. */
  recomputed(job: SimJob, position: number): Cid
  leaseOf(id: LeaseId): Verified<Lease> | undefined
  hold(result: Cid): void
  holdInputs(job: JobId): void
  tellMoney(job: JobId, input: PayablesInput): void
  send(to: PeerId, parcel: Parcel): void
  after(say: () => void): void
  wakeAt(atMs: number, happen: () => void): void
}

/** The part of a steward's disk that is about a job. */
export interface Remembered {
  readonly records: readonly JobRecord[]
  readonly recalled: readonly Recalled[]
  readonly shutOut: readonly RecordId[]
  readonly fresh: boolean
  /** The first serial that the node has not used, where it left the job before. */
  readonly serial: number
}

export class CouncilDriver {
  readonly job: SimJob
  readonly #desk: CouncilDesk
  readonly #council: Council
  readonly #hands: Hands<CouncilEffect>
  readonly #after: (say: () => void) => void

  constructor(job: SimJob, desk: CouncilDesk) {
    this.job = job
    this.#desk = desk
    this.#council = new Council({
      job: job.manifest.id,
      manifest: job.manifest.payload,
      submitter: job.manifest.signer,
      self: desk.peer,
      drawSecret: job.drawSecret,
      sha256: cheapHash,
    })
    this.#hands = this.#makeHands()
    this.#after = (say) => desk.after(say)
  }

  /** `hasInputs`: whether the shard list and all that it names is here. */
  begin({ fresh, ...remembered }: Remembered, hasInputs: boolean): void {
    const { clockMs, world } = this.#desk
    const shards = hasInputs ? this.job.shards : null
    const effects = this.#council.begin({ ...remembered, shards, fresh }, clockMs)
    this.#desk.begun(this.job, { money: this.#council.money, judge: this.#council })
    this.#carryOut(effects)
    this.tellRoster()
    for (const peer of world.linkedTo(this.#desk)) this.tell({ type: 'connected', peer })
  }

  tell(input: CouncilInput): void {
    this.#carryOut(this.#council.handle(input, this.#desk.clockMs))
  }

  tellRoster(): void {
    this.tell({ type: 'roster', capacities: this.#desk.roster(), operatorPpm })
  }

  /** The handovers by which this node is a steward, and that one. */
  handoversFor(to?: PeerId): readonly Verified<Handover>[] {
    const { peer } = this.#desk
    return this.#council.pathsTo(to === undefined ? [peer] : [peer, to])
  }

  /** The stewards of the job, in the order in which they act. */
  get stewards(): readonly StewardPlace[] {
    return this.#council.places.stewards
  }

  /** How the job stands, as this node shows it; undefined while it does not know the shards. */
  shown() {
    return this.#council.observe()
  }

  /** False where it says that its report would not pass an audit yet (src/host/stewardship/doubts.ts). */
  get isComplete(): boolean {
    return this.#council.isComplete
  }

  /** The records that its report of the job has. */
  get reported(): Reported {
    return this.#council.reported
  }

  get root(): string {
    return this.#council.root.join()
  }

  get recordCount(): number {
    return this.#council.recordCount
  }

  #carryOut(effects: readonly CouncilEffect[]): void {
    carryOut(effects, this.#hands, this.#after)
  }

  #proven({ verdicts }: Counted): Recalled[] {
    const trusted = [this.#desk.peer, this.job.manifest.payload.stewards[0]?.peer]
    return verdicts
      .filter(({ signer }) => !trusted.includes(signer))
      .map(({ id }) => ({ verdict: id, positions: this.#council.positionsOf(id) }))
  }

  #shown({ end, isCancelled }: NonNullable<Council['ending']>): ShownEnd {
    return { end, cancellation: isCancelled ? cancellationIn(this.job.manifest) : null }
  }

  #makeHands(): Hands<CouncilEffect> {
    const { job } = this
    const { id } = job.manifest
    const desk = this.#desk
    const { world } = desk
    return {
      issue: ({ issued }) => {
        world.signed(issued.record)
        desk.issued(issued)
      },
      keep: ({ receipt }) => desk.keep(receipt),
      copy: ({ record }) => desk.keep(record),
      recounted: (effect) => desk.tellMoney(id, effect),
      discard: ({ records, serial }) => desk.discard(id, records, serial, this.#council.money),
      refused: () => {},
      'shut-out': ({ record }) => desk.shutOut(id, record),
      left: ({ serial }) => desk.left(id, serial),
      kept: () => {}, // nobody asks a simulated node to leave
      counted: (counted) => desk.counted(id, counted, this.#proven(counted)),
      offer: ({ lease: leaseId, to }) => {
        const lease = desk.leaseOf(leaseId)
        if (lease === undefined) return
        if (!world.isLying(desk.peer)) world.checkers.offered(lease)
        desk.send(to, { type: 'offer', job, lease, handovers: this.handoversFor() })
      },
      adopt: ({ to }) => desk.send(to, { type: 'adopt', job, handovers: this.handoversFor() }),
      entrust: ({ to }) => desk.send(to, { type: 'entrust', job, handovers: this.handoversFor(to) }),
      send: ({ to, message }) => desk.send(to, { type: 'message', message }),
      'tell-end': ({ to }) => {
        const { ending } = this.#council
        if (ending !== undefined) desk.send(to, { type: 'ended', ...this.#shown(ending) })
      },
      share: ({ to, record }) => desk.send(to, { type: 'record', entry: record }),
      collect: ({ wanted }) =>
        world.collect(desk, wanted, (results) => {
          for (const { result, finding } of results) if (finding.state === 'good') desk.hold(result)
          this.tell({ type: 'examined', results })
        }),
      recompute: ({ position }) => {
        const result = desk.recomputed(job, position)
        world.later(desk, 3_000, () => {
          desk.hold(result)
          this.tell({ type: 'recomputed', position, found: { result, text: result } })
        })
      },
      'hold-inputs': () =>
        world.fetchInputs(desk, job, () => {
          desk.holdInputs(id)
          this.tell({ type: 'inputs-held', shards: job.shards })
        }),
      'hold-results': ({ from, results, verdict }) =>
        world.fetchResults(desk, from, results, (held) => {
          if (held) for (const result of results) desk.hold(result)
          this.tell({ type: 'results-held', verdict, held })
        }),
      'check-census': ({ list }) => this.tell({ type: 'census-checked', list }),
      ended: ({ end }) => world.ended(desk, id, end),
      acting: (effect) => {
        world.acts(desk, id, effect.acting)
        desk.tellMoney(id, effect)
      },
      wake: ({ atMs }) => desk.wakeAt(atMs, () => this.tell({ type: 'wake' })),
      'go-on': () => desk.wakeAt(desk.clockMs, () => this.tell({ type: 'go-on' })),
      lied: () => {}, // liars go on lying: that is what the world is for
      decided: () => {}, // the verdict's record says the same
      revoke: () => {}, // nothing is read without a lease in here
    }
  }
}
