/**
 * The registrar: a node that holds its fleet's key, and with it the list of the vehicles that asked, that are in, and
 * that are out.
 *
 * It signs a credential for a day to every admitted vehicle, as often as that day is half over, and charters with the
 * revocations that still matter. Everything else in a fleet works without it: a registrar that is down for an hour
 * delays newcomers, and nobody else.
 */
import { renameSync, rmSync } from 'node:fs'
import type { Logger } from 'pino'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs, pendingMembersMax, revocationsMax } from '../../protocol/limits.ts'
import type { Charter, Fleet } from '../../protocol/membership/fleet.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { RequestError } from '../errors.ts'
import type { Journal } from '../store/journal.ts'
import { loadKey, loadOrCreateKey, type SigningKey } from '../store/keys.ts'
import type { FleetMemberRow } from '../store/member-tables.ts'
import { signCharter, signCredential } from './certificates.ts'

export interface RegistrarOptions {
  readonly keyPath: string
  readonly fleet: Fleet
  readonly journal: Journal
  readonly log: Logger
  /** A charter was signed: it is to be kept, and told to everybody. */
  readonly onCharter: (charter: SignedRecord) => void
}

/** The facts that a node states of itself when it asks to be admitted. */
export interface Applicant {
  readonly peer: PeerId
  readonly vehicle: string
  readonly owner: OwnerId
}

export type Decision =
  | { readonly state: 'admitted'; readonly credential: SignedRecord }
  | { readonly state: 'pending' | 'revoked' | 'full' }

export class Registrar {
  readonly #options: RegistrarOptions
  #key: SigningKey

  /** Throws Error, one sentence, when the key is none of this fleet's. */
  constructor(options: RegistrarOptions) {
    this.#options = options
    this.#key = loadKey(options.keyPath)
    const { keys, name } = options.fleet.charter.payload
    if (!keys.includes(this.#key.peerId))
      throw new Error(`${options.keyPath} is no key of the fleet ${name}, whose key is ${keys.join(' or ')}`)
  }

  /**
   * Decides about a node that asks to join, or for another day. A node that was not heard of before waits for a
   * person's word.
   */
  consider(applicant: Applicant): Decision {
    const { journal, log } = this.#options
    const known = journal.members.fleetMember(applicant.peer)
    if (known === undefined || (known.state === 'pending' && differs(known, applicant))) {
      if (known === undefined && journal.members.countFleetMembers('pending') >= pendingMembersMax)
        return { state: 'full' }
      this.#put({ ...applicant, state: 'pending' })
      const { peer, vehicle, owner } = applicant
      log.info({ peer, vehicle, owner }, `${vehicle} asks to join: carpool fleet approve ${peer}`)
      return { state: 'pending' }
    }
    if (known.state === 'admitted' && known.owner === null) this.#put({ ...applicant, state: 'admitted' })
    // Somebody else's car now, or a stolen key: either is for a person to decide.
    else if (known.state === 'admitted' && differs(known, applicant)) {
      this.#put({ ...applicant, state: 'pending' })
      return { state: 'pending' }
    }
    if (known.state !== 'admitted') return { state: known.state }
    return { state: 'admitted', credential: signCredential(this.#key, applicant) }
  }

  stateOf(peer: PeerId): FleetMemberRow['state'] | undefined {
    return this.#options.journal.members.fleetMember(peer)?.state
  }

  list(): FleetMemberRow[] {
    return this.#options.journal.members.fleetMembers()
  }

  /** Lets somebody in who asked. Throws RequestError. */
  approve(peer: PeerId): FleetMemberRow {
    const known = this.#known(peer)
    if (known.state === 'revoked') this.#sign({ revoked: this.#revoked().filter(({ id }) => id !== peer) })
    return this.#put({ ...known, state: 'admitted' })
  }

  /** Lets somebody in before it asks; whose car it is, it then says itself, unless it is said here. */
  admit(peer: PeerId, owner: OwnerId | null, vehicle: string): FleetMemberRow {
    return this.#put({ peer, owner, vehicle, state: 'admitted' })
  }

  /** A peer, or an owner with all vehicles: nobody deals with them from now on. Throws RequestError. */
  revoke(id: PeerId | OwnerId): FleetMemberRow[] {
    const rows = this.list().filter(({ peer, owner }) => peer === id || owner === id)
    if (rows.length === 0) throw new RequestError(`${id} is neither a peer nor an owner of this fleet`)
    const revoked = this.#revoked().filter((revocation) => revocation.id !== id)
    if (revoked.length >= revocationsMax) {
      const until = new Date(Math.min(...revoked.map(({ untilMs }) => untilMs))).toISOString()
      throw new RequestError(
        `${revocationsMax} revocations are in force, and a charter cannot name more; there is room again at ${until}`,
      )
    }
    for (const row of rows) this.#put({ ...row, state: 'revoked' })
    this.#sign({ revoked: [...revoked, { id, untilMs: Date.now() + credentialTtlMs }] })
    return rows.map((row) => ({ ...row, state: 'revoked' }))
  }

  /**
   * Makes a second key, which signs everything from now on, while both are in force. Throws RequestError while an
   * earlier change is not finished.
   */
  rotate(): { readonly keys: readonly PeerId[] } {
    const { keyPath } = this.#options
    if (this.#charter.keys.length > 1)
      throw new RequestError(
        'the fleet is changing its key already; finish that with: carpool fleet rotate --finish',
      )
    const next = loadOrCreateKey(`${keyPath}.next`, 'fleet')
    const keys = [this.#key.peerId, next.peerId]
    this.#sign({ keys })
    renameSync(keyPath, `${keyPath}.old`)
    renameSync(`${keyPath}.next`, keyPath)
    this.#key = next
    return { keys }
  }

  /** Ends the old key, once no credential of it lives. Throws RequestError before. */
  finishRotation(nowMs = Date.now()): { readonly keys: readonly PeerId[] } {
    const { keyPath, journal } = this.#options
    if (this.#charter.keys.length === 1)
      throw new RequestError('the fleet has only one key, so no old key can be ended')
    const sinceMs = Number(journal.getSetting(rotatedSetting) ?? 0)
    const overMs = sinceMs + credentialTtlMs
    if (nowMs < overMs)
      throw new RequestError(
        `credentials of the old key live until ${new Date(overMs).toISOString()}; end it after that`,
      )
    const keys = [this.#key.peerId]
    this.#sign({ keys })
    rmSync(`${keyPath}.old`, { force: true })
    return { keys }
  }

  get #charter(): Charter {
    return this.#options.fleet.charter.payload
  }

  #revoked(): Charter['revoked'] {
    return this.#charter.revoked.filter(({ untilMs }) => untilMs > Date.now())
  }

  #sign(change: Partial<Charter>): void {
    const { fleet, journal, onCharter } = this.#options
    const serial = Math.max(Date.now(), fleet.charter.serial + 1)
    if (change.keys !== undefined) journal.putSetting(rotatedSetting, String(serial))
    onCharter(signCharter(this.#key, { ...this.#charter, revoked: this.#revoked(), ...change }, serial))
  }

  #known(peer: PeerId): FleetMemberRow {
    const known = this.#options.journal.members.fleetMember(peer)
    if (known !== undefined) return known
    throw new RequestError(`${peer} never asked to join; let it in beforehand: carpool fleet admit ${peer}`)
  }

  #put(row: Omit<FleetMemberRow, 'sinceMs'>): FleetMemberRow {
    const whole = { ...row, sinceMs: Date.now() }
    this.#options.journal.members.putFleetMember(whole)
    return whole
  }
}

const rotatedSetting = 'fleet-key-changed-ms'

function differs(known: FleetMemberRow, { owner, vehicle }: Applicant): boolean {
  return known.owner !== owner || known.vehicle !== vehicle
}
