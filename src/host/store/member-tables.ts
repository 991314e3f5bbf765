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
  /** Rejected: it asked, and a person said no; it is put out for a day only. */
  readonly state: 'pending' | 'admitted' | 'revoked' | 'rejected'
  readonly sinceMs: number
  /** The address from which it last asked; '' where none is known. */
  readonly host: string
}

/** … with what the registrar remembers of its asking. */
export interface FleetMember extends FleetMemberRow {
  readonly askedMs: number
  /** The vehicle and the owner that a person was shown, and is asked about; null: none yet. */
  readonly shown: { readonly vehicle: string; readonly owner: OwnerId | null } | null
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

  fleetMembers(): FleetMember[] {
    return this.#database
      .all<StoredMember>('SELECT * FROM fleet_members ORDER BY since_ms, peer')
      .map(memberOf)
  }

  fleetMember(peer: PeerId): FleetMember | undefined {
    const row = this.#database.get<StoredMember>('SELECT * FROM fleet_members WHERE peer = ?', peer)
    return row && memberOf(row)
  }

  putFleetMember({ peer, vehicle, owner, state, sinceMs, host, askedMs, shown }: FleetMember): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO fleet_members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        peer,
        vehicle,
        owner,
        state,
        sinceMs,
        host,
        askedMs,
        shown?.vehicle ?? null,
        shown?.owner ?? null,
      ),
    )
  }

  dropFleetMembers(peers: readonly PeerId[]): void {
    if (peers.length === 0) return
    this.#database.transaction(() => {
      for (const peer of peers) this.#database.run('DELETE FROM fleet_members WHERE peer = ?', peer)
    })
  }
}

interface StoredMember {
  readonly peer: PeerId
  readonly vehicle: string
  readonly owner: OwnerId | null
  readonly state: FleetMemberRow['state']
  readonly since_ms: number
  readonly host: string
  readonly asked_ms: number
  readonly shown_vehicle: string | null
  readonly shown_owner: OwnerId | null
}

function memberOf({ since_ms, asked_ms, shown_vehicle, shown_owner, ...row }: StoredMember): FleetMember {
  const shown = shown_vehicle === null ? null : { vehicle: shown_vehicle, owner: shown_owner }
  return { ...row, sinceMs: since_ms, askedMs: asked_ms, shown }
}
