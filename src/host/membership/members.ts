/** The members on a registrar's list: what they say of themselves, what a person was shown of it, and which of them are meant. */
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Waiting } from '../fleet-views.ts'
import type { FleetMember, FleetMemberRow } from '../store/member-tables.ts'

/** The facts that a node states of itself when it asks to be admitted. */
export interface Applicant {
  readonly peer: PeerId
  readonly vehicle: string
  readonly owner: OwnerId
}

export type Decision =
  | { readonly state: 'admitted'; readonly credential: SignedRecord }
  | { readonly state: 'pending' | 'revoked' | 'rejected' }

type Facts = Pick<FleetMemberRow, 'owner' | 'vehicle'>

export function isMeant(row: Facts, { vehicle, owner }: Waiting): boolean {
  return (owner === null || row.owner === owner) && (vehicle === null || fits(row.vehicle, vehicle))
}

/** Each part must follow the one before it: no pattern makes it look twice. */
function fits(name: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first) || !name.slice(first.length).endsWith(last)) return false
  let rest = name.slice(first.length, name.length - last.length)
  for (const part of others) {
    const at = rest.indexOf(part)
    if (at < 0) return false
    rest = rest.slice(at + part.length)
  }
  return true
}

export function differs(known: Facts, { owner, vehicle }: Facts): boolean {
  return known.owner !== owner || known.vehicle !== vehicle
}

export function isShown(row: FleetMember): boolean {
  return row.shown !== null && !differs(row.shown, row)
}

/** All of the owner: a beginning that looks the same is found by trying. */
export function described({ vehicle, owner }: Facts): string {
  return `${vehicle || 'a vehicle without a name'} of ${owner === null ? 'any owner' : `owner ${owner}`}`
}

/** For the log of decisions about one that is let in. */
export function unRevokes(known: FleetMember | undefined): string {
  return known?.state === 'revoked' ? 'it was revoked, and is not any more' : ''
}
