/** One worker on a stage: a scenario's commands go in as inputs, and its effects come out as short lines. */

import type { JobId, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import type { Handover } from '../../src/protocol/job/handover.ts'
import type { Lease, Receipt } from '../../src/protocol/job/lease.ts'
import { categoryDefault, type Manifest } from '../../src/protocol/job/manifest.ts'
import type { JobEnd } from '../../src/protocol/job/verdict.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { Ask, LeasePrice } from '../../src/protocol/price.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import type {
  Done,
  RestoredLease,
  WorkerEffect,
  WorkerInput,
  WorkerMode,
} from '../../src/protocol/worker/contract.ts'
import type { ShownEnd } from '../../src/protocol/worker/shown-end.ts'
import { Worker } from '../../src/protocol/worker/worker.ts'
import {
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfCid,
  nameOfPeer,
  peerNamed,
  placeOf,
  seed,
  sha256,
} from './core-fakes.ts'
import { type Command, parseDuration, printDuration } from './core-script.ts'
import { askOf, paymentOf } from './core-steward-stage.ts'
import { handoverBody } from './handovers.ts'

const self = peerNamed('v1')

type Taken = { -readonly [Field in keyof RestoredLease]: RestoredLease[Field] } & {
  readonly receipts: Verified<Receipt>[]
  readonly done: Done[]
}

export class WorkerStage {
  nowMs = 0
  #isa: string | null = null
  #ask: Ask | null = null
  #categories: readonly string[] | null = null
  /** Who offered each lease. */
  readonly #offers = new Map<LeaseId, PeerId>()
  readonly #jobOf = new Map<LeaseId, JobId>()
  readonly #receipts: RecordId[] = []
  #worker: Worker
  readonly #manifests = new Map<JobId, Verified<Manifest>>()
  /** What is durable: of each lease, and who adopted which job. */
  readonly #taken = new Map<LeaseId, Taken>()
  readonly #followed = new Map<JobId, readonly PeerId[]>()
  #offered: Verified<Lease> | undefined
  #slots = 1
  #serial = 0
  readonly #machine: typeof Worker

  constructor(machine = Worker) {
    this.#machine = machine
    this.#worker = this.#build(1, null)
  }

  run({ verb, words, settings }: Command): string[] {
    const lease = words[0] === undefined ? cidNamed('nothing') : cidNamed(words[0])
    const from = peerNamed(
      settings.get('from') ?? nameOfPeer(this.#offers.get(lease) ?? peerNamed('steward')),
    )
    switch (verb) {
      case 'worker':
        this.#isa = settings.get('isa') ?? null
        this.#ask = askOf(settings.get('ask'))
        this.#categories = settings.get('categories')?.split('/') ?? null
        this.#slots = Number(settings.get('slots') ?? 1)
        this.#worker = this.#build(this.#slots, this.#isa)
        return []
      case 'offer':
        return this.#offer(lease, settings)
      case 'adopt':
        return this.#hand({
          type: 'adopt',
          from: peerNamed(words[1]!),
          manifest: this.#manifests.get(cidNamed(words[0]!))!,
          handovers: this.#handovers(settings),
        })
      case 'restart':
        return this.#restart(settings)
      case 'room':
        return this.#hand({ type: 'room', enough: words[0] === 'enough' })
      case 'available':
        return this.#hand({
          type: 'available',
          untilMs: words[0] === 'long' ? null : parseDuration(words[0]!),
        })
      case 'energy': {
        const rate = { joulesPerCpuSecond: Number(words[0]), basis: words[1] as 'measured' | 'estimated' }
        return this.#hand({ type: 'energy', rate })
      }
      case 'prepared':
        return words.flatMap((name) => this.#hand({ type: 'prepared', lease: cidNamed(name) }))
      case 'unprepared':
        return this.#hand({ type: 'unprepared', lease, why: words[1] as 'missing-blocks' | 'wrong-blocks' })
      case 'done': {
        const done: Done = { place: Number(words[1]), result: cidNamed(words[2]!), cpuMs: 900, wallMs: 1_000 }
        this.#taken.get(lease)!.done.push(done)
        return this.#hand({ type: 'shard-done', lease, ...done })
      }
      case 'run-ended':
        return this.#hand({ type: 'run-ended', lease })
      case 'withdraw':
        return this.#hand({ type: 'withdraw', lease, from })
      case 'acknowledge':
        return this.#hand({
          type: 'acknowledge',
          receipt: this.#receipts[Number(words[0]!.slice(1)) - 1]!,
          from,
        })
      case 'job-ended':
        return this.#hand({ type: 'ended', ...this.#shownEnd(lease as JobId, from, settings) })
      case 'mode':
        return this.#hand({ type: 'mode', mode: words[0] as WorkerMode })
      case 'connect':
        return this.#hand({ type: 'connected', peer: peerNamed(words[0]!) })
      case 'disconnect':
        return this.#hand({ type: 'disconnected', peer: peerNamed(words[0]!) })
      case 'wake':
        this.nowMs += parseDuration(words[0]!)
        return this.#hand({ type: 'wake' })
      case 'share':
        return this.#hand({ type: 'operator-share', ppm: Number(words[0]) })
      case 'view': {
        const { mode, slots, leases, shardsDone, receipts, leasesReleased } = this.#worker.view()
        return [
          `${mode}, ${slots.free} of ${slots.total} slots free, ${leases} leases`,
          `${shardsDone} shards done, ${receipts} receipts, ${leasesReleased} leases released`,
        ]
      }
      default:
        throw new Error(`a worker knows no '${verb}'`)
    }
  }

  /** `outcome=cancelled`, `cancelled=yes` by the submitter, `secret=another`: one that no steward knows. */
  #shownEnd(job: JobId, signer: PeerId, settings: ReadonlyMap<string, string>): ShownEnd {
    const outcome = (settings.get('outcome') ?? 'complete') as JobEnd['outcome']
    const secret = settings.has('secret') ? seed.map((byte) => byte ^ 1) : drawSecret
    const payload = { outcome, reason: outcome, secret }
    const manifest = this.#manifests.get(job)
    const wanted = manifest && cancellationOf(job, manifest.payload, manifest.signer)
    const cancellation =
      settings.get('cancelled') === 'yes' && wanted ? { ...wanted, id: cidNamed('cancellation') } : null
    return { end: { ...bodyOf('end', signer, payload, { job }), id: cidNamed('end') }, cancellation }
  }

  #build(slots: number, isa: string | null): Worker {
    const engines = [{ runtime: 'ocr', id: 'engine-1', isa, ask: this.#ask }]
    const categories = this.#categories
    return new this.#machine(
      { self, slots, engines, categories, secret: seed, sha256 },
      this.#receipts.length,
    )
  }

  #offer(id: LeaseId, settings: ReadonlyMap<string, string>): string[] {
    const steward = peerNamed(settings.get('steward') ?? 'steward')
    const from = peerNamed(settings.get('from') ?? nameOfPeer(steward))
    const job = cidNamed(settings.get('job') ?? 'J1')
    const count = Number(settings.get('shards') ?? 2)
    const changes: Partial<Manifest> = {
      deadlineMs: parseDuration(settings.get('deadline') ?? '1h'),
      category: settings.get('category') ?? categoryDefault,
      payment: paymentOf(settings),
      stewards: (settings.get('stewards') ?? nameOfPeer(steward)).split(',').map(placeOf),
    }
    const engine = settings.get('engine')
    const manifest: Verified<Manifest> = {
      ...bodyOf('manifest', peerNamed(settings.get('submitter') ?? 'submitter'), {
        ...manifestWith(changes),
        ...(engine === undefined ? {} : { engine: { name: 'wasm', id: engine } }),
      }),
      id: job,
    }
    const payload: Lease = {
      vehicle: peerNamed(settings.get('vehicle') ?? 'v1'),
      owner: '' as Lease['owner'],
      shards: Array.from({ length: count }, (_, i) => cidNamed(`shard ${i}`)),
      positions: Array.from({ length: count }, (_, i) => i),
      isa: settings.get('isa') ?? this.#isa,
      costMs: Number(settings.get('cost') ?? 1_000),
      units: Array.from({ length: count }, () => 1),
      price: priceOf(settings),
      draw: { basis: cidNamed('draw'), eligible: new Uint8Array(1), index: 0 },
    }
    const lease: Verified<Lease> = {
      ...bodyOf('lease', steward, payload, {
        job,
        steward,
        serial: Number(settings.get('serial') ?? this.#serial++),
      }),
      id,
    }
    this.#offers.set(id, from)
    this.#jobOf.set(id, job)
    this.#manifests.set(job, manifest)
    this.#offered = lease
    const isPast = settings.get('past') === 'yes'
    return this.#hand({ type: 'offer', from, manifest, handovers: this.#handovers(settings), lease, isPast })
  }

  /** `handover=steward>s2`: s2 takes the place of the job's first steward, who is lost, by the word of the second. */
  #handovers(settings: ReadonlyMap<string, string>): Verified<Handover>[] {
    const text = settings.get('handover')
    if (text === undefined) return []
    const [signer, taker] = text.split('>')
    const job = cidNamed(settings.get('job') ?? 'J1')
    const body = handoverBody({ job, signer: signer!, lost: 'steward', taker: taker! })
    return [{ ...body, id: cidNamed(`handover ${text}`) }]
  }

  /** Killed, and started with what was durable. */
  #restart(settings: ReadonlyMap<string, string>): string[] {
    this.nowMs += parseDuration(settings.get('after') ?? '0s')
    this.#worker = this.#build(this.#slots, this.#isa)
    const jobs = [...this.#manifests].map(([job, manifest]) => ({
      manifest,
      handovers: this.#handovers(settings),
      adopters: this.#followed.get(job) ?? [],
      leases: [...this.#taken.values()].filter(({ lease }) => lease.job === job),
    }))
    return this.#worker.restore(jobs, this.nowMs).map((effect) => this.#line(effect))
  }

  #hand(input: WorkerInput): string[] {
    return this.#worker.handle(input, this.nowMs).map((effect) => this.#line(effect))
  }

  #line(effect: WorkerEffect): string {
    switch (effect.type) {
      case 'take':
        this.#taken.set(effect.lease, { lease: this.#offered!, receipts: [], done: [], released: undefined })
        return `take ${nameOfCid(effect.lease)}`
      case 'follow':
        this.#followed.set(effect.job, effect.adopters)
        return `follow ${effect.adopters.map(nameOfPeer).join(' ')} in ${nameOfCid(effect.job)}`
      case 'show':
        return `show ${nameOfCid(effect.lease)} to ${nameOfPeer(effect.to)}`
      case 'issue': {
        const { record: receipt, opening } = effect.issued
        this.#receipts.push(receipt.id)
        this.#taken.get(receipt.payload.lease)!.receipts.push(receipt)
        const { covers, energy } = receipt.payload
        const results = opening.results.map((result, i) => `${covers[i]}=${nameOfCid(result)}`)
        const drawn = energy === null ? '' : ` ${energy.joules} J ${energy.basis}`
        return `issue R${this.#receipts.length} ${results.join(' ')}${drawn}`
      }
      case 'deliver': {
        const released = effect.released === null ? '' : ` released=${effect.released}`
        return `deliver R${this.#receipts.indexOf(effect.receipt) + 1} to ${nameOfPeer(effect.to)}${released}`
      }
      case 'send': {
        const { to, message } = effect
        if ('lease' in message && 'job' in message && message.job !== this.#jobOf.get(message.lease))
          throw new Error(`'${message.type}' names another job than its lease's`)
        return `send ${nameOfPeer(to)} ${messageOf(message)}`
      }
      case 'prepare':
        return `prepare ${nameOfCid(effect.lease)}`
      case 'release':
        this.#taken.get(effect.lease)!.released = effect.reason
        return `release ${nameOfCid(effect.lease)}${effect.reason === null ? '' : ` ${effect.reason}`}`
      case 'run':
        return `run ${nameOfCid(effect.lease)} in slot ${effect.slot}`
      case 'drain':
      case 'abort':
        return `${effect.type} slot ${effect.slot}`
      case 'forget':
        return `forget ${nameOfCid(effect.job)}`
      case 'advertise':
        return 'advertise'
      case 'wake':
        return `wake at ${printDuration(effect.atMs)}`
      default:
        throw new Error(`unknown effect ${effect satisfies never}`)
    }
  }
}

function messageOf(message: Message): string {
  if (message.type === 'accept') return `accept ${nameOfCid(message.lease)}`
  if (message.type === 'decline')
    return `decline ${nameOfCid(message.lease)} ${message.reason} retry=${printDuration(message.retryMs)}`
  if (message.type === 'progress') return `progress ${nameOfCid(message.lease)} done=${message.done}`
  return message.type
}

/** `price=200:EUR:150000`: what a unit pays, in which currency, and the operator's parts per million of it. */
function priceOf(settings: ReadonlyMap<string, string>): LeasePrice | null {
  const [unitMicros, currency = 'EUR', operatorPpm = 0] = settings.get('price')?.split(':') ?? []
  return unitMicros === undefined
    ? null
    : { currency, unitMicros: Number(unitMicros), operatorPpm: Number(operatorPpm) }
}
