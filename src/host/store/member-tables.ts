/**
 * The tables that keep members out or let them in: owners who lied, credentials that were shown, and a fleet's
 * vehicles.
 */
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Database } from './database.ts'

/** An owner who gets no more work from here, and why. */
export interface Ban {
  readonly owner: OwnerId
  /** The vehicle that was caught. */
  readonly peer: PeerId
  /** Found by recomputing here; or proven to anybody. */
  readonly because: 'recomputed' | 'equivocation'
  /** Names the evidence: the lease about which the vehicle lied, or the receipt that was found wrong. */
  readonly evidenceId: RecordId
  /** The size of the evidence, which stays on the disk; 0 where it gave way to others, and the ban stays without it. */
  readonly bytes: number
  /** When the job began in which it lied. */
  readonly begunMs: number
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
      `SELECT owner, peer, because, length(evidence) AS bytes, evidence_id AS evidenceId, begun_ms AS begunMs, at_ms AS atMs
       FROM bans ORDER BY owner`,
    )
  }

  /** Evidence (src/protocol/verification/evidence.ts), or the body of the receipt that was found wrong. */
  evidenceAgainst(owner: OwnerId): Uint8Array | undefined {
    return this.#database.get<{ evidence: Uint8Array }>('SELECT evidence FROM bans WHERE owner = ?', owner)
      ?.evidence
  }

  /** The first proof stays. */
  putBan({ owner, peer, because, evidenceId, begunMs, atMs }: Ban, evidence: Uint8Array): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR IGNORE INTO bans VALUES (?, ?, ?, ?, ?, ?, ?)',
        owner,
        peer,
        because,
        evidence,
        atMs,
        evidenceId,
        begunMs,
      ),
    )
  }

  /** The ban stays. */
  dropProof(owner: OwnerId): void {
    this.#database.transaction(() =>
      this.#database.run("UPDATE bans SET evidence = x'' WHERE owner = ?", owner),
    )
  }

  dropBan(owner: OwnerId): void {
    this.#database.transaction(() => this.#database.run('DELETE FROM bans WHERE owner = ?', owner))
  }

  /** Owners who were forgiven, and until when jobs had to begin for that. */
  liftedBans(): { readonly owner: OwnerId; readonly atMs: number }[] {
    return this.#database.all('SELECT owner, at_ms AS atMs FROM lifted_bans ORDER BY owner')
  }

  /** Ends the ban of an owner, and remembers that. */
  liftBan(owner: OwnerId, atMs: number): void {
    this.#database.transaction(() => {
      this.#database.run('INSERT OR REPLACE INTO lifted_bans VALUES (?, ?)', owner, atMs)
      this.#database.run('DELETE FROM bans WHERE owner = ?', owner)
    })
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
  dropCredentials(nowMs: number, keptMs: number): void {
    this.#database.transaction(() =>
      this.#database.run('DELETE FROM credentials WHERE expires_at_ms + ? < ?', keptMs, nowMs),
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
