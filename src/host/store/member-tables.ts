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
  /** When its last credential ends, as far as is known; null: it has had none. */
  readonly credentialUntilMs: number | null
}

/** A member as a decision made it, and its state before. */
export interface FleetDecision extends FleetMemberRow {
  readonly before: FleetMemberRow['state'] | null
}

/** … with what the registrar remembers of its asking. */
export interface FleetMember extends Omit<FleetMemberRow, 'credentialUntilMs'> {
  readonly askedMs: number
  /** The vehicle and the owner that a person was shown, and is asked about; null: none yet. */
  readonly shown: { readonly vehicle: string; readonly owner: OwnerId | null } | null
}

/** The decisions about a fleet that its registrar remembers. */
export type FleetAction =
  | 'approved'
  | 'admitted'
  | 'rejected'
  | 'revoked'
  | 'cleared'
  | 'set'
  | 'registrar-added'
  | 'registrar-removed'
  | 'key-changed'
  | 'key-ended'
  /** Another registrar let it in, as the credential says that it shows. */
  | 'let-in-elsewhere'
  /** Another registrar put it out, as the charter says. */
  | 'revoked-elsewhere'
  | 'put-back'

/** One decision: the command's user, and what it was about. */
export interface FleetLogEntry {
  readonly atMs: number
  readonly action: FleetAction
  /** The user of the machine who gave the command; '' for what a registrar does by itself. */
  readonly by: string
  readonly peer: PeerId | null
  readonly owner: OwnerId | null
  /** The fleet's name for the vehicle, or ''. */
  readonly vehicle: string
  /** The change in words. */
  readonly detail: string
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

  /** The vehicles of an owner that are admitted. */
  vehiclesOf(owner: OwnerId): number {
    const sql = "SELECT count(*) AS count FROM fleet_members WHERE owner = ? AND state = 'admitted'"
    return this.#database.get<{ count: number }>(sql, owner)!.count
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

  /** Keeps a decision; above `max` the oldest go. */
  noteFleet({ atMs, action, by, peer, owner, vehicle, detail }: FleetLogEntry, max: number): void {
    this.#database.transaction(() => {
      this.#database.run(
        'INSERT INTO fleet_log (at_ms, action, who, peer, owner, vehicle, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
        ...[atMs, action, by, peer, owner, vehicle, detail],
      )
      this.#database.run('DELETE FROM fleet_log WHERE id <= (SELECT max(id) FROM fleet_log) - ?', max)
    })
  }

  /** The last decisions, oldest first. */
  fleetLog(last: number): FleetLogEntry[] {
    return this.#database
      .all<FleetLogEntry>(
        `SELECT at_ms AS atMs, action, who AS by, peer, owner, vehicle, detail
         FROM fleet_log ORDER BY id DESC LIMIT ?`,
        last,
      )
      .reverse()
  }

  /** When the credential ends that this peer was last seen with, or was last given here; undefined: none is known. */
  credentialUntilMs(peer: PeerId): number | undefined {
    return this.#database.get<{ untilMs: number }>(
      'SELECT expires_at_ms AS untilMs FROM credentials WHERE peer = ?',
      peer,
    )?.untilMs
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
