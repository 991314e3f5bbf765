/**
 * The fleet's key: it signs a vehicle's credential, and the charter, which names the keys, the revocations that still matter,
 * and the owners who were forgiven.
 */
import { renameSync, rmSync } from 'node:fs'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { clearedOwnersMax, credentialTtlMs, evidenceAgeMsMax, revocationsMax } from '../../protocol/limits.ts'
import type { Charter, Credential, Fleet } from '../../protocol/membership/fleet.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Journal } from '../store/journal.ts'
import { loadKey, loadOrCreateKey, type SigningKey } from '../store/keys.ts'
import { signAccountsAccess, signCharter, signCredential } from './certificates.ts'

export interface CharterSignerOptions {
  readonly keyPath: string
  readonly fleet: Fleet
  readonly journal: Pick<Journal, 'getSetting' | 'putSetting'>
  /** A charter was signed: it is to be kept, and told to everybody. */
  readonly onCharter: (charter: SignedRecord) => void
}

const dayMs = 24 * 3_600_000
const rotatedSetting = 'fleet-key-changed-ms'

export class CharterSigner {
  readonly #options: CharterSignerOptions
  #key: SigningKey

  /** Throws Error, one sentence, when the key is none of this fleet's. */
  constructor(options: CharterSignerOptions) {
    this.#options = options
    this.#key = loadKey(options.keyPath)
    const { keys, name } = options.fleet.charter.payload
    if (!keys.includes(this.#key.peerId))
      throw new Error(`${options.keyPath} is no key of the fleet ${name}, whose key is ${keys.join(' or ')}`)
  }

  /** A credential for a day. */
  credential(vehicle: Credential): SignedRecord {
    return signCredential(this.#key, vehicle)
  }

  /** Lets a node read the operator's share. */
  accountsAccess(reader: PeerId): SignedRecord {
    return signAccountsAccess(this.#key, { reader, of: 'operator' })
  }

  /** A peer, or an owner with all vehicles, is put out as long as a credential may live. Throws RequestError: no room for more. */
  revoke(id: PeerId | OwnerId): void {
    const revoked = this.#revoked().filter((revocation) => revocation.id !== id)
    if (revoked.length >= revocationsMax) {
      const until = new Date(Math.min(...revoked.map(({ untilMs }) => untilMs))).toISOString()
      throw new RequestError(
        `${revocationsMax} revocations are in force, and a charter cannot name more; there is room again at ${until}`,
      )
    }
    this.#sign({ revoked: [...revoked, { id, untilMs: systemClock.now() + credentialTtlMs }] })
  }

  /** A peer is not put out any more. */
  letBack(peer: PeerId): void {
    const revoked = this.#revoked()
    const others = revoked.filter(({ id }) => id !== peer)
    if (others.length < revoked.length) this.#sign({ revoked: others })
  }

  /** Forgives an owner, in the whole fleet, what its vehicles did in jobs that have begun by now. Throws RequestError. */
  clear(owner: OwnerId): { readonly owner: OwnerId; readonly atMs: number } {
    const atMs = systemClock.now()
    const { cleared = [] } = this.#charter
    const others = cleared.filter((one) => one.owner !== owner && one.atMs > atMs - evidenceAgeMsMax)
    if (others.length >= clearedOwnersMax)
      throw new RequestError(
        `${clearedOwnersMax} owners were cleared within ${evidenceAgeMsMax / dayMs} days, and a charter cannot name more`,
      )
    this.#sign({ cleared: [...others, { owner, atMs }] })
    return { owner, atMs }
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
  finishRotation(nowMs = systemClock.now()): { readonly keys: readonly PeerId[] } {
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
    return { keys }
  }

  get #charter(): Charter {
    return this.#options.fleet.charter.payload
  }

  #revoked(): Charter['revoked'] {
    return this.#charter.revoked.filter(({ untilMs }) => untilMs > systemClock.now())
  }

  #sign(change: Partial<Charter>): void {
    const { fleet, journal, onCharter } = this.#options
    const serial = Math.max(systemClock.now(), fleet.charter.serial + 1)
    if (change.keys !== undefined) journal.putSetting(rotatedSetting, String(serial))
    onCharter(signCharter(this.#key, { ...this.#charter, revoked: this.#revoked(), ...change }, serial))
  }
}
