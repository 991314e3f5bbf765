/**
 * The issuer: makes the records of one signer, numbered one after the other, for the driver to sign. All parts that
 * sign for the same signer share it, so that no serial is given twice.
 */
import type { Sha256 } from '../base/prng.ts'
import type { JobId, PeerId } from './ids.ts'
import type { Opening } from './job/lease.ts'
import { encodeBody, recordId } from './record/record.ts'
import { bodyOf, type Checked, checked, type PayloadOf, type RecordKind } from './records.ts'

/** A record that its driver is to sign: its contents, and the bytes to sign. */
export interface Issued<Kind extends RecordKind> {
  readonly issued: Checked<Kind>
  readonly body: Uint8Array
}

export class Issuer {
  readonly #signer: PeerId
  readonly #sha256: Sha256
  #serial: number

  constructor(signer: PeerId, sha256: Sha256, serial = 0) {
    this.#signer = signer
    this.#sha256 = sha256
    this.#serial = serial
  }

  /** The serial of the next record. */
  get serial(): number {
    return this.#serial
  }

  /** A record was found. If it is this signer's, the next serial is above its. */
  learn({ signer, serial }: { readonly signer: PeerId; readonly serial: number }): void {
    if (signer === this.#signer) this.#serial = Math.max(this.#serial, serial + 1)
  }

  issue<Kind extends RecordKind>(
    kind: Kind,
    fields: {
      readonly payload: PayloadOf<Kind>
      readonly job: JobId | null
      readonly epoch: number
      readonly steward: PeerId | null
      readonly expiresMs: number
    },
    opening: Opening | null = null,
  ): Issued<Kind> {
    const record = bodyOf(kind, { ...fields, signer: this.#signer, serial: this.#serial })
    this.#serial += 1
    const body = encodeBody(record)
    return { issued: checked(kind, { ...record, id: recordId(this.#sha256, body) }, opening), body }
  }
}
