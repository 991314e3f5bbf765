/**
 * Bases: the lists of candidates that a job's stewards draw from, each made of its record and those that it changes.
 *
 * A record says how its list differs from an earlier one of the same signer (../job/draw.ts). A list counts once all records down to
 * a whole list are here, and if it has the number and the root that its own record names; what the records between say of their own
 * roots decides about their own lists alone. So whether it counts follows from the set of records, whatever their order.
 *
 * Lists are made when somebody asks, and the last few are kept: a steward's next list mostly follows from its last one. Kept are
 * records, which have a bound (signer-bounds.ts), and for each list that was asked for whether its root is right.
 */
import { equals } from 'uint8arrays'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { RecordId } from '../ids.ts'
import {
  candidatesRoot,
  changedBy,
  type DrawBasis,
  type DrawChange,
  type DrawRecord,
  isChange,
} from '../job/draw.ts'
import type { Verified } from '../record/record.ts'

/** A list of 4,096 takes 64 KB beside its records; each steward that signs needs one. */
const listsKept = 16

/** A list as its records make it. Null: they contradict each other. */
type Made = DrawBasis | null

export class Bases {
  readonly #sha256: Sha256
  readonly #records = new Map<RecordId, Verified<DrawRecord>>()
  readonly #lists = new BoundedMap<RecordId, Made>(listsKept)
  /** Use: whether the list that a record's whole chain makes has its root: follows from its id alone. */
  readonly #isRight: Map<RecordId, boolean>
  /** Use: the lists that were asked for, by the record that they lack. */
  readonly #lacking: Map<RecordId, Set<RecordId>>

  /** `before`: the lists of the same job before its records were folded anew. */
  constructor(sha256: Sha256, before?: Bases) {
    this.#sha256 = sha256
    this.#isRight = before === undefined ? new Map() : before.#isRight
    this.#lacking = before === undefined ? new Map() : before.#lacking
  }

  /** Returns the lists of which more is known now: this one, and those that were asked for and lacked it. */
  add(record: Verified<DrawRecord>): RecordId[] {
    this.#records.set(record.id, record)
    const waited = this.#lacking.get(record.id) ?? []
    this.#lacking.delete(record.id)
    return [record.id, ...waited]
  }

  /** The list of a record. Undefined: it is not here with all that it rests on, or does not give its root. */
  of(id: RecordId): DrawBasis | undefined {
    const payload = this.#records.get(id)?.payload
    if (payload === undefined || !isChange(payload)) return payload
    const list = this.#make(id)
    if (!list) return undefined
    let isRight = this.#isRight.get(id)
    if (isRight === undefined) {
      isRight =
        list.candidates.length === payload.count && equals(candidatesRoot(this.#sha256, list), payload.root)
      this.#isRight.set(id, isRight)
    }
    return isRight ? list : undefined
  }

  /** Undefined: a record is not here. */
  #make(id: RecordId): Made | undefined {
    const changes: DrawChange[] = []
    const { signer } = this.#records.get(id)!
    let at = id
    let made: Made | undefined
    while (made === undefined) {
      const record = this.#records.get(at)
      if (record === undefined) {
        this.#await(at, id)
        return undefined
      }
      const { payload } = record
      if (record.signer !== signer) made = null
      else if (!isChange(payload)) made = payload
      else {
        made = this.#lists.get(at)
        if (made !== undefined) break
        changes.push(payload)
        at = payload.before
      }
    }
    const list = made === null ? null : (changedBy(made, changes.reverse()) ?? null)
    this.#lists.set(id, list)
    return list
  }

  #await(missing: RecordId, id: RecordId): void {
    const waiting = this.#lacking.get(missing) ?? new Set()
    this.#lacking.set(missing, waiting.add(id))
  }
}
