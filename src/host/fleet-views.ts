/** What is said and asked about a fleet: the plain data of `api.ts`. */
import type { OwnerId } from '../protocol/ids.ts'
import type { Charter } from '../protocol/membership/fleet.ts'

/** The terms of a fleet that its charter states. */
export type FleetTerms = Pick<Charter, 'name' | 'operatorPpm' | 'registrars' | 'keys'> & {
  /** A charter with a higher one replaces it: the time at which it was signed. */
  readonly serial: number
}

/** Those who wait and are meant: everybody, or those with this name and this owner. */
export interface Waiting {
  /** The name that a vehicle gives itself; `*` stands for any letters. Null: any name. */
  readonly vehicle: string | null
  /** Null: any owner. */
  readonly owner: OwnerId | null
}
