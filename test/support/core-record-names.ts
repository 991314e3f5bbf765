/** Short names for the records of a job on a stage, and how traces describe records and messages with them. */
import { toString as textOf } from 'uint8arrays'
import type { JobId, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import { type DrawCandidate, type DrawRecord, isChange } from '../../src/protocol/job/draw.ts'
import { openLease } from '../../src/protocol/job/lease.ts'
import type { Message } from '../../src/protocol/message.ts'
import { shortIdOf } from '../../src/protocol/record/record-trie.ts'
import type { JobRecord, JobRecordKind, Opened } from '../../src/protocol/records.ts'
import { nameOfCid, nameOfPeer, sha256, verify } from './core-fakes.ts'

const initials: Readonly<Record<JobRecordKind, string>> = {
  draw: 'D',
  lease: 'L',
  receipt: 'R',
  verdict: 'V',
  end: 'E',
  cancellation: 'C',
  holding: 'H',
  handover: 'T',
  window: 'W',
  allowance: 'A',
}

export class RecordNames {
  readonly #job: JobId
  readonly #signed = new Map<RecordId, Opened<JobRecordKind>>()
  readonly #names = new Map<RecordId, string>()
  readonly #ids = new Map<string, RecordId>()
  readonly #roots = new Map<string, number>()

  constructor(job: JobId) {
    this.#job = job
  }

  /** Names a record by its kind and number; the same record again keeps its name. */
  add(opened: Opened<JobRecordKind>): void {
    const { id } = opened.record
    if (this.#signed.has(id)) return
    this.#signed.set(id, opened)
    const initial = initials[opened.kind]
    const count = [...this.#names.values()].filter((name) => name[0] === initial).length
    this.#names.set(id, `${initial}${count + 1}`)
    this.#ids.set(`${initial}${count + 1}`, id)
  }

  of(id: RecordId): string {
    return this.#names.get(id) ?? id
  }

  /** What was signed, of a record that was added. */
  opened(id: RecordId): Opened<JobRecordKind> {
    return this.#signed.get(id)!
  }

  id(name: string): RecordId {
    const id = this.#ids.get(name)
    if (id === undefined) throw new Error(`there is no record ${name}`)
    return id
  }

  leaseOf(id: LeaseId) {
    return openLease(this.opened(id).signed, sha256, verify)
  }

  leaseNamed(name: string): { readonly lease: LeaseId; readonly from: PeerId } {
    const lease = this.id(name)
    return { lease, from: this.leaseOf(lease).payload.vehicle }
  }

  /** What a trace says of a message between stewards. */
  told(message: Message): string {
    const short = (ids: readonly string[]) => ids.map((id) => this.#ofShort(id)).join(' ')
    switch (message.type) {
      case 'beat':
        return `beat: ${message.acting ? 'acts' : 'watches'}, ${this.#rootName(message.root)}`
      case 'leaves':
        return `leaves of branch ${message.branch}`
      case 'ids':
        return `ids of leaf ${message.leaf}: ${short(message.ids) || 'none'}`
      case 'want':
        return `want ${short(message.ids)}`
      default:
        return message.type
    }
  }

  /** What a trace says of a record. */
  described({ kind, record }: JobRecord): string {
    const name = this.of(record.id)
    const names = (ids: readonly RecordId[]) => ids.map((id) => this.of(id)).join(' ')
    switch (kind) {
      case 'draw': {
        return `${name} draw from ${candidatesNamed(record.payload, ({ peer }) => nameOfPeer(peer))}`
      }
      case 'lease': {
        const { vehicle, positions, price } = record.payload
        const at = price === null ? '' : ` at ${price.unitMicros}`
        return `${name} lease ${nameOfPeer(vehicle)} ${positions.map((position) => `S${position}`).join(' ')}${at}`
      }
      case 'verdict': {
        const shards = record.payload.shards.map(
          ({ position, outcome, result, because, agreeing, contradicting, settles }) =>
            [
              `S${position} ${outcome}${result === null ? '' : ` ${nameOfCid(result)}`} ${because}`,
              ...(agreeing.length > 0 ? [`by ${names(agreeing)}`] : []),
              ...(contradicting.length > 0 ? [`against ${names(contradicting)}`] : []),
              ...(settles.length > 0 ? [`settles ${names(settles)}`] : []),
            ].join(' '),
        )
        return `${name} verdict ${shards.join(', ')}`
      }
      case 'holding': {
        const { inputs, verdicts } = record.payload
        return `${name} holding ${inputs ? 'the inputs' : `results of ${names(verdicts)}`}`
      }
      case 'handover': {
        const { previous, lost, taker } = record.payload
        const after = previous === this.#job ? 'the manifest' : this.of(previous)
        return `${name} handover from ${nameOfPeer(lost)} to ${nameOfPeer(taker.peer)} after ${after}`
      }
      case 'allowance': {
        const { writtenOff, given } = record.payload
        const leases = writtenOff.map(({ lease }) => ` that writes off ${this.of(lease)}`)
        const gifts = given.map(({ to, micros }) => ` that gives ${micros} to ${nameOfPeer(to)}`)
        return `${name} allowance${[...leases, ...gifts].join(',')}`
      }
      case 'end':
        return `${name} end ${record.payload.outcome}`
      default:
        return `${name} ${kind}`
    }
  }

  #ofShort(shortId: string): string {
    for (const [id, name] of this.#names) if (shortIdOf(id) === shortId) return name
    return shortId
  }

  #rootName(root: Uint8Array): string {
    const text = textOf(root, 'hex')
    if (!this.#roots.has(text)) this.#roots.set(text, this.#roots.size + 1)
    return `root ${this.#roots.get(text)}`
  }
}

/** The candidates of a draw as a trace names them; of a change, those that it adds and removes. */
export function candidatesNamed(
  payload: DrawRecord,
  nameOf: (candidate: DrawCandidate) => string = ({ peer, owner }) => `${nameOfPeer(peer)}:${owner}`,
): string {
  if (!isChange(payload)) return payload.candidates.map(nameOf).join(' ')
  const added = payload.added.map((candidate) => `+${nameOf(candidate)}`)
  return [...payload.removed.map((peer) => `-${nameOfPeer(peer)}`), ...added].join(' ')
}
