/**
 * The tables that keep members out or let them in: owners who lied, credentials that were shown, and a fleet's
 * vehicles.
 */
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Database } from './database.ts'

/** An owner who gets no more work from here, and why. */
export interface Ban {
  readonly owner: OwnerId
  /** The vehicle that was caught. */
  readonly peer: PeerId
  /** Found by recomputing here; or proven to anybody. */
  readonly because: 'recomputed' | 'equivocation'
  /** Evidence (src/protocol/verification/evidence.ts), or the body of the receipt that was found wrong. */
  readonly evidence: Uint8Array
  readonly atMs: number
}

/** Somebody who asked a registrar to join its fleet, or was admitted beforehand. */
export interface FleetMemberRow {
  readonly peer: PeerId
  readonly vehicle: string
  /** Null: admitted beforehand; whose it is, it says when it asks. */
  readonly owner: OwnerId | null
  readonly state: 'pending' | 'admitted' | 'revoked'
  readonly sinceMs: number
}

export class MemberTables {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Owners who lied. */
  bans(): Ban[] {
    return this.#database.all<Ban>(
      'SELECT owner, peer, because, evidence, at_ms AS atMs FROM bans ORDER BY owner',
    )
  }

  /** The first proof stays. */
  putBan({ owner, peer, because, evidence, atMs }: Ban): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR IGNORE INTO bans VALUES (?, ?, ?, ?, ?)',
        owner,
        peer,
        because,
        evidence,
        atMs,
      ),
    )
  }

  credentialOf(peer: PeerId): SignedRecord | undefined {
    return this.#database.get<SignedRecord>('SELECT body, signature FROM credentials WHERE peer = ?', peer)
  }

  putCredential(peer: PeerId, { body, signature }: SignedRecord, expiresMs: number): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO credentials VALUES (?, ?, ?, ?)',
        peer,
        body,
        signature,
        expiresMs,
      ),
    )
  }

  /** Those that ended before this time: no report names their vehicles any more. */
  dropCredentials(beforeMs: number): void {
    this.#database.transaction(() =>
      this.#database.run('DELETE FROM credentials WHERE expires_at_ms < ?', beforeMs),
    )
  }

  fleetMembers(): FleetMemberRow[] {
    return this.#database
      .all<StoredMember>('SELECT * FROM fleet_members ORDER BY since_ms, peer')
      .map(memberOf)
  }

  fleetMember(peer: PeerId): FleetMemberRow | undefined {
    const row = this.#database.get<StoredMember>('SELECT * FROM fleet_members WHERE peer = ?', peer)
    return row && memberOf(row)
  }

  countFleetMembers(state: FleetMemberRow['state']): number {
    return this.#database.get<{ count: number }>(
      'SELECT count(*) AS count FROM fleet_members WHERE state = ?',
      state,
    )!.count
  }

  putFleetMember({ peer, vehicle, owner, state, sinceMs }: FleetMemberRow): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO fleet_members VALUES (?, ?, ?, ?, ?)',
        peer,
        vehicle,
        owner,
        state,
        sinceMs,
      ),
    )
  }
}

interface StoredMember {
  readonly peer: PeerId
  readonly vehicle: string
  readonly owner: OwnerId | null
  readonly state: FleetMemberRow['state']
  readonly since_ms: number
}

function memberOf({ since_ms, ...row }: StoredMember): FleetMemberRow {
  return { ...row, sinceMs: since_ms }
}
