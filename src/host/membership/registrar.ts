/**
 * The registrar: a node that holds its fleet's key, and with it the list of the vehicles that asked, that are in, and
 * that are out.
 *
 * It signs a credential for a day to every admitted vehicle, as often as that day is half over. Everything else in a fleet works without it: a registrar that is down for an hour
 * delays newcomers, and nobody else.
 */
import type { Logger } from 'pino'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { pendingTtlMs } from '../../protocol/limits.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Journal } from '../store/journal.ts'
import type { FleetMember, FleetMemberRow } from '../store/member-tables.ts'
import { CharterSigner, type CharterSignerOptions } from './charter-signer.ts'
import { WaitingList } from './waiting-list.ts'

export interface RegistrarOptions extends CharterSignerOptions {
  /** This node, which is of the fleet as well. */
  readonly self: Pick<Applicant, 'peer' | 'owner'>
  readonly journal: Journal
  readonly log: Logger
}

/** The facts that a node states of itself when it asks to be admitted. */
export interface Applicant {
  readonly peer: PeerId
  readonly vehicle: string
  readonly owner: OwnerId
}

export type Decision =
  | { readonly state: 'admitted'; readonly credential: SignedRecord }
  | { readonly state: 'pending' | 'revoked' | 'rejected' }

/** A place in the list is kept this much longer or shorter, so that asking again costs no write. */
const askedWithinMs = pendingTtlMs / 24

export class Registrar {
  readonly #options: RegistrarOptions
  /** Those who wait, and those who were rejected. */
  readonly #waiting = new WaitingList<PeerId>()
  /** Signs for the fleet. */
  readonly charters: CharterSigner

  /** Throws Error, one sentence, when the key is none of this fleet's. */
  constructor(options: RegistrarOptions) {
    this.#options = options
    this.charters = new CharterSigner(options)
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
        return { state: 'admitted', credential: this.charters.credential(applicant) }
    }
  }

  /** It keeps its place in the list, or gets one. */
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
    for (const row of rows) if (row.state === 'pending' && !isShown(row)) this.#show(row)
    return rows.map(rowOf)
  }

  /**
   * Lets somebody in who asked, as the vehicle and the owner that a person was shown. Throws RequestError, with the
   * change, when it asks as another since.
   */
  approve(peer: PeerId): FleetMemberRow {
    const known = this.#known(peer)
    if (known.state === 'pending' && !isShown(known)) {
      const before = known.shown === null ? 'nobody yet' : described(known.shown)
      this.#show(known)
      throw new RequestError(
        `${peer} was shown as ${before}, and asks as ${described(known)} now; if that is right, approve it again`,
      )
    }
    this.charters.letBack(peer)
    this.#waiting.remove(peer)
    const { vehicle, owner } = known
    this.#options.log.info({ peer, owner }, `${vehicle} is approved`)
    return this.#put({ ...known, state: 'admitted', shown: { vehicle: known.vehicle, owner: known.owner } })
  }

  /**
   * Says no to somebody who asked, or with null to everybody who waits. Whoever asks again within a day is not listed.
   * Throws RequestError.
   */
  reject(peer: PeerId | null): FleetMemberRow[] {
    const rows = peer === null ? this.#rows().filter(({ state }) => state === 'pending') : [this.#known(peer)]
    return rows.map((row) => {
      if (row.state === 'admitted' || row.state === 'revoked')
        throw new RequestError(
          `${row.peer} does not wait, it is ${row.state}${row.state === 'admitted' ? '; put it out with: carpool fleet revoke' : ''}`,
        )
      const nowMs = systemClock.now()
      this.#drop(this.#waiting.ask(row.peer, row.host, nowMs))
      return this.#put({ ...row, state: 'rejected', askedMs: nowMs })
    })
  }

  /** Lets somebody in before it asks; whose car it is, it then says itself, unless it is said here. */
  admit(peer: PeerId, owner: OwnerId | null, vehicle: string): FleetMemberRow {
    this.#waiting.remove(peer)
    if (peer !== this.#options.self.peer) {
      this.charters.letBack(peer)
      this.#options.log.info({ peer, owner }, `${vehicle} is admitted`)
    }
    const shown = { vehicle, owner }
    return this.#put({ peer, owner, vehicle, state: 'admitted', host: '', askedMs: systemClock.now(), shown })
  }

  /**
   * A peer, or an owner with all vehicles: nobody deals with them from now on. Throws RequestError, also for this node and its
   * owner: a registrar that is put out admits nobody any more.
   */
  revoke(id: PeerId | OwnerId): FleetMemberRow[] {
    const { self } = this.#options
    if (id === self.peer || id === self.owner)
      throw new RequestError(
        `${id} is this registrar ${id === self.peer ? 'itself' : 'and its owner'}, which would put itself out of its own fleet; end it instead`,
      )
    const rows = this.#rows().filter(({ peer, owner }) => peer === id || owner === id)
    if (rows.length === 0) throw new RequestError(`${id} is neither a peer nor an owner of this fleet`)
    this.charters.revoke(id)
    for (const row of rows) {
      this.#waiting.remove(row.peer)
      this.#put({ ...row, state: 'revoked' })
      this.#options.log.info({ peer: row.peer, owner: row.owner }, `${row.vehicle} is revoked`)
    }
    return rows.map((row) => ({ ...rowOf(row), state: 'revoked' }))
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
    this.#put({ ...row, shown: { vehicle: row.vehicle, owner: row.owner } }, row.sinceMs)
  }

  #drop(peers: readonly PeerId[]): void {
    this.#options.journal.members.dropFleetMembers(peers)
  }

  #put(row: Omit<FleetMember, 'sinceMs'>, sinceMs = systemClock.now()): FleetMemberRow {
    const whole = { ...row, sinceMs }
    this.#options.journal.members.putFleetMember(whole)
    return rowOf(whole)
  }
}

type Facts = Pick<FleetMemberRow, 'owner' | 'vehicle'>

function differs(known: Facts, { owner, vehicle }: Facts): boolean {
  return known.owner !== owner || known.vehicle !== vehicle
}

function isShown(row: FleetMember): boolean {
  return row.shown !== null && !differs(row.shown, row)
}

/** All of the owner: a beginning that looks the same is found by trying. */
function described({ vehicle, owner }: Facts): string {
  return `${vehicle || 'a vehicle without a name'} of ${owner === null ? 'any owner' : `owner ${owner}`}`
}

function rowOf({ peer, vehicle, owner, state, sinceMs, host }: FleetMember): FleetMemberRow {
  return { peer, vehicle, owner, state, sinceMs, host }
}
