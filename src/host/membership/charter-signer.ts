/**
 * The fleet's key: it signs a vehicle's credential, and the charter, which names the keys, the revocations that still matter,
 * and the owners who were forgiven.
 */
import { renameSync, rmSync } from 'node:fs'
import type { Logger } from 'pino'
import { registrarsMax, revocationKeptMs, revocationsKeptMax } from '../../protocol/fleet-limits.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { clearedOwnersMax, credentialTtlMs, evidenceAgeMsMax, revocationsMax } from '../../protocol/limits.ts'
import { heardBy } from '../../protocol/membership/charters-apart.ts'
import type { Charter, Credential, Fleet } from '../../protocol/membership/fleet.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { FleetTerms } from '../fleet-views.ts'
import type { Journal } from '../store/journal.ts'
import { loadKey, loadOrCreateKey, type SigningKey } from '../store/keys.ts'
import { signAccountsAccess, signCharter, signCredential } from './certificates.ts'
import { termsOf } from './charter-file.ts'
import type { FleetLog } from './fleet-log.ts'
import { OwnCharters } from './own-charters.ts'

export interface CharterSignerOptions {
  readonly keyPath: string
  /** The registrar's node. */
  readonly self: { readonly peer: PeerId }
  readonly fleet: Fleet
  readonly journal: Pick<Journal, 'getSetting' | 'putSetting' | 'members'>
  /** Its credentials say how many vehicles their owner has: of use in a mesh of cells, and refused by nodes of version 0.1.0. */
  readonly countsVehicles?: boolean | undefined
  /** A charter was signed: it is to be kept, and told to everybody. */
  readonly onCharter: (charter: SignedRecord) => void
  /** Takes down who changed what. */
  readonly decided: FleetLog['note']
}

const dayMs = 24 * 3_600_000
const rotatedSetting = 'fleet-key-changed-ms'

export class CharterSigner {
  readonly #options: CharterSignerOptions
  readonly #own: OwnCharters
  #key: SigningKey
  #isSigning = false

  /** Throws Error, one sentence, when the key is none of this fleet's. */
  constructor(options: CharterSignerOptions) {
    const { fleet, journal, self } = options
    this.#options = options
    this.#own = new OwnCharters(fleet, journal, self.peer)
    this.#key = loadKey(options.keyPath)
    const { keys, name } = fleet.charter.payload
    if (!keys.includes(this.#key.peerId))
      throw new Error(`${options.keyPath} is no key of the fleet ${name}, whose key is ${keys.join(' or ')}`)
  }

  /** This registrar signs a charter just now: what changes by it is its own word. */
  get isSigning(): boolean {
    return this.#isSigning
  }

  /** The key that signs. */
  get signer(): PeerId {
    return this.#key.peerId
  }

  /** The place of this registrar's key among those in force: of two, the first ends when the change of the key is finished. */
  get standing(): 'in-force' | 'ending' | 'over' {
    const { keys } = this.#charter
    if (!keys.includes(this.#key.peerId)) return 'over'
    return keys.length > 1 && keys[0] === this.#key.peerId ? 'ending' : 'in-force'
  }

  /** Says where the key ends, or has ended. */
  sayStanding(log: Logger): void {
    const remedy = "copy the fleet's new key here, and start it again"
    if (this.standing === 'over')
      log.error(`this registrar's key is not in force any more, so it can admit nobody: ${remedy}`)
    else if (this.standing === 'ending')
      log.warn(
        `the fleet's key is being changed, and this registrar has the old one: ${remedy}, before the old one ends`,
      )
  }

  /**
   * A charter of another registrar is in force, which may not take in what this one has signed: then that is put back by a third one, as far
   * as it can be, and the log says what was lost.
   */
  rejoin(log: Logger): void {
    const apart = this.#own.apart(systemClock.now())
    if (apart === null) return
    const { charter, missing, lost, isSure } = apart
    const inWords = (changes: readonly string[]) => changes.join('; ')
    if (!isSure || this.standing === 'over') {
      this.#own.forget()
      log.warn(
        `another registrar has signed a charter over this one's; where that was not on purpose, say again here what it lacks: ${inWords(missing)}`,
      )
      return
    }
    const { keys: _, ...change } = charter
    this.#sign(change)
    this.#options.decided('put-back', '', {}, inWords(missing))
    log.info(
      `two registrars have decided apart, and this one's word is put back into the charter: ${inWords(missing)}`,
    )
    if (lost.length > 0)
      log.warn(
        `of what this registrar decided apart, this is lost, as the other one said something else: ${inWords(lost)}`,
      )
  }

  /** Changes the fleet's name, or the operator's share from the next lease on. Throws RequestError where nothing would change. */
  set(change: { readonly name: string | null; readonly operatorPpm: number | null }, by = ''): FleetTerms {
    const { name, operatorPpm } = this.#charter
    const next = { name: change.name ?? name, operatorPpm: change.operatorPpm ?? operatorPpm }
    if (next.name === name && next.operatorPpm === operatorPpm)
      throw new RequestError('the fleet has this name and this share already')
    this.#sign(next)
    const share = `the operator keeps ${operatorPpm / 10_000} %`
    const details = [
      ...(next.name === name ? [] : [`the fleet was called ${name}, and is called ${next.name}`]),
      ...(next.operatorPpm === operatorPpm
        ? []
        : [`${share}, and ${next.operatorPpm / 10_000} % from now on`]),
    ]
    this.#options.decided('set', by, {}, details.join('; '))
    return this.terms
  }

  /** Names one more registrar, which has the fleet's key. Throws RequestError: it is named already, or there is no room. */
  addRegistrar(address: string, by = ''): FleetTerms {
    const { registrars } = this.#charter
    if (registrars.includes(address)) throw new RequestError(`${address} is a registrar's address already`)
    if (registrars.length >= registrarsMax)
      throw new RequestError(
        `a charter names at most ${registrarsMax} addresses of registrars; take one out with: carpool fleet registrar remove`,
      )
    this.#sign({ registrars: [...registrars, address] })
    this.#options.decided('registrar-added', by, {}, address)
    return this.terms
  }

  /** Takes out an address, or all of this peer. Throws RequestError where none is named so. */
  removeRegistrar(address: string, by = ''): FleetTerms {
    const { registrars } = this.#charter
    const left = registrars.filter((one) => one !== address && !one.endsWith(`/p2p/${address}`))
    if (left.length === registrars.length)
      throw new RequestError(
        `the charter names no registrar ${address}; carpool fleet registrar list shows them`,
      )
    this.#sign({ registrars: left })
    this.#options.decided('registrar-removed', by, {}, address)
    return this.terms
  }

  get terms(): FleetTerms {
    return termsOf(this.#options.fleet)
  }

  /** A credential for a day. */
  credential(vehicle: Credential): SignedRecord {
    const { countsVehicles, journal } = this.#options
    const counted =
      countsVehicles === true ? { ownerVehicles: journal.members.vehiclesOf(vehicle.owner) } : {}
    return signCredential(this.#key, { ...vehicle, ...counted })
  }

  /** Lets a node read the operator's share. */
  accountsAccess(reader: PeerId): SignedRecord {
    return signAccountsAccess(this.#key, { reader, of: 'operator' })
  }

  /**
   * Puts a peer out, or an owner with all vehicles: as long as a credential may live, and for longer where there is room.
   * Throws RequestError: no room for more.
   */
  revoke(id: PeerId | OwnerId): void {
    const revoked = this.revoked.filter((revocation) => revocation.id !== id)
    if (revoked.length >= revocationsMax) {
      const until = new Date(Math.min(...revoked.map(({ untilMs }) => untilMs))).toISOString()
      throw new RequestError(
        `${revocationsMax} revocations are in force, and a charter cannot name more; there is room again at ${until}`,
      )
    }
    const keptMs = revoked.length < revocationsKeptMax ? revocationKeptMs : credentialTtlMs
    this.#sign({ revoked: [...revoked, { id, untilMs: systemClock.now() + keptMs }] })
  }

  /** A peer is not put out any more. Throws RequestError while its owner is put out, with all vehicles. */
  letBack(peer: PeerId, owner: OwnerId | null): void {
    const revoked = this.revoked
    const whole = revoked.find(({ id }) => id === owner)
    if (whole !== undefined)
      throw new RequestError(
        `its owner ${owner} was put out with all vehicles, until ${new Date(whole.untilMs).toISOString()}: before that no node would deal with it; to let the owner back: carpool fleet clear ${owner}`,
      )
    const others = revoked.filter(({ id }) => id !== peer)
    if (others.length < revoked.length) this.#sign({ revoked: others })
  }

  /** Tells whether the charter puts this peer out, or its owner. */
  revokes(peer: PeerId, owner: OwnerId | null): boolean {
    const { fleet } = this.#options
    return fleet.isRevoked(peer) || (owner !== null && fleet.isRevoked(owner))
  }

  /**
   * Forgives an owner, in the whole fleet, what its vehicles did in jobs that have begun by now; where it was put out, it is not any
   * more. Throws RequestError.
   */
  clear(owner: OwnerId, by = ''): { readonly owner: OwnerId; readonly atMs: number } {
    const atMs = systemClock.now()
    const { cleared = [] } = this.#charter
    const others = cleared.filter((one) => one.owner !== owner && one.atMs > atMs - evidenceAgeMsMax)
    if (others.length >= clearedOwnersMax)
      throw new RequestError(
        `${clearedOwnersMax} owners were cleared within ${evidenceAgeMsMax / dayMs} days, and a charter cannot name more`,
      )
    const revoked = this.revoked.filter(({ id }) => id !== owner)
    const wasOut = revoked.length < this.revoked.length
    this.#sign({ cleared: [...others, { owner, atMs }], ...(wasOut ? { revoked } : {}) })
    this.#options.decided('cleared', by, { owner }, wasOut ? 'it was revoked, and is not any more' : '')
    return { owner, atMs }
  }

  /**
   * Makes a second key, which signs everything from now on, while both are in force. Throws RequestError while an
   * earlier change is not finished.
   */
  rotate(by = ''): { readonly keys: readonly PeerId[] } {
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
    this.#options.decided('key-changed', by, {}, `${keys.join(' and ')} are in force`)
    return { keys }
  }

  /** Ends the old key, once no credential of it lives. Throws RequestError before. */
  finishRotation(nowMs = systemClock.now(), by = ''): { readonly keys: readonly PeerId[] } {
    const { keyPath, journal } = this.#options
    if (this.#charter.keys.length === 1)
      throw new RequestError('the fleet has only one key, so no old key can be ended')
    const overMs = Number(journal.getSetting(rotatedSetting) ?? 0) + credentialTtlMs
    if (nowMs < overMs)
      throw new RequestError(
        `credentials of the old key live until ${new Date(overMs).toISOString()}; end it after that`,
      )
    const keys = [this.#key.peerId]
    this.#sign({ keys })
    rmSync(`${keyPath}.old`, { force: true })
    this.#options.decided('key-ended', by, {}, `${keys.join()} is in force`)
    return { keys }
  }

  get #charter(): Charter {
    return this.#options.fleet.charter.payload
  }

  /** The revocations in force. */
  get revoked(): Charter['revoked'] {
    return this.#charter.revoked.filter(({ untilMs }) => untilMs > systemClock.now())
  }

  #sign(change: Partial<Charter>): void {
    const { fleet, journal, onCharter, self } = this.#options
    const serial = Math.max(systemClock.now(), fleet.charter.serial + 1)
    if (change.keys !== undefined) journal.putSetting(rotatedSetting, String(serial))
    const [before, was] = [[fleet.charters().at(-1)!, fleet.charter.serial] as const, this.#charter]
    const charter = { ...was, revoked: this.revoked, ...change }
    const heard = heardBy(was, charter, self.peer, serial)
    const record = signCharter(this.#key, { ...charter, ...(heard && { heard }) }, serial)
    this.#isSigning = true
    try {
      onCharter(record)
    } finally {
      this.#isSigning = false
    }
    this.#own.signed(before, [record, serial])
  }
}
