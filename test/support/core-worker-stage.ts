/** One worker on a stage: a scenario's commands go in as inputs, and its effects come out as short lines. */
import type { JobId, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { Manifest } from '../../src/protocol/job.ts'
import type { Lease } from '../../src/protocol/lease.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { Verified } from '../../src/protocol/record.ts'
import type { WorkerEffect, WorkerInput, WorkerMode } from '../../src/protocol/worker/contract.ts'
import { Worker } from '../../src/protocol/worker/worker.ts'
import {
  bodyOf,
  cidNamed,
  manifestWith,
  nameOfCid,
  nameOfPeer,
  peerNamed,
  placeOf,
  seed,
  sha256,
} from './core-fakes.ts'
import { type Command, parseDuration, printDuration } from './core-script.ts'

const self = peerNamed('v1')

export class WorkerStage {
  nowMs = 0
  #worker = this.#build(1, null)
  #isa: string | null = null
  /** Who offered each lease. */
  readonly #offers = new Map<LeaseId, PeerId>()
  readonly #receipts: RecordId[] = []

  run({ verb, words, settings }: Command): string[] {
    const lease = words[0] === undefined ? cidNamed('nothing') : cidNamed(words[0])
    const from = peerNamed(
      settings.get('from') ?? nameOfPeer(this.#offers.get(lease) ?? peerNamed('steward')),
    )
    switch (verb) {
      case 'worker':
        this.#isa = settings.get('isa') ?? null
        this.#worker = this.#build(Number(settings.get('slots') ?? 1), this.#isa)
        return []
      case 'offer':
        return this.#offer(lease, settings)
      case 'prepared':
        return words.flatMap((name) => this.#hand({ type: 'prepared', lease: cidNamed(name) }))
      case 'unprepared':
        return this.#hand({ type: 'unprepared', lease, why: words[1] as 'missing-blocks' | 'wrong-blocks' })
      case 'done': {
        const [place, result] = [Number(words[1]), cidNamed(words[2]!)]
        return this.#hand({ type: 'shard-done', lease, place, result, cpuMs: 900, wallMs: 1_000 })
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
        return this.#hand({ type: 'ended', job: lease as JobId, from })
      case 'mode':
        return this.#hand({ type: 'mode', mode: words[0] as WorkerMode })
      case 'connect':
        return this.#hand({ type: 'connected', peer: peerNamed(words[0]!) })
      case 'wake':
        this.nowMs += parseDuration(words[0]!)
        return this.#hand({ type: 'wake' })
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

  #build(slots: number, isa: string | null): Worker {
    const engines = [{ runtime: 'ocr', id: 'engine-1', isa }]
    return new Worker({ self, slots, engines, secret: seed, sha256 }, 0)
  }

  #offer(id: LeaseId, settings: ReadonlyMap<string, string>): string[] {
    const steward = peerNamed(settings.get('steward') ?? 'steward')
    const from = peerNamed(settings.get('from') ?? nameOfPeer(steward))
    const job = cidNamed(settings.get('job') ?? 'J1')
    const count = Number(settings.get('shards') ?? 2)
    const changes: Partial<Manifest> = {
      deadlineMs: parseDuration(settings.get('deadline') ?? '1h'),
      stewards: [placeOf(nameOfPeer(steward))],
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
      draw: { basis: cidNamed('draw'), eligible: new Uint8Array(1), index: 0 },
    }
    const lease: Verified<Lease> = { ...bodyOf('lease', steward, payload, { job, steward }), id }
    this.#offers.set(id, from)
    return this.#hand({ type: 'offer', from, manifest, lease })
  }

  #hand(input: WorkerInput): string[] {
    return this.#worker.handle(input, this.nowMs).map((effect) => this.#line(effect))
  }

  #line(effect: WorkerEffect): string {
    switch (effect.type) {
      case 'issue': {
        this.#receipts.push(effect.id)
        const { covers } = effect.body.payload as { covers: readonly number[] }
        const results = effect.opening.results.map((result, i) => `${covers[i]}=${nameOfCid(result)}`)
        return `issue R${this.#receipts.length} ${results.join(' ')}`
      }
      case 'deliver': {
        const released = effect.released === null ? '' : ` released=${effect.released}`
        return `deliver R${this.#receipts.indexOf(effect.receipt) + 1} to ${nameOfPeer(effect.to)}${released}`
      }
      case 'send':
        return `send ${nameOfPeer(effect.to)} ${messageOf(effect.message)}`
      case 'prepare':
      case 'release':
        return `${effect.type} ${nameOfCid(effect.lease)}`
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
