/**
 * Shared names: a record that came as bytes names its job, its signer, its shards and their results, and each such name is a text of its
 * own in memory, of 80 bytes. A job of a million shards has each of them four times. So leases, receipts and verdicts that are kept
 * share their names, with each other and with the list of shards. They say the same as before.
 */
import { alike } from '../../base/alike.ts'
import type { Cid, JobId, RecordId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'
import { type Checked, checked, type JobRecord } from '../records.ts'

/** The results that records here claim for shards. */
interface KnownResults {
  /** The result that this receipt claims for a shard. */
  resultOf(receipt: RecordId, position: number): Cid | undefined
  /** A result that some receipt claims for a shard. */
  resultAt(position: number): Cid | undefined
  /** The positions of the places of a receipt that is of a lease here. */
  positionsOf(receipt: Checked<'receipt'>['record']): readonly number[]
}

const slabBytes = 4_096

export class SharedNames {
  readonly #job: JobId
  /** Those of peers, owners, leases and lists of candidates. */
  readonly #names = new Map<string, string>()
  #shards: readonly ShardEntry[] = []
  #slab = new Uint8Array(0)
  #used = 0
  /** Use: the lists of the last lease and of the last receipt, since the next mostly has the same. */
  #units: readonly number[] = []
  #covers: readonly number[] = []

  constructor(job: JobId) {
    this.#job = job
  }

  knowShards(shards: readonly ShardEntry[]): void {
    this.#shards = shards
  }

  /** For records that are folded anew: names of those that had to go are let go. */
  anew(): SharedNames {
    const next = new SharedNames(this.#job)
    next.knowShards(this.#shards)
    return next
  }

  /** The same record, without the bytes that were signed. Of a receipt the lease must be here. */
  shared(entry: JobRecord, results: KnownResults): JobRecord {
    switch (entry.kind) {
      case 'lease': {
        const { vehicle, owner, shards, positions, units, draw, ...rest } = entry.record.payload
        this.#units = alike(this.#units, [...units])
        const payload = {
          ...{ vehicle: this.#name(vehicle), owner: this.#name(owner) },
          shards: shards.map((shard, i) => same(shard, this.#shards[positions[i]!]?.shard)),
          positions: [...positions],
          units: this.#units,
          ...rest,
          draw: { ...draw, basis: this.#name(draw.basis), eligible: this.#bytes(draw.eligible) },
        }
        return checked('lease', this.#record(entry.record, payload))
      }
      case 'receipt': {
        const { record, opening } = entry
        const { lease, covers, root, ...rest } = record.payload
        const positions = results.positionsOf(record)
        const shared = opening.results.map((result, i) => same(result, results.resultAt(positions[i]!)))
        this.#covers = alike(this.#covers, [...covers])
        const payload = { lease: this.#name(lease), covers: this.#covers, root: this.#bytes(root), ...rest }
        const nonce = this.#bytes(opening.nonce)
        return checked('receipt', this.#record(record, payload), { results: shared, nonce })
      }
      case 'verdict': {
        const shards: ShardVerdict[] = []
        for (const verdict of entry.record.payload.shards)
          shards.push(this.#verdict(verdict, shards.at(-1), results))
        return checked('verdict', this.#record(entry.record, { shards }))
      }
      default:
        return checked(entry.kind, entry.record, entry.opening)
    }
  }

  #verdict(verdict: ShardVerdict, before: ShardVerdict | undefined, results: KnownResults): ShardVerdict {
    const { position, shard, result, agreeing, contradicting, settles } = verdict
    const known = agreeing[0] && results.resultOf(agreeing[0], position)
    // One after the other, as the judge of a steward writes them: what is copied into an object takes more.
    return {
      position,
      shard: same(shard, this.#shards[position]?.shard),
      outcome: verdict.outcome,
      status: verdict.status,
      result: result && same(result, known),
      because: verdict.because,
      agreeing: alike(before?.agreeing, agreeing),
      contradicting: alike(before?.contradicting, contradicting),
      settles: alike(before?.settles, settles),
    }
  }

  /** Field by field: what is copied into an object takes more. */
  #record<Payload>(record: Verified<Payload>, payload: Payload): Verified<Payload> {
    const { domain, version, kind, epoch, steward, serial, expiresMs, signer, id } = record
    return {
      domain,
      version,
      kind: this.#name(kind),
      job: this.#job,
      epoch,
      steward: steward && this.#name(steward),
      serial,
      expiresMs,
      signer: this.#name(signer),
      payload,
      id,
    }
  }

  /** The same bytes, in a buffer with those of other records: one of their own takes three times as much. */
  #bytes(bytes: Uint8Array): Uint8Array {
    const { byteLength } = bytes
    if (byteLength > slabBytes / 8) return bytes
    if (this.#used + byteLength > this.#slab.byteLength) {
      this.#slab = new Uint8Array(slabBytes)
      this.#used = 0
    }
    const copy = this.#slab.subarray(this.#used, this.#used + byteLength)
    copy.set(bytes)
    this.#used += byteLength
    return copy
  }

  #name<Name extends string>(name: Name): Name {
    const known = this.#names.get(name)
    if (known !== undefined) return known as Name
    this.#names.set(name, name)
    return name
  }
}

/** The text that is known, where it is the same. */
function same<Text extends string>(text: Text, known: Text | undefined): Text {
  return known === text ? known : text
}
