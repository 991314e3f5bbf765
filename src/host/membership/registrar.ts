/**
 * The registrar: a node that holds its fleet's key, and with it the list of the vehicles that asked, are in, and are out.
 *
 * It signs a credential for a day to every admitted vehicle, as often as that day is half over, and the same one until then: its
 * signature says in which cell a vehicle is. Everything else works without it: a registrar that is down delays newcomers alone.
 *
 * A fleet may have several. Each has a list of its own, and learns from what is signed what another one decided: whoever shows a credential
 * for a whole day was let in, and whoever the charter names was put out. So one renews credentials while another is away. Charters that two
 * have signed apart are put together when they hear each other (CharterSigner.rejoin).
 */
import type { Logger } from 'pino'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs, pendingTtlMs } from '../../protocol/limits.ts'
import type { Credential } from '../../protocol/membership/fleet.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Waiting } from '../fleet-views.ts'
import type { Journal } from '../store/journal.ts'
import type { FleetDecision, FleetMember, FleetMemberRow } from '../store/member-tables.ts'
import { CharterSigner, type CharterSignerOptions } from './charter-signer.ts'
import { FleetLog } from './fleet-log.ts'
import { type Applicant, type Decision, described, differs, isMeant, isShown, unRevokes } from './members.ts'
import { isStillGood } from './own-credential.ts'
import { WaitingList } from './waiting-list.ts'

export interface RegistrarOptions extends Omit<CharterSignerOptions, 'decided'> {
  /** This node, which is of the fleet as well. */
  readonly self: Pick<Applicant, 'peer' | 'owner'>
  readonly journal: Journal
  readonly log: Logger
}

export type { Applicant, Decision } from './members.ts'

/** A place in the list is kept this much longer or shorter, so that asking again costs no write. */
const askedWithinMs = pendingTtlMs / 24

export class Registrar {
  readonly #options: RegistrarOptions
  /** Those who wait, and those who were rejected. */
  readonly #waiting = new WaitingList<PeerId>()
  /** Those whom a person has seen in the list; null: nobody has looked at it since this node began. */
  #listed: Set<PeerId> | null = null
  readonly charters: CharterSigner
  readonly decisions: FleetLog

  /** Throws Error, one sentence, when the key is none of this fleet's. */
  constructor(options: RegistrarOptions) {
    this.#options = options
    this.decisions = new FleetLog(options.journal)
    const decided: FleetLog['note'] = (...of) => this.decisions.note(...of)
    this.charters = new CharterSigner({ ...options, decided })
    const waiting = this.#rows().filter(({ state }) => state === 'pending' || state === 'rejected')
    for (const { peer, host, askedMs } of waiting.sort((a, b) => a.askedMs - b.askedMs))
      this.#drop(this.#waiting.ask(peer, host, askedMs))
    this.#drop(this.#waiting.lapse(systemClock.now()))
  }

  /**
   * Decides about a node that asks to join, or for another day. A node that was not heard of before waits for a
   * person's word. `host`: the address from which it asks.
   */
  consider(applicant: Applicant, host = '', nowMs = systemClock.now()): Decision {
    const known = this.#options.journal.members.fleetMember(applicant.peer)
    switch (known?.state) {
      case undefined:
      case 'pending':
        this.#wait(known, applicant, host, nowMs)
        return { state: 'pending' }
      case 'rejected':
        this.#drop(this.#waiting.lapse(nowMs))
        return { state: 'rejected' }
      case 'revoked':
        return { state: 'revoked' }
      case 'admitted':
        // Somebody else's car now, or a stolen key: either is for a person to decide.
        if (known!.owner !== null && differs(known!, applicant)) {
          this.#wait(known, applicant, host, nowMs)
          return { state: 'pending' }
        }
        if (known!.owner === null) this.#put({ ...known!, ...applicant })
        return { state: 'admitted', credential: this.#credentialFor(applicant) }
    }
  }

  #credentialFor(applicant: Applicant): SignedRecord {
    const { members } = this.#options.journal
    const given = members.credentialOf(applicant.peer)
    if (given !== undefined && isStillGood(given, applicant, this.charters.signer)) return given
    const credential = this.charters.credential(applicant)
    members.putCredential(applicant.peer, credential, systemClock.now() + credentialTtlMs)
    return credential
  }

  /** False once the fleet's key was changed elsewhere: what this registrar signs is good for nobody. */
  get canSign(): boolean {
    return this.charters.standing !== 'over'
  }

  /** A member shows a credential that is good: where another registrar signed it, it is in by that one's word. */
  learn({ payload, serial, expiresMs }: Verified<Credential>): void {
    const { peer } = payload
    const known = this.#options.journal.members.fleetMember(peer)
    const isWhole = expiresMs - serial >= credentialTtlMs
    if (!isWhole || known?.state === 'admitted' || serial <= (known?.sinceMs ?? 0)) return
    this.#waiting.remove(peer)
    const asked = { host: known?.host ?? '', askedMs: known?.askedMs ?? serial }
    this.#put({ ...payload, ...asked, state: 'admitted', shown: payload }, serial)
    this.decisions.note('let-in-elsewhere', '', payload)
    this.#options.log.info({ ...payload }, `${payload.vehicle} is in by the word of another registrar`)
  }

  /** Call at the start, and when another registrar's charter came. */
  follow(): void {
    const { log, self } = this.#options
    if (this.charters.isSigning) return
    this.charters.rejoin(log)
    for (const row of this.#rows()) {
      if (row.state === 'revoked' || row.peer === self.peer) continue
      if (!this.charters.revokes(row.peer, row.owner)) continue
      this.#waiting.remove(row.peer)
      this.#put({ ...row, state: 'revoked' })
      this.decisions.note('revoked-elsewhere', '', row)
      log.info({ peer: row.peer, owner: row.owner }, `${row.vehicle} is put out by the fleet's charter`)
    }
    this.charters.sayStanding(log)
  }

  #wait(known: FleetMember | undefined, applicant: Applicant, host: string, nowMs: number): void {
    const { peer, vehicle, owner } = applicant
    const { log } = this.#options
    this.#drop(this.#waiting.ask(peer, host, nowMs))
    if (known === undefined) {
      log.info({ peer, vehicle, owner, host }, `${vehicle} asks to join: carpool fleet approve ${peer}`)
      // What the log shows is what a person will approve, or look at the list for.
      const shown = { vehicle, owner }
      this.#put({ ...applicant, state: 'pending', host, askedMs: nowMs, shown }, nowMs)
    } else if (known.state !== 'pending' || differs(known, applicant)) {
      log.info({ peer, vehicle, owner, host }, `${vehicle} asks to join as another: carpool fleet list`)
      const shown = known.shown ?? { vehicle: known.vehicle, owner: known.owner }
      this.#put({ ...applicant, state: 'pending', host, askedMs: nowMs, shown }, nowMs)
    } else if (nowMs - known.askedMs > askedWithinMs || known.host !== host) {
      this.#put({ ...known, host, askedMs: nowMs }, known.sinceMs)
    }
  }

  stateOf(peer: PeerId): FleetMemberRow['state'] | undefined {
    return this.#options.journal.members.fleetMember(peer)?.state
  }

  /** Lists everybody, for a person: who was listed can be approved as the vehicle and the owner that are listed. */
  list(): FleetMemberRow[] {
    this.#drop(this.#waiting.lapse(systemClock.now()))
    const rows = this.#rows()
    this.#listed = new Set()
    for (const row of rows) if (row.state === 'pending') this.#show(row)
    return rows.map((row) => this.#rowOf(row))
  }

  /**
   * Lets somebody in who asked, as the vehicle and the owner that a person was shown. Throws RequestError, with the
   * change, when it asks as another since.
   */
  approve(peer: PeerId, by = ''): FleetDecision {
    const known = this.#known(peer)
    if (known.state === 'pending' && !isShown(known)) {
      const before = known.shown === null ? 'nobody yet' : described(known.shown)
      this.#show(known)
      throw new RequestError(
        `${peer} was shown as ${before}, and asks as ${described(known)} now; if that is right, approve it again`,
      )
    }
    this.charters.letBack(peer, known.owner)
    this.#waiting.remove(peer)
    const { vehicle, owner, state: before } = known
    this.#decided('approved', by, known)
    return { ...this.#put({ ...known, state: 'admitted', shown: { vehicle, owner } }), before }
  }

  /** Lets in who waits, is meant and was listed, or where nobody has looked at the list; whoever came or changed since is shown. */
  approveWaiting(meant: Waiting, by = ''): FleetDecision[] {
    const meantIn = this.#waitingRows(meant).filter((row) => !this.charters.revokes(row.peer, row.owner))
    return meantIn.map((row) => {
      if (this.#listed?.has(row.peer) !== false && isShown(row)) return this.approve(row.peer, by)
      this.#show(row)
      return { ...this.#rowOf(row), before: row.state }
    })
  }

  /** Says no to somebody who asked. Whoever asks again within a day is not listed. Throws RequestError. */
  reject(peer: PeerId, by = ''): FleetDecision {
    return this.#reject(this.#known(peer), by)
  }

  rejectWaiting(meant: Waiting, by = ''): FleetDecision[] {
    return this.#waitingRows(meant).map((row) => this.#reject(row, by))
  }

  #reject(row: FleetMember, by: string): FleetDecision {
    if (row.state === 'admitted' || row.state === 'revoked')
      throw new RequestError(
        `${row.peer} does not wait, it is ${row.state}${row.state === 'admitted' ? '; put it out with: carpool fleet revoke' : ''}`,
      )
    const nowMs = systemClock.now()
    this.#drop(this.#waiting.ask(row.peer, row.host, nowMs))
    this.#decided('rejected', by, row)
    return { ...this.#put({ ...row, state: 'rejected', askedMs: nowMs }), before: row.state }
  }

  /**
   * Lets somebody in before it asks; whose car it is, it then says itself, unless it is said here. Of one that is known, the
   * name and the owner stay that are not said anew.
   */
  admit(peer: PeerId, owner: OwnerId | null, vehicle: string, by = ''): FleetDecision {
    const known = this.#options.journal.members.fleetMember(peer)
    const facts = { owner: owner ?? known?.owner ?? null, vehicle: vehicle || (known?.vehicle ?? '') }
    this.#waiting.remove(peer)
    if (peer !== this.#options.self.peer) {
      this.charters.letBack(peer, facts.owner)
      this.#options.log.info({ peer, owner: facts.owner, by }, `${facts.vehicle} is admitted`)
      this.decisions.note('admitted', by, { peer, ...facts }, unRevokes(known))
    }
    const asked = { host: known?.host ?? '', askedMs: systemClock.now(), shown: facts }
    return { ...this.#put({ peer, ...facts, ...asked, state: 'admitted' }), before: known?.state ?? null }
  }

  /**
   * A peer, or an owner with all vehicles: nobody deals with them from now on. Throws RequestError, also for this node and its
   * owner: a registrar that is put out admits nobody any more.
   */
  revoke(id: PeerId | OwnerId, by = ''): FleetDecision[] {
    const { self } = this.#options
    if (id === self.peer || id === self.owner)
      throw new RequestError(
        `${id} is this registrar ${id === self.peer ? 'itself' : 'and its owner'}, which would put itself out of its own fleet; end it instead`,
      )
    const rows = this.#rows().filter(({ peer, owner }) => peer === id || owner === id)
    if (rows.length === 0) throw new RequestError(`${id} is neither a peer nor an owner of this fleet`)
    this.charters.revoke(id)
    return rows.map((row) => {
      this.#waiting.remove(row.peer)
      this.#decided('revoked', by, row)
      return { ...this.#put({ ...row, state: 'revoked' }), before: row.state }
    })
  }

  /** Forgives an owner (CharterSigner.clear): its vehicles that were put out with it wait for a word. Throws RequestError. */
  clear(owner: OwnerId, by = ''): ReturnType<CharterSigner['clear']> {
    const wasOut = this.charters.revoked.some(({ id }) => id === owner)
    const cleared = this.charters.clear(owner, by)
    // One that was put out by itself stays so, also once no charter needs to name it any more.
    for (const row of wasOut ? this.#rows() : [])
      if (row.owner === owner && row.state === 'revoked' && !this.charters.revokes(row.peer, owner))
        this.#wait(row, { ...row, owner }, row.host, systemClock.now())
    return cleared
  }

  #waitingRows(meant: Waiting): FleetMember[] {
    return this.#rows().filter((row) => row.state === 'pending' && isMeant(row, meant))
  }

  #decided(action: 'approved' | 'rejected' | 'revoked', by: string, row: FleetMember): void {
    const { peer, owner, vehicle } = row
    this.#options.log.info({ peer, owner, by }, `${vehicle} is ${action}`)
    this.decisions.note(action, by, row, action === 'approved' ? unRevokes(row) : '')
  }

  #known(peer: PeerId): FleetMember {
    const known = this.#options.journal.members.fleetMember(peer)
    if (known !== undefined) return known
    throw new RequestError(
      `${peer} has not asked to join within a day; let it in beforehand: carpool fleet admit ${peer}`,
    )
  }

  #rows(): FleetMember[] {
    return this.#options.journal.members.fleetMembers()
  }

  #show(row: FleetMember): void {
    this.#listed?.add(row.peer)
    if (!isShown(row)) this.#put({ ...row, shown: { vehicle: row.vehicle, owner: row.owner } }, row.sinceMs)
  }

  #drop(peers: readonly PeerId[]): void {
    this.#options.journal.members.dropFleetMembers(peers)
  }

  #put(row: Omit<FleetMember, 'sinceMs'>, sinceMs = systemClock.now()): FleetMemberRow {
    const whole = { ...row, sinceMs }
    this.#options.journal.members.putFleetMember(whole)
    return this.#rowOf(whole)
  }

  #rowOf({ peer, vehicle, owner, state, sinceMs, host }: FleetMember): FleetMemberRow {
    const credentialUntilMs = this.#options.journal.members.credentialUntilMs(peer) ?? null
    return { peer, vehicle, owner, state, sinceMs, host, credentialUntilMs }
  }
}
