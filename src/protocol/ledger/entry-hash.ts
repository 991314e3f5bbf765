/**
 * The hash of an entry, and the bytes that it is over: dag-cbor of its body, behind the hash of the entry before. A ledger of a hundred
 * thousand claims is read whole before money leaves by it, and the general encoder takes ten times as long for the same bytes.
 */
import { concat } from 'uint8arrays'
import type { Sha256 } from '../../base/prng.ts'
import { encodeCbor } from '../record/block.ts'
import type { EntryBody } from './entry.ts'

/** Heads of maps, lists, numbers and texts, and the names of fields: more than they ever take. */
const headsBytes = 400

/** Bytes are hashed before the next ones are written: a ledger is read whole, and memory of its own for each entry takes longer than its hash. */
let scratch = new Uint8Array(4096)

/** The entry's own hash, if it has one already, is no part of it. */
export function entryHash(sha256: Sha256, previous: Uint8Array, entry: EntryBody): Uint8Array {
  return sha256(written(previous, entry))
}

export function entryBytes(previous: Uint8Array, entry: EntryBody): Uint8Array {
  return written(previous, entry).slice()
}

/** Good until the next is written. */
function written(previous: Uint8Array, entry: EntryBody): Uint8Array {
  const length = lengthMax(previous, entry)
  if (length > scratch.byteLength) scratch = new Uint8Array(length)
  return new Writer(scratch, previous, entry).bytes() ?? concat([previous, encodeCbor(bodyOf(entry))])
}

function bodyOf(entry: EntryBody): EntryBody {
  const { serial, atMs, kind, subject, generation, currency, debit, credits, claim, memo } = entry
  return { serial, atMs, kind, subject, generation, currency, debit, credits, claim, memo }
}

function lengthMax(previous: Uint8Array, entry: EntryBody): number {
  const { subject, currency, debit, credits, claim, memo, kind } = entry
  let length = previous.byteLength + headsBytes + subject.length + currency.length + debit.length
  length += memo.length + kind.length
  for (const { account } of credits) length += account.length + 64
  if (claim !== null)
    length += claim.job.length + claim.receipt.length + claim.vehicle.length + claim.owner.length
  return length
}

/** Writes the fields in dag-cbor's order: shorter names first. */
class Writer {
  readonly #out: Uint8Array
  readonly #body: EntryBody
  #at: number
  /** A text or number of a kind that no entry of ours has: then the general encoder writes it. */
  #isOdd = false

  constructor(out: Uint8Array, previous: Uint8Array, body: EntryBody) {
    this.#out = out
    this.#out.set(previous)
    this.#at = previous.byteLength
    this.#body = body
  }

  bytes(): Uint8Array | undefined {
    const { serial, atMs, kind, subject, generation, currency, debit, credits, claim, memo } = this.#body
    this.#head(0xa0, 10)
    this.#number('atMs', atMs)
    this.#field('kind', kind)
    this.#field('memo', memo)
    this.#text('claim')
    if (claim === null) this.#out[this.#at++] = 0xf6
    else {
      this.#head(0xa0, 7)
      this.#field('job', claim.job)
      this.#field('owner', claim.owner)
      this.#number('place', claim.place)
      this.#number('units', claim.units)
      this.#field('receipt', claim.receipt)
      this.#field('vehicle', claim.vehicle)
      this.#number('position', claim.position)
    }
    this.#field('debit', debit)
    this.#number('serial', serial)
    this.#text('credits')
    this.#head(0x80, credits.length)
    for (const { account, micros } of credits) {
      this.#head(0xa0, 2)
      this.#number('micros', micros)
      this.#field('account', account)
    }
    this.#field('subject', subject)
    this.#field('currency', currency)
    this.#number('generation', generation)
    return this.#isOdd ? undefined : this.#out.subarray(0, this.#at)
  }

  #field(name: string, text: string): void {
    this.#text(name)
    this.#text(text)
  }

  #number(name: string, value: number): void {
    this.#text(name)
    if (Number.isSafeInteger(value) && value >= 0) this.#head(0x00, value)
    else this.#isOdd = true
  }

  #text(text: string): void {
    this.#head(0x60, text.length)
    let all = 0
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i)
      all |= code
      this.#out[this.#at++] = code
    }
    if (all > 0x7f) this.#isOdd = true
  }

  /** In as few bytes as it takes (RFC 8949, section 3). */
  #head(major: number, argument: number): void {
    const out = this.#out
    if (argument < 24) {
      out[this.#at++] = major | argument
      return
    }
    const size = argument < 2 ** 8 ? 1 : argument < 2 ** 16 ? 2 : argument < 2 ** 32 ? 4 : 8
    out[this.#at++] = major | (size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27)
    for (let place = size - 1, left = argument; place >= 0; place -= 1, left = Math.floor(left / 256))
      out[this.#at + place] = left % 256
    this.#at += size
  }
}
