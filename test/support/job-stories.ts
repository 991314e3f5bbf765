/**
 * Stories of a job that two stewards look after, honest or not, as sets of signed records: what an audit reads of them,
 * and what a steward folds.
 */
import fc from 'fast-check'
import { fromString } from 'uint8arrays'
import type { AuditInput } from '../../src/protocol/audit/records.ts'
import type { Cid, JobId, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import {
  bitsOf,
  candidatesRoot,
  changedBy,
  type DrawBasis,
  type DrawChange,
  drawVehicle,
  isChange,
} from '../../src/protocol/job/draw.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import { type Manifest, resultEngine } from '../../src/protocol/job/manifest.ts'
import { encodeResult } from '../../src/protocol/job/result.ts'
import type { JobEnd, ShardVerdict } from '../../src/protocol/job/verdict.ts'
import { cborCid, encodeCbor } from '../../src/protocol/record/block.ts'
import {
  byDependency,
  isShared,
  type JobRecordKind,
  type Opened,
  openRecord,
  openRecordAs,
} from '../../src/protocol/records.ts'
import {
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  ownerNamed,
  peerNamed,
  placeOf,
  sha256,
  sign,
  verify,
} from './core-fakes.ts'

const stewards = [peerNamed('a'), peerNamed('b')] as const
const basis: DrawBasis = {
  candidates: ['0', '1', '2', '3'].map((n) => ({
    peer: peerNamed(`v${n}`),
    owner: ownerNamed(n.repeat(64)),
  })),
}
const price = { currency: 'EUR', unitMicros: 7, operatorPpm: 100_000 }
const nonce = sha256(fromString('nonce'))
/** A shard's units, where they are counted, and those that its result takes. */
const stated = { input: 1, output: 4 }
const taken = { input: 1, output: 1 }
const takenUnits = taken.input + taken.output

/** What a vehicle is given, and what it makes of it. */
interface Work {
  readonly by: 0 | 1
  readonly vehicle: number
  readonly positions: readonly number[]
  readonly lies: boolean
  readonly answers: boolean
  readonly writtenOff: boolean
  /** Its steward b writes off what was done, before verdicts or after them. */
  readonly takenBack: 'before' | 'after' | null
  /** … but for so many units of each place: as many as were taken, or fewer; null: for nothing. */
  readonly unitsLeft: number | null
}

const outcomes = ['complete', 'failed', 'cancelled'] as const
/** Records that no honest node signs, or shows. */
const wrongs = [
  'of another job',
  'by a stranger',
  'cancelled by a stranger',
  'opened wrongly',
  'by another vehicle',
  'without its lease',
  'decided against the claims',
  'decided twice',
  'leased above the cap',
  'leased in another currency',
  'leased for more work than there is',
  'leased where its shard is not',
  'leased one shard twice',
  'leased to one that was not drawn',
  'leased from candidates that are not there',
  'leased from a list that does not give its root',
  'leased from a list with another number of candidates',
  'leased from a list that changes one that is not there',
  'leased from a list that removes who is not in it',
  'leased from a list that adds who is in it',
  'leased from a list that changes another steward’s',
  'leased after a gift of more than there is',
] as const

export interface Story {
  readonly shards: number
  readonly work: readonly Work[]
  /** Who decides what it can, in this order; each knows all receipts. */
  readonly deciders: readonly (0 | 1)[]
  readonly ends: readonly { readonly by: 0 | 1; readonly outcome: JobEnd['outcome'] }[]
  /** The submitter's cancellation is among the records. */
  readonly isCancelled: boolean
  readonly wrongs: readonly (typeof wrongs)[number][]
  readonly budgetMicros: number
  /** Results have as many units as they turn out to have. */
  readonly isCounted: boolean
  /** Each steward's list of candidates is made by so many changes. */
  readonly changes: number
}

const eitherSteward = fc.constantFrom(0 as const, 1 as const)

/** `mayTakeBack`: steward b writes off what it may count, and promises more than it has; steward a does nothing wrong. */
export function stories(mayBeWrong: boolean, mayTakeBack = false): fc.Arbitrary<Story> {
  return fc.record({
    shards: fc.integer({ min: 1, max: 3 }),
    work: fc.array(
      fc.record({
        by: eitherSteward,
        vehicle: fc.nat({ max: basis.candidates.length - 1 }),
        positions: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1, maxLength: 3 }),
        lies: fc.boolean().map((b) => b && mayBeWrong),
        answers: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
        writtenOff: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
        takenBack: mayTakeBack ? fc.constantFrom(null, 'before', 'after') : fc.constant(null),
        unitsLeft: mayTakeBack ? fc.constantFrom(null, takenUnits, takenUnits - 1) : fc.constant(null),
      }),
      { minLength: 2, maxLength: 8 },
    ),
    deciders: fc.array(eitherSteward, { minLength: 1, maxLength: 3 }),
    ends: fc.array(fc.record({ by: eitherSteward, outcome: fc.constantFrom(...outcomes) }), { maxLength: 3 }),
    isCancelled: fc.boolean(),
    wrongs: mayBeWrong ? fc.array(fc.constantFrom(...wrongs), { maxLength: 2 }) : fc.constant([]),
    changes: fc.integer({ min: 0, max: 3 }),
    isCounted: mayTakeBack ? fc.boolean() : fc.constant(false),
    budgetMicros: mayTakeBack
      ? fc.oneof(
          fc.constant(1_000_000),
          fc.integer({ min: 2, max: 16 }).map((n) => n * price.unitMicros),
          fc.integer({ min: 10, max: 80 }).map((n) => n * price.unitMicros),
        )
      : fc.constant(1_000_000),
  })
}

export interface Told {
  readonly job: JobId
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly records: readonly Opened<JobRecordKind>[]
  readonly audit: AuditInput
}

export function tell(story: Story): Told {
  const teller = new Teller(story)
  return teller.tell()
}

const resultOf = (manifest: Manifest, text: string) => {
  const units = manifest.payment?.unit === 'token' ? { units: taken } : {}
  const record = { output: fromString('{}'), text, error: null, ...units }
  return encodeResult({ engine: resultEngine(manifest), records: [record] })
}

interface Claimed {
  readonly receipt: RecordId
  readonly owner: string
  readonly result: Cid
}

interface TakenBack {
  readonly lease: LeaseId
  readonly places: readonly number[]
  readonly unitsLeft: number | null
}

class Teller {
  readonly #story: Story
  readonly #shards: readonly ShardEntry[]
  readonly #manifest: Manifest
  readonly #manifestRecord: ReturnType<typeof sign>
  readonly #job: JobId
  readonly #serials = new Map<PeerId, number>()
  readonly #records: Opened<JobRecordKind>[] = []
  readonly #claims = new Map<number, Claimed[]>()
  readonly #decided = new Set<string>()
  readonly #takenBackLater: TakenBack[] = []
  #promisedByA = 0
  readonly #draws = new Map<PeerId, { basis: RecordId; next: number }>()

  constructor(story: Story) {
    this.#story = story
    this.#shards = Array.from({ length: story.shards }, (_, i) => ({
      shard: cidNamed(`shard ${i}`),
      pages: 1,
      bytes: 1,
      costMs: 1,
      ...(story.isCounted ? { units: stated } : {}),
    }))
    this.#manifest = manifestWith({
      stewards: [placeOf('a'), placeOf('b')],
      shards: { file: cidNamed('shard list'), bytes: 1, count: story.shards, pages: story.shards },
      payment: {
        currency: 'EUR',
        unit: story.isCounted ? 'token' : 'page',
        unitMicrosMax: 7,
        budgetMicros: story.budgetMicros,
      },
    })
    this.#manifestRecord = sign(bodyOf('manifest', peerNamed('submitter'), this.#manifest))
    this.#job = openRecord(this.#manifestRecord, null, sha256, verify).record.id
  }

  tell(): Told {
    const { work, deciders, ends, isCancelled, wrongs } = this.#story
    for (const steward of stewards) {
      this.#draws.set(steward, { basis: this.#list(steward), next: 0 })
    }
    for (const part of work) this.#work(part)
    for (const by of deciders) this.#decide(stewards[by])
    for (const back of this.#takenBackLater) this.#takeBack(back)
    for (const wrong of wrongs) this.#doWrong(wrong)
    if (isCancelled) this.#cancel(peerNamed('submitter'))
    for (const { by, outcome } of ends)
      this.#sign('end', stewards[by], { outcome, reason: 'over', secret: drawSecret } satisfies JobEnd)
    return {
      job: this.#job,
      manifest: this.#manifest,
      shards: this.#shards,
      records: this.#records,
      audit: this.#audit(),
    }
  }

  #audit(): AuditInput {
    const texts = ['read', 'lie'].map((text) => resultOf(this.#manifest, text))
    const blocks = new Map(texts.map((bytes) => [cborCid(sha256, bytes), bytes]))
    const claimed = new Set(
      [...this.#claims.values()].flatMap((claims) => claims.map(({ result }) => result)),
    )
    const shardList = [this.#manifest.shards.file]
    return {
      report: { job: this.#job, recordPages: [], shardList, results: [...claimed] },
      records: [
        { kind: 'manifest' as const, record: this.#manifestRecord, opening: null },
        ...this.#records.toSorted(byDependency).map(({ kind, signed: record, opening }) => ({
          kind,
          record,
          opening: opening && encodeCbor(opening),
        })),
      ],
      shards: this.#shards,
      block: (cid) => blocks.get(cid),
      sha256,
      verify,
    }
  }

  #sign(kind: JobRecordKind, signer: PeerId, payload: unknown, more: Signing = {}) {
    const { job = this.#job, opening = null } = more
    const serial = this.#serials.get(signer) ?? 0
    this.#serials.set(signer, serial + 1)
    const opened = openRecord(sign(bodyOf(kind, signer, payload, { job, serial })), opening, sha256, verify)
    if (isShared(opened)) this.#records.push(opened)
    return opened.record
  }

  /** Puts the candidates on record: a list of the first ones, and changes of it that end with all. */
  #list(steward: PeerId): RecordId {
    const all = basis.candidates
    const first = this.#story.changes === 0 ? all : [...all.slice(0, 2), { ...all[3]!, owner: all[0]!.owner }]
    let list: DrawBasis = { candidates: first }
    let { id } = this.#sign('draw', steward, list)
    for (let left = this.#story.changes; left > 0; left -= 1) {
      const goal = left === 1 ? all : left === 2 ? all.slice(1) : all.slice(0, 1)
      const isIn = (some: DrawBasis['candidates'], one: DrawBasis['candidates'][number]) =>
        some.some(({ peer, owner }) => peer === one.peer && owner === one.owner)
      const removed = list.candidates.filter((one) => !isIn(goal, one)).map(({ peer }) => peer)
      const change = { removed, added: goal.filter((one) => !isIn(list.candidates, one)) }
      list = changedBy(list, [change])!
      id = this.#change(steward, id, change)
    }
    return id
  }

  /** A list that ends with all candidates. */
  #change(steward: PeerId, before: RecordId, change: Partial<DrawChange>): RecordId {
    const { removed = [], added = [] } = change
    const made = this.#listOf(before)
    const list = (made && changedBy(made, [{ removed, added }])) ?? basis
    const said = { before, removed, added, count: list.candidates.length, root: candidatesRoot(sha256, list) }
    return this.#sign('draw', steward, { ...said, ...change }).id
  }

  #listOf(id: RecordId): DrawBasis | undefined {
    const entry = this.#records.find(({ record }) => record.id === id)
    if (entry?.kind !== 'draw') return undefined
    const { payload } = entry.record
    if (!isChange(payload)) return payload
    const before = this.#listOf(payload.before)
    return before && changedBy(before, [payload])
  }

  #cancel(by: PeerId): void {
    const body = cancellationOf(this.#job, this.#manifest, by)
    this.#records.push(openRecordAs('cancellation', sign(body), null, sha256, verify))
  }

  #lease(
    steward: PeerId,
    vehicle: number,
    positions: readonly number[],
    change: (lease: Lease) => Partial<Lease> = () => ({}),
  ): { id: LeaseId; lease: Lease } {
    const draws = this.#draws.get(steward)!
    const { peer, owner } = basis.candidates[vehicle]!
    const honest: Lease = {
      vehicle: peer,
      owner,
      shards: positions.map((position) => this.#shards[position]!.shard),
      positions,
      isa: null,
      costMs: 1,
      units: positions.map(() => this.#unitsOfShard),
      price,
      draw: {
        basis: draws.basis,
        eligible: bitsOf(basis.candidates.length, [vehicle]),
        index: draws.next,
      },
    }
    draws.next += 1
    const lease = { ...honest, ...change(honest) }
    return { id: this.#sign('lease', steward, lease).id, lease }
  }

  #receipt(
    id: LeaseId,
    lease: Lease,
    results: readonly Cid[],
    { signer = lease.vehicle, shown = results } = {},
  ) {
    const { vehicle: worker, shards } = lease
    const covers = lease.positions.map((_, place) => place)
    const opening: Opening = { results, nonce }
    const root = receiptRoot(sha256, { id, job: this.#job, worker, shards }, covers, opening)
    const units = this.#story.isCounted ? { units: covers.map(() => taken) } : {}
    const receipt: Receipt = { lease: id, covers, root, ...units, cpuMs: 1, wallMs: 1, energy: null }
    return this.#sign('receipt', signer, receipt, { opening: { ...opening, results: shown } }).id
  }

  get #unitsOfShard(): number {
    return this.#story.isCounted ? stated.input + stated.output : 1
  }

  #takeBack({ lease, places, unitsLeft }: TakenBack): void {
    const units = this.#story.isCounted ? { units: places.map(() => unitsLeft!) } : {}
    const writeOff = unitsLeft === null ? { lease, places: [] } : { lease, places, ...units }
    this.#sign('allowance', stewards[1], { writtenOff: [writeOff], given: [] })
  }

  #work({ by, vehicle, positions: wanted, lies, answers, writtenOff, takenBack, unitsLeft }: Work): void {
    const { owner } = basis.candidates[vehicle]!
    // Nobody honest asks an owner twice, whichever steward asks.
    const positions = wanted
      .filter((position) => position < this.#shards.length)
      .filter((position) => !(this.#claims.get(position) ?? []).some((claim) => claim.owner === owner))
      .sort((x, y) => x - y)
    if (positions.length === 0) return
    const worth = positions.length * this.#unitsOfShard * price.unitMicros
    if (by === 0 && this.#promisedByA + worth > this.#story.budgetMicros / 2) return
    if (by === 0) this.#promisedByA += worth
    const { id, lease } = this.#lease(stewards[by], vehicle, positions)
    if (!answers) {
      if (writtenOff)
        this.#sign('allowance', stewards[by], { writtenOff: [{ lease: id, places: [] }], given: [] })
      return
    }
    const result = cborCid(sha256, resultOf(this.#manifest, lies ? 'lie' : 'read'))
    const receipt = this.#receipt(
      id,
      lease,
      positions.map(() => result),
    )
    const back = { lease: id, places: positions.map((_, place) => place), unitsLeft }
    if (by === 1 && takenBack === 'before') this.#takeBack(back)
    if (by === 1 && takenBack === 'after') this.#takenBackLater.push(back)
    for (const position of positions)
      this.#claims.set(position, [...(this.#claims.get(position) ?? []), { receipt, owner, result }])
  }

  /** Unanimous among two owners or more, or not at all. */
  #decide(steward: PeerId): void {
    for (const position of this.#shards.keys()) {
      const claims = this.#claims.get(position) ?? []
      if (claims.length < 2 || this.#decided.has(`${steward}/${position}`)) continue
      if (claims.some(({ result }) => result !== claims[0]!.result)) continue
      this.#decided.add(`${steward}/${position}`)
      this.#verdict(
        steward,
        position,
        claims[0]!.result,
        claims.map(({ receipt }) => receipt),
      )
    }
  }

  #verdict(steward: PeerId, position: number, result: Cid, agreeing: readonly RecordId[]): void {
    const verdict: ShardVerdict = {
      position,
      shard: this.#shards[position]!.shard,
      outcome: 'accepted',
      status: 'final',
      result,
      because: 'unanimous',
      agreeing,
      contradicting: [],
      settles: [],
    }
    this.#sign('verdict', steward, { shards: [verdict] })
  }

  #doWrong(wrong: (typeof wrongs)[number]): void {
    const result = cborCid(sha256, resultOf(this.#manifest, 'read'))
    const lie = cborCid(sha256, resultOf(this.#manifest, 'lie'))
    switch (wrong) {
      case 'of another job':
        this.#sign('holding', stewards[0], { inputs: true, verdicts: [] }, { job: cidNamed('another job') })
        break
      case 'by a stranger':
        this.#sign('holding', peerNamed('stranger'), { inputs: true, verdicts: [] })
        break
      case 'cancelled by a stranger':
        this.#cancel(peerNamed('stranger'))
        break
      case 'opened wrongly': {
        const { id, lease } = this.#lease(stewards[0], 0, [0])
        this.#receipt(id, lease, [result], { shown: [lie] })
        break
      }
      case 'by another vehicle': {
        const { id, lease } = this.#lease(stewards[0], 0, [0])
        this.#receipt(id, lease, [result], { signer: basis.candidates[1]!.peer })
        break
      }
      case 'without its lease': {
        const { lease } = this.#lease(stewards[0], 0, [0])
        this.#receipt(cidNamed('no lease'), lease, [result])
        break
      }
      case 'decided against the claims':
        this.#verdict(stewards[1], 0, lie, [])
        break
      case 'decided twice':
        this.#verdict(stewards[0], 0, result, [])
        this.#verdict(stewards[0], 0, result, [])
        break
      default:
        this.#leaseWrongly(wrong, result)
    }
  }

  /** A lease that no honest steward signs, and the receipt of a vehicle that takes it. */
  #leaseWrongly(wrong: Extract<(typeof wrongs)[number], `leased ${string}`>, result: Cid): void {
    const [steward] = stewards
    const all = bitsOf(basis.candidates.length, basis.candidates.keys())
    if (wrong === 'leased after a gift of more than there is')
      this.#sign('allowance', steward, { writtenOff: [], given: [{ to: stewards[1], micros: 600_000 }] })
    const changes: Record<typeof wrong, (lease: Lease) => Partial<Lease>> = {
      'leased above the cap': () => ({ price: { ...price, unitMicros: price.unitMicros + 1 } }),
      'leased in another currency': () => ({ price: { ...price, currency: 'USD' } }),
      'leased for more work than there is': () => ({ units: [2] }),
      'leased where its shard is not': () => ({ shards: [cidNamed('another shard')] }),
      'leased one shard twice': ({ shards }) => ({
        ...{ shards: [...shards, ...shards], positions: [0, 0], units: [1, 1] },
      }),
      'leased to one that was not drawn': ({ draw }) => {
        const drawn = drawVehicle(sha256, drawSecret, 0, basis, all)
        const { peer, owner } = basis.candidates[(drawn + 1) % basis.candidates.length]!
        return { vehicle: peer, owner, draw: { ...draw, eligible: all } }
      },
      'leased from candidates that are not there': ({ draw }) => ({
        draw: { ...draw, basis: cidNamed('no candidates') },
      }),
      'leased from a list that does not give its root': (lease) => this.#from(lease, { root: nonce }),
      'leased from a list with another number of candidates': (lease) => this.#from(lease, { count: 5 }),
      'leased from a list that changes one that is not there': (lease) =>
        this.#from(lease, { before: cidNamed('no candidates') }),
      'leased from a list that removes who is not in it': (lease) =>
        this.#from(lease, { removed: [peerNamed('nobody')] }),
      'leased from a list that adds who is in it': (lease) =>
        this.#from(lease, { added: basis.candidates.slice(1, 2) }),
      'leased from a list that changes another steward’s': (lease) =>
        this.#from(lease, { before: this.#draws.get(stewards[1])!.basis }),
      'leased after a gift of more than there is': () => ({}),
    }
    const { id, lease } = this.#lease(steward, 0, [0], changes[wrong])
    this.#receipt(
      id,
      lease,
      lease.positions.map(() => result),
    )
  }

  /** The same draw, from a list that its signer changed wrongly. */
  #from({ draw }: Lease, change: Partial<DrawChange>): Partial<Lease> {
    return { draw: { ...draw, basis: this.#change(stewards[0], draw.basis, change) } }
  }
}

interface Signing {
  readonly job?: JobId
  readonly opening?: Opening | null
}
