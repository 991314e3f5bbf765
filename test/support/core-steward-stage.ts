/**
 * One steward on a stage: a scenario's commands go in as inputs, and its effects come out as short lines. What it
 * makes durable is kept in a journal, from which `restore` builds it anew.
 */

import type { LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { type Agreement, type Content, isTolerance } from '../../src/protocol/job/agreement.ts'
import { openLease, type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { Audits, Manifest } from '../../src/protocol/job/manifest.ts'
import { listOwners } from '../../src/protocol/job/owner-list.ts'
import type { Capacity, EngineAdvert, Reachability } from '../../src/protocol/membership/advert.ts'
import type { DeclineReason, ReleaseReason } from '../../src/protocol/message.ts'
import type { Ask, Payment, UnitCount } from '../../src/protocol/price.ts'
import type { SignedRecord } from '../../src/protocol/record/record.ts'
import { type JobRecord, openRecordAs } from '../../src/protocol/records.ts'
import { JobState } from '../../src/protocol/state/job-state.ts'
import type { Examined, StewardEffect, StewardInput, Wanted } from '../../src/protocol/steward/contract.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import type { Recomputation } from '../../src/protocol/verification/tally.ts'
import {
  bodyOf,
  cidNamed,
  manifestWith,
  nameOfCid,
  nameOfPeer,
  ownerNamed,
  peerNamed,
  placeOf,
  seed,
  sha256,
  sign,
  signBytes,
  verify,
} from './core-fakes.ts'
import { candidatesNamed } from './core-record-names.ts'
import { type Command, parseDuration, printDuration } from './core-script.ts'

/** `edits:2`: texts at most so many edits a page apart. */
function agreementOf(text: string): Agreement {
  const [relation, editsMax] = text.split(':')
  if (relation !== 'edits') return text as Agreement
  return { relation: 'text-distance', editsMax: Number(editsMax) }
}

/** `v1:o1,v2:o2`: those for whom the submitter of a blind job made keys. */
function blindOf(text: string | undefined): Manifest['blind'] {
  if (text === undefined) return null
  const candidates = text.split(',').map((candidate) => {
    const [peer, owner] = candidate.split(':')
    return { peer: peerNamed(peer!), owner: ownerNamed(owner!) }
  })
  return { key: new Uint8Array(32), candidates, keys: { file: cidNamed('keys'), bytes: 1 } }
}

/** `o1,o2`: the steward stands by for a submitter that knew these owners, and is away. */
function orderedOf(owners: string | undefined): Partial<Manifest> {
  if (owners === undefined) return {}
  return {
    stewards: ['submitter', 'steward'].map(placeOf),
    owners: listOwners(sha256, seed, owners.split(',').map(ownerNamed)),
  }
}

/** `replicas/checks/window shards`. */
function auditsOf(text: string | undefined): Audits | null {
  if (text === undefined) return null
  const [replicas = 1, checks = 1, windowShards = 1] = text.split('/').map(Number)
  return { replicas, checks, windowShards, auditor: 'owners' }
}

/** Micros of the currency that jobs pay in, unless another is named: `200`, `200USD`. */
export function askOf(text: string | undefined): Ask | null {
  const [, unitMicros, currency] = /^(\d+)([A-Z]{3})?(?:\/1k)?$/.exec(text ?? '') ?? []
  const per = text?.endsWith('/1k') ? { per: 1000 } : {}
  return unitMicros === undefined
    ? null
    : { currency: currency ?? 'EUR', unitMicros: Number(unitMicros), ...per }
}

/** `units=10/20`: what goes in, and what comes out, at most. */
function unitsOf(settings: ReadonlyMap<string, string>): { readonly units?: UnitCount } {
  const [, input, output] = /^(\d+)\/(\d+)$/.exec(settings.get('units') ?? '') ?? []
  return input === undefined ? {} : { units: { input: Number(input), output: Number(output) } }
}

/** The same for each of these places. */
function claimedUnits(
  settings: ReadonlyMap<string, string>,
  places: readonly number[],
): Pick<Receipt, 'units'> {
  const { units } = unitsOf(settings)
  return units === undefined ? {} : { units: places.map(() => units) }
}

/** `cap=300 budget=5000`: a job that pays. */
export function paymentOf(settings: ReadonlyMap<string, string>): Payment | null {
  const budget = settings.get('budget')
  if (budget === undefined) return null
  return {
    currency: 'EUR',
    unit: settings.has('units') ? 'token' : 'page',
    unitMicrosMax: Number(settings.get('cap') ?? 1_000),
    ...(settings.has('units') ? { per: 1000 } : {}),
    budgetMicros: Number(budget),
  }
}

/** `v1:o1:slots=2:isa=avx:mode=drain:until=20s:ask=200` */
export function capacityOf(text: string): Capacity {
  const [name, owner, ...rest] = text.split(':')
  const settings = new Map(rest.map((part) => part.split('=') as [string, string]))
  const slots = Number(settings.get('slots') ?? 1)
  const engine: EngineAdvert = {
    runtime: 'ocr',
    engine: 'wasm',
    id: settings.get('engine') ?? 'engine-1',
    isa: settings.get('isa') ?? null,
    unitsPerHour: 0,
    ask: askOf(settings.get('ask')),
  }
  return {
    name: name!,
    peer: peerNamed(name!),
    owner: ownerNamed(owner ?? name!),
    certificate: null,
    credential: null,
    slots: { total: slots, free: slots },
    mode: (settings.get('mode') ?? 'run') as Capacity['mode'],
    reasons: [],
    availableUntilMs: settings.has('until') ? parseDuration(settings.get('until')!) : null,
    engines: [engine],
    addresses: [],
    ...(settings.has('reach') && { reach: settings.get('reach') as Reachability }),
    software: '0',
    serial: 0,
    expiresMs: Number.MAX_SAFE_INTEGER,
  }
}

const nonce = sha256(new Uint8Array(1))

export class StewardStage {
  nowMs = 0
  #manifest: Manifest = manifestWith()
  #costMs = 1_000
  #pages = 1
  #units: { readonly units?: UnitCount } = {}
  #steward: Steward
  readonly #job = cidNamed('job')
  readonly #self = peerNamed('steward')
  readonly #journal: JobRecord[] = []
  readonly #leases: LeaseId[] = []
  #roster: { readonly capacities: readonly Capacity[]; readonly operatorPpm?: number } = { capacities: [] }
  readonly #receipts: RecordId[] = []
  readonly #signed = new Map<RecordId, SignedRecord>()
  #wanted: Wanted[] = []

  readonly #machine: typeof Steward

  constructor(machine = Steward) {
    this.#machine = machine
    this.#steward = this.#build()
  }

  /** Carries out one command; returns the lines that it leads to. */
  run(command: Command): string[] {
    const { verb, words, settings } = command
    switch (verb) {
      case 'job':
        this.#setUp(settings)
        return []
      case 'roster':
        this.#roster = { ...this.#roster, capacities: rosterOf(words, command) }
        return this.#hand({ type: 'roster', ...this.#roster })
      case 'share':
        this.#roster = { ...this.#roster, operatorPpm: Number(words[0]) }
        return this.#hand({ type: 'roster', ...this.#roster })
      case 'accept':
        return words.flatMap((lease) => this.#hand({ type: 'accepted', ...this.#leaseNamed(lease) }))
      case 'decline':
        return this.#hand({
          type: 'declined',
          ...this.#leaseNamed(words[0]!),
          reason: words[1] as DeclineReason,
          retryMs: parseDuration(settings.get('retry') ?? '2s'),
        })
      case 'undelivered':
        return this.#hand({ type: 'undelivered', lease: this.#leaseNamed(words[0]!).lease })
      case 'progress':
        return this.#hand({
          type: 'progress',
          ...this.#leaseNamed(words[0]!),
          done: Number(settings.get('done') ?? 0),
        })
      case 'receipt':
        return this.#receipt(command)
      case 'examine':
        return this.#examine(command)
      case 'recomputed': {
        const result = words[1]
        const found =
          result === 'impossible' || result === undefined
            ? null
            : this.#recomputationOf(result, settings.get('text') ?? result)
        return this.#hand({ type: 'recomputed', position: positionOf(words[0]!), found })
      }
      case 'connect':
        return this.#hand({ type: 'connected', peer: peerNamed(words[0]!) })
      case 'disconnect':
        return this.#hand({ type: 'disconnected', peer: peerNamed(words[0]!) })
      case 'standby':
        return this.#hand({ type: 'stewards', stewards: [...this.#manifest.stewards, placeOf(words[0]!)] })
      case 'safe':
        return this.#hand({ type: 'safe', safe: true })
      case 'cancel':
        return this.#hand({ type: 'cancel' })
      case 'wake':
        this.nowMs += parseDuration(words[0]!)
        return this.#hand({ type: 'wake' })
      case 'go-on':
        return this.#hand({ type: 'go-on' })
      case 'restore':
        return this.#restore()
      case 'view':
        return this.#view()
      default:
        throw new Error(`a steward knows no '${verb}'`)
    }
  }

  #setUp(settings: ReadonlyMap<string, string>): void {
    const number = (name: string, otherwise: number) => Number(settings.get(name) ?? otherwise)
    const count = number('shards', 1)
    this.#costMs = number('cost', 1_000)
    this.#pages = number('pages', 1)
    this.#units = unitsOf(settings)
    this.#manifest = manifestWith({
      shards: { file: cidNamed('shard list'), bytes: 1, count, pages: count * this.#pages },
      agreement: agreementOf(settings.get('agreement') ?? 'bytes'),
      blind: blindOf(settings.get('blind')),
      shortage: (settings.get('shortage') ?? 'wait') as Manifest['shortage'],
      deadlineMs: parseDuration(settings.get('deadline') ?? '1h'),
      payment: paymentOf(settings),
      ...orderedOf(settings.get('owners')),
      assurance: {
        replicas: number('replicas', 2),
        lead: number('lead', 3),
        audits: auditsOf(settings.get('audits')),
        arbiter: (settings.get('arbiter') ?? 'owners') as Manifest['assurance']['arbiter'],
      },
    })
    this.#steward = this.#build()
  }

  #build(records: readonly JobRecord[] = []): Steward {
    const shards = Array.from({ length: this.#manifest.shards.count }, (_, i) => ({
      shard: cidNamed(`shard ${i}`),
      pages: this.#pages,
      bytes: this.#pages * 1024,
      costMs: this.#costMs,
      ...this.#units,
    }))
    const { self, job } = { self: this.#self, job: this.#job }
    const state = new JobState(job, this.#manifest, sha256, { self, drawSecret: seed }).restore(records)
    return new this.#machine({ job, manifest: this.#manifest, shards, self, drawSecret: seed, sha256, state })
  }

  #hand(input: StewardInput): string[] {
    return this.#carryOut(this.#steward.handle(input, this.nowMs))
  }

  #receipt({ words, settings }: Command): string[] {
    const { lease: id, from } = this.#leaseNamed(words[0]!)
    const lease = openLease(this.#signed.get(id)!, sha256, verify)
    const shards = [...settings].filter(([name]) => /^S\d+$/.test(name))
    const places = shards.map(([shard]) => lease.payload.positions.indexOf(positionOf(shard)))
    if (places.includes(-1)) throw new Error(`${words[0]} has no such shards`)
    const opening = { results: shards.map(([, result]) => cidNamed(result)), nonce }
    const worker = { id, job: this.#job, worker: from, shards: lease.payload.shards }
    const payload: Receipt = {
      lease: id,
      covers: places,
      root: receiptRoot(sha256, worker, places, opening),
      ...claimedUnits(settings, places),
      cpuMs: 1,
      wallMs: Number(settings.get('wall') ?? shards.length * this.#costMs),
      energy: null,
    }
    const record = sign(bodyOf('receipt', from, payload, { job: this.#job }))
    const receipt = openRecordAs('receipt', record, opening, sha256, verify)
    const { id: name } = receipt.record
    this.#signed.set(name, record)
    if (!this.#receipts.includes(name)) this.#receipts.push(name)
    const released = (settings.get('released') ?? null) as ReleaseReason | null
    return this.#hand({ type: 'receipt', receipt, released })
  }

  /** Answers every collection of this result that is under way; `from` picks one of them. */
  #examine({ words, settings }: Command): string[] {
    const result = words[0]!
    const asked = this.#wanted.filter((want) => nameOfCid(want.result) === result)
    if (asked.length === 0) throw new Error(`nobody asked for ${result}`)
    this.#wanted = this.#wanted.filter((want) => !asked.includes(want))
    const text = settings.get('text') ?? result
    const finding: Examined['finding'] =
      words[1] === 'missing' || words[1] === 'invalid'
        ? { state: words[1] }
        : {
            state: 'good',
            text,
            exhausted: words[1] === 'exhausted',
            ...unitsOf(settings),
            ...this.#contentOf(text),
          }
    return this.#hand({ type: 'examined', results: asked.map((want) => ({ ...want, finding })) })
  }

  #recomputationOf(result: string, text: string): Recomputation {
    return { result: cidNamed(result), text, ...this.#contentOf(text) }
  }

  /** Of a result of one page with this text, where texts are compared. */
  #contentOf(text: string): { readonly content?: Content } {
    if (!isTolerance(this.#manifest.agreement)) return {}
    return { content: [{ error: null, text, output: undefined }] }
  }

  #restore(): string[] {
    this.#steward = this.#build(this.#journal)
    this.#wanted = []
    return this.#carryOut(this.#steward.restore(this.nowMs))
  }

  #carryOut(effects: readonly StewardEffect[]): string[] {
    this.#steward.check()
    return effects.map((effect) => {
      switch (effect.type) {
        case 'issue': {
          const { kind, record } = effect.issued
          const signed = signBytes(record, effect.body)
          this.#signed.set(record.id, signed)
          this.#journal.push(openRecordAs(kind, signed, null, sha256, verify))
          return this.#issued(effect.issued)
        }
        case 'keep': {
          this.#journal.push(effect.receipt)
          return `keep ${this.#receiptName(effect.receipt.record.id)}`
        }
        case 'offer':
          return `offer ${this.#leaseName(effect.lease)} to ${nameOfPeer(effect.to)}`
        case 'revoke':
          return `revoke ${this.#leaseName(effect.lease)} from ${nameOfPeer(effect.from)}`
        case 'send':
          return `send ${nameOfPeer(effect.to)} ${this.#messageOf(effect.message)}`
        case 'tell-end':
          return `send ${nameOfPeer(effect.to)} ended`
        case 'collect':
          this.#wanted.push(...effect.wanted)
          return `collect ${effect.wanted.map((w) => `${nameOfCid(w.result)} from ${nameOfPeer(w.from)}`).join(', ')}`
        case 'recompute':
          return `recompute S${effect.position}`
        case 'lied':
          return `lied by ${effect.because}`
        case 'decided':
          return effect.verdicts.map((verdict) => this.#verdictLine(verdict)).join('\n')
        case 'ended':
          return `ended ${effect.end.outcome}: ${effect.end.reason}`
        case 'wake':
          return `wake at ${printDuration(effect.atMs)}`
        case 'go-on':
          return 'goes on'
        default:
          throw new Error(`unknown effect ${effect satisfies never}`)
      }
    })
  }

  #issued({ kind, record }: JobRecord): string {
    const { id } = record
    if (kind === 'lease') {
      this.#leases.push(id)
      const { vehicle, positions, price } = record.payload
      const share = price === null || price.operatorPpm === 0 ? '' : `, share ${price.operatorPpm}`
      const at = price === null ? '' : ` at ${price.unitMicros}${share}`
      return `issue ${this.#leaseName(id)} ${nameOfPeer(vehicle)} ${positions.map((p) => `S${p}`).join(' ')}${at}`
    }
    if (kind === 'allowance') {
      const { writtenOff } = record.payload
      const leases = writtenOff.map(({ lease, places, units = [] }) => {
        const left = places.map((place, i) => (units.length === 0 ? `${place}` : `${place}:${units[i]}`))
        return left.length === 0 ? this.#leaseName(lease) : `${this.#leaseName(lease)} but ${left.join(' ')}`
      })
      return `issue allowance that writes off ${leases.join(', ')}`
    }
    if (kind === 'draw') {
      return `issue draw from ${candidatesNamed(record.payload)}`
    }
    return `issue ${kind}`
  }

  #verdictLine(verdict: Extract<StewardEffect, { type: 'decided' }>['verdicts'][number]): string {
    const receipts = (ids: readonly RecordId[]) => ids.map((id) => this.#receiptName(id)).join(' ')
    const result = verdict.result === null ? '' : ` ${nameOfCid(verdict.result)}`
    const by = verdict.agreeing.length > 0 ? ` by ${receipts(verdict.agreeing)}` : ''
    const against = verdict.contradicting.length > 0 ? ` against ${receipts(verdict.contradicting)}` : ''
    return `decided S${verdict.position} ${verdict.outcome}${result} ${verdict.because}${by}${against}`
  }

  #view(): string[] {
    const { shards, executions, owners, contradicted, payment, end } = this.#steward.view()
    const counts = Object.entries(shards).filter(([name, count]) => name !== 'total' && count > 0)
    return [
      `shards ${counts.map(([name, count]) => `${name}=${count}`).join(' ')}`,
      `executions ${executions}, owners ${owners.available} of ${owners.needed}`,
      ...(contradicted.length > 0 ? [`contradicted ${contradicted.join(' ')}`] : []),
      ...(payment === null
        ? []
        : [`promised ${payment.promisedMicros}, owed ${payment.owedMicros} of ${payment.budgetMicros}`]),
      ...(end === null ? [] : [`ended ${end.outcome}`]),
    ]
  }

  #messageOf(message: Extract<StewardEffect, { type: 'send' }>['message']): string {
    if (message.type === 'acknowledge') return `acknowledge ${this.#receiptName(message.receipt)}`
    if (message.type === 'withdraw') return `withdraw ${this.#leaseName(message.lease)}`
    return message.type
  }

  #leaseNamed(name: string): { readonly lease: LeaseId; readonly from: PeerId } {
    const lease = this.#leases[Number(name.slice(1)) - 1]
    if (lease === undefined) throw new Error(`no lease ${name} was issued`)
    const from = openLease(this.#signed.get(lease)!, sha256, verify).payload.vehicle
    return { lease, from }
  }

  #leaseName(lease: LeaseId): string {
    return `L${this.#leases.indexOf(lease) + 1}`
  }

  #receiptName(receipt: RecordId): string {
    return `R${this.#receipts.indexOf(receipt) + 1}`
  }
}

/** `v1:o1 v2:o2:slots=2` as a command has them, in the order of peers. */
export function rosterOf(words: readonly string[], { settings }: Command): Capacity[] {
  // A word with settings of its own (v1:o1:slots=2) was cut at its first '='.
  const rest = [...settings].map(([name, value]) => `${name}=${value}`)
  return [...words, ...rest].map(capacityOf).sort((a, b) => (a.peer < b.peer ? -1 : 1))
}

function positionOf(shard: string): number {
  return Number(shard.slice(1))
}
