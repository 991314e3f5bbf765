/** A node that looks after jobs: carries out what its councils decide, as src/host/stewardship does in the real world. */
import type { CouncilEffect, CouncilInput, FellowMessage } from '../protocol/council/contract.ts'
import { Council } from '../protocol/council/council.ts'
import type { JobRecord } from '../protocol/council/job-records.ts'
import type { Cid, JobId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Manifest, ShardEntry } from '../protocol/job.ts'
import type { Message } from '../protocol/message.ts'
import type { Verified } from '../protocol/record.ts'
import { cheapHash } from './chance.ts'
import { Disk } from './disk.ts'
import type { SimNode, World } from './world.ts'

export interface SimJob {
  readonly manifest: Verified<Manifest>
  readonly shards: readonly ShardEntry[]
  readonly truth: (position: number) => Cid
}

type Written =
  | { readonly type: 'job'; readonly job: SimJob }
  | { readonly type: 'record'; readonly entry: JobRecord }
  | { readonly type: 'result'; readonly result: Cid }

export class StewardNode implements SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly #world: World
  readonly #disk = new Disk<Written>()
  #councils = new Map<JobId, { readonly council: Council; readonly job: SimJob }>()
  #results = new Set<Cid>()
  #records = new Map<RecordId, JobRecord>()
  /** When all that was written so far is durable. */
  #durableMs = 0

  constructor(world: World, peer: PeerId, owner: OwnerId) {
    this.#world = world
    this.peer = peer
    this.owner = owner
  }

  seedOf(nonce: Uint8Array): Uint8Array {
    return cheapHash(new TextEncoder().encode(`seed/${this.peer}/${nonce.join()}`))
  }

  /** Takes a job up, as its submitter or as a standby. */
  take(job: SimJob, fresh: boolean): void {
    if (this.#councils.has(job.manifest.id)) return
    this.#write({ type: 'job', job })
    this.#begin(job, [], fresh)
  }

  rootOf(job: JobId): string | undefined {
    return this.#councils.get(job)?.council.root.join()
  }

  hasResult(result: Cid): boolean {
    return this.#results.has(result)
  }

  restart(): void {
    this.#disk.crash(this.#world.nowMs)
    this.#councils = new Map()
    this.#results = new Set()
    const jobs: SimJob[] = []
    const records: JobRecord[] = []
    this.#records = new Map()
    for (const written of this.#disk.entries()) {
      if (written.type === 'job') jobs.push(written.job)
      else if (written.type === 'record') {
        records.push(written.entry)
        this.#records.set(written.entry.record.id, written.entry)
      } else this.#results.add(written.result)
    }
    for (const job of jobs)
      this.#begin(
        job,
        records.filter(({ record }) => record.job === job.manifest.id),
        false,
      )
  }

  linked(peer: PeerId, up: boolean): void {
    for (const job of this.#councils.keys()) this.tell(job, { type: up ? 'connected' : 'disconnected', peer })
  }

  hear(from: PeerId, message: Message | { readonly type: 'entry'; readonly entry: JobRecord }): void {
    switch (message.type) {
      case 'entry':
        this.tell(message.entry.record.job!, { type: 'record', from, record: message.entry })
        break
      case 'accept':
        for (const job of this.#councils.keys())
          this.tell(job, { type: 'accepted', lease: message.lease, from })
        break
      case 'decline':
        for (const job of this.#councils.keys()) this.tell(job, { ...message, type: 'declined', from })
        break
      case 'progress':
        for (const job of this.#councils.keys()) this.tell(job, { ...message, from })
        break
      case 'beat':
      case 'branches':
      case 'leaves':
      case 'ids':
      case 'want':
        this.tell(message.job, { type: 'fellow', from, message: message satisfies FellowMessage })
    }
  }

  tell(job: JobId, input: CouncilInput): void {
    const known = this.#councils.get(job)
    if (known === undefined) return
    const given = input.type === 'record' ? input.record : undefined
    const effects = known.council.handle(input, this.#world.clockOf(this))
    const receipt =
      input.type === 'receipt'
        ? ({ kind: 'receipt', record: input.receipt, opening: input.opening } as const)
        : given
    for (const effect of effects) this.#carryOut(known.job, effect, receipt)
  }

  tellRoster(): void {
    for (const job of this.#councils.keys())
      this.tell(job, { type: 'roster', capacities: this.#world.capacities() })
  }

  #begin(job: SimJob, records: readonly JobRecord[], fresh: boolean): void {
    const { id, payload: manifest } = job.manifest
    const council = new Council({
      job: id,
      manifest,
      self: this.peer,
      seedOf: (nonce) => this.seedOf(nonce),
      owners: null,
      sha256: cheapHash,
    })
    this.#councils.set(id, { council, job })
    for (const effect of council.begin({ records, shards: job.shards, fresh }, this.#world.clockOf(this)))
      this.#carryOut(job, effect, undefined)
    this.tell(id, { type: 'roster', capacities: this.#world.capacities() })
    for (const peer of this.#world.linkedTo(this)) this.tell(id, { type: 'connected', peer })
  }

  #carryOut(job: SimJob, effect: CouncilEffect, given: JobRecord | undefined): void {
    const id = job.manifest.id
    const world = this.#world
    switch (effect.type) {
      case 'issue':
        world.checkers.signed(effect.id, effect.body, null, false)
        this.#keep({ kind: effect.body.kind, record: { ...effect.body, id: effect.id } } as JobRecord)
        break
      case 'keep':
      case 'copy':
        this.#keep(given!)
        break
      case 'offer':
        this.#after(() => {
          const lease = this.#recordOf(effect.lease)
          if (lease?.kind === 'lease') world.offer(this, effect.to, job, lease.record)
        })
        break
      case 'adopt':
        this.#after(() => world.adopt(this, effect.to, job))
        break
      case 'send':
        this.#after(() => world.send(this, effect.to, effect.message))
        break
      case 'share':
        this.#after(() => {
          const entry = this.#recordOf(effect.record)
          if (entry !== undefined) world.share(this, effect.to, entry)
        })
        break
      case 'collect':
        world.collect(this, effect.wanted, (results) => {
          for (const { result, finding } of results) if (finding.state === 'good') this.#hold(result)
          this.tell(id, { type: 'examined', results })
        })
        break
      case 'recompute': {
        const truth = job.truth(effect.position)
        world.later(this, 3_000, () => {
          this.#hold(truth)
          this.tell(id, {
            type: 'recomputed',
            position: effect.position,
            found: { result: truth, text: truth },
          })
        })
        break
      }
      case 'hold-inputs':
        world.later(this, 2_000, () => this.tell(id, { type: 'inputs-held', shards: job.shards }))
        break
      case 'hold-results':
        world.fetch(this, effect.from, effect.results, (held) => {
          if (held) for (const result of effect.results) this.#hold(result)
          this.tell(id, { type: 'results-held', verdict: effect.verdict, held })
        })
        break
      case 'ended':
        world.ended(id)
        break
      case 'wake':
        world.later(this, effect.atMs - world.clockOf(this), () => this.tell(id, { type: 'wake' }))
        break
      default: // nothing to do in here
    }
  }

  #recordOf(id: RecordId): JobRecord | undefined {
    return this.#records.get(id)
  }

  #keep(entry: JobRecord): void {
    this.#records.set(entry.record.id, entry)
    this.#write({ type: 'record', entry })
  }

  #hold(result: Cid): void {
    this.#results.add(result)
    this.#write({ type: 'result', result })
  }

  #write(written: Written): void {
    this.#durableMs = Math.max(this.#durableMs, this.#world.nowMs + this.#world.fsyncMs())
    this.#disk.write(written, this.#durableMs)
  }

  /** Nothing that depends on a write is said before it is durable. */
  #after(say: () => void): void {
    this.#world.later(this, Math.max(0, this.#durableMs - this.#world.nowMs), say)
  }
}
