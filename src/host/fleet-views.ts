/** Questions about a fleet, and their answers: the plain data of `api.ts`. */
import type { OwnerId, PeerId } from '../protocol/ids.ts'
import type { Charter } from '../protocol/membership/fleet.ts'
import type { FleetDecision, FleetLogEntry, FleetMemberRow } from './store/member-tables.ts'

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

/**
 * The questions about its fleet that a node answers. All up to `fleetLog` need a registrar, and throw RequestError on other nodes. `by`: the
 * user who decides, for the log.
 */
export interface FleetApi {
  /** Lists the vehicles that asked to join. */
  fleetMembers(): FleetMemberRow[]
  /** Lets it in as the vehicle and the owner that it was last listed as. Throws RequestError when it asks as another. */
  fleetApprove(peer: PeerId, by?: string): FleetDecision
  /** The same for those who wait and are meant; who asks as another by now is listed anew, and goes on waiting. */
  fleetApproveWaiting(meant: Waiting, by?: string): FleetDecision[]
  /** Says no to one that waits. */
  fleetReject(peer: PeerId, by?: string): FleetDecision
  fleetRejectWaiting(meant: Waiting, by?: string): FleetDecision[]
  /** Before it asks; with an owner, only as a vehicle of this one. */
  fleetAdmit(peer: PeerId, owner: OwnerId | null, vehicle: string, by?: string): FleetDecision
  fleetRevoke(id: PeerId | OwnerId, by?: string): FleetDecision[]
  /** Has every member end its ban of this owner, for jobs that have begun by now. */
  fleetClear(owner: OwnerId, by?: string): { readonly owner: OwnerId; readonly atMs: number }
  /** Changes the name, or the operator's share from the next lease on; null: it stays. */
  fleetSet(name: string | null, operatorPpm: number | null, by?: string): FleetTerms
  fleetAddRegistrar(address: string, by?: string): FleetTerms
  /** Takes out an address, or all addresses of a peer. */
  fleetRemoveRegistrar(address: string, by?: string): FleetTerms
  /** Makes the fleet's next key; or ends the one before it. The answer is which are in force. */
  fleetRotate(finish: boolean, by?: string): { readonly keys: readonly PeerId[] }
  /** The last decisions of this registrar, oldest first. */
  fleetLog(last: number): FleetLogEntry[]
  /** The terms of the fleet of which this node is a member. Throws RequestError without a fleet; so does the next one. */
  fleetTerms(): FleetTerms
  /** The charter as a file for newcomers, with the changes since the fleet was made. */
  fleetCharter(): string
}
