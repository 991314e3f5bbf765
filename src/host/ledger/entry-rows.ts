/** Entries of the ledger as rows of the database, in which names that repeat are numbers. */
import type { JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { AccountId } from '../../protocol/ledger/account.ts'
import type { Entry, EntryKind } from '../../protocol/ledger/entry.ts'

const paymentPrefix = 'payment/'

/** `<receipt>/<place>`, or `payment/<name>`; as ledger.ts writes them. */
export function partsOf(subject: string): { readonly about: string; readonly place: number | null } {
  if (subject.startsWith(paymentPrefix)) return { about: subject.slice(paymentPrefix.length), place: null }
  const slash = subject.lastIndexOf('/')
  return { about: subject.slice(0, slash), place: Number(subject.slice(slash + 1)) }
}

/** The same with names as they lie on the disk, as numbers: for reading the whole ledger. */
export const selectNumbered = `SELECT serial, at_ms, kind, about, place, generation, currency, debit, credit, micros, share,
  share_micros, job, position, vehicle, owner, units, memo, hash FROM ledger_entries`

/** The columns of `selectNumbered`. */
export type NumberedRow = readonly [
  ...[serial: number, atMs: number, kind: EntryKind, about: string, place: number | null, generation: number],
  ...[currency: number, debit: number, credit: number, micros: number],
  ...[share: number | null, shareMicros: number | null],
  ...[job: number | null, position: number | null, vehicle: number | null, owner: number | null],
  ...[units: number | null, memo: string, hash: Uint8Array],
]

/** The same entry as entryOf makes of the row with names: the whole ledger is read by this. */
export function numberedEntry(row: NumberedRow, nameOf: (number: number) => string): Entry {
  const [serial, atMs, kind, about, place, generation, currency, debit, credit, micros, ...rest] = row
  const [share, shareMicros, job, position, vehicle, owner, units, memo, hash] = rest
  const credits = [{ account: nameOf(credit), micros }]
  if (share !== null) credits.push({ account: nameOf(share), micros: shareMicros! })
  return {
    ...{ serial, atMs, kind, subject: subjectOf(about, place), generation },
    ...{ currency: nameOf(currency), debit: nameOf(debit), credits, memo, hash },
    claim:
      job === null
        ? null
        : {
            job: nameOf(job) as JobId,
            receipt: about as RecordId,
            place: place!,
            position: position!,
            vehicle: nameOf(vehicle!) as PeerId,
            owner: nameOf(owner!) as OwnerId,
            units: units!,
          },
  }
}

function subjectOf(about: string, place: number | null): string {
  return place === null ? `${paymentPrefix}${about}` : `${about}/${place}`
}

const name = (column: string) => `(SELECT name FROM ledger_names WHERE number = ${column}) AS ${column}`

export const selectEntries = `SELECT serial, at_ms, kind, about, place, generation, ${name('currency')}, ${name('debit')},
  ${name('credit')}, micros, ${name('share')}, share_micros, ${name('job')}, position, ${name('vehicle')},
  ${name('owner')}, units, memo, hash FROM ledger_entries`

export interface EntryRow {
  readonly serial: number
  readonly at_ms: number
  readonly kind: EntryKind
  readonly about: string
  readonly place: number | null
  readonly generation: number
  readonly currency: string
  readonly debit: AccountId
  readonly credit: AccountId
  readonly micros: number
  readonly share: AccountId | null
  readonly share_micros: number | null
  readonly job: JobId | null
  readonly position: number | null
  readonly vehicle: PeerId | null
  readonly owner: OwnerId | null
  readonly units: number | null
  readonly memo: string
  readonly hash: Uint8Array
}

export function entryOf(row: EntryRow): Entry {
  const { serial, at_ms: atMs, kind, about, place, generation, currency, debit, credit, micros, memo } = row
  const credits = [{ account: credit, micros }]
  if (row.share !== null) credits.push({ account: row.share, micros: row.share_micros! })
  return {
    serial,
    atMs,
    kind,
    subject: subjectOf(about, place),
    generation,
    currency,
    debit,
    credits,
    claim:
      row.job === null
        ? null
        : {
            job: row.job,
            receipt: about as RecordId,
            place: place!,
            position: row.position!,
            vehicle: row.vehicle!,
            owner: row.owner!,
            units: row.units!,
          },
    memo,
    hash: new Uint8Array(row.hash),
  }
}
