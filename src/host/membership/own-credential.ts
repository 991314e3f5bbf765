/** This node's own credential: the fleet's word that it may take part, and the file in which it outlives a restart. */
import { statSync } from 'node:fs'
import type { Logger } from 'pino'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { credentialTtlMs } from '../../protocol/limits.ts'
import { type Credential, type Fleet, openCredential } from '../../protocol/membership/fleet.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { reason } from '../network/errors.ts'
import { sha256 } from '../sha256.ts'
import { writeWhole } from '../store/durable.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import { credentialText, readCredential } from './certificates.ts'

export interface OwnCredentialOptions {
  readonly credentialPath: string
  readonly key: SigningKey
  readonly owner: OwnerId
  readonly log: Logger
}

export class OwnCredential {
  readonly #options: OwnCredentialOptions
  readonly #fleet: Fleet
  #record: SignedRecord | null = null
  #untilMs: number | null = null
  /** As the log has it. */
  #isIn = false

  /** A file that is damaged, over, or of another fleet is as good as none. */
  constructor(options: OwnCredentialOptions, fleet: Fleet) {
    this.#options = options
    this.#fleet = fleet
    const { credentialPath, log } = options
    if (statSync(credentialPath, { throwIfNoEntry: false }) === undefined) return
    try {
      const { record } = readCredential(credentialPath)
      this.#untilMs = this.#vouch(record)
      this.#record = record
      this.#isIn = true
    } catch (error) {
      log.warn({ error }, `this node asks the fleet anew: ${reason(error)}`)
    }
  }

  /** For this node's adverts. */
  get record(): SignedRecord | null {
    return this.#record
  }

  /** Null: it has none. */
  get untilMs(): number | null {
    return this.#untilMs
  }

  /** True while the fleet's newest charter, this node's own key and owner, and the time all agree with it. */
  get isGood(): boolean {
    if (this.#record === null) return false
    try {
      this.#vouch(this.#record)
      return true
    } catch {
      return false
    }
  }

  /** Keeps one that lasts longer; false when it does not. Throws ProtocolError when it is not good. */
  take(record: SignedRecord): boolean {
    const untilMs = this.#vouch(record)
    if (this.isGood && untilMs <= this.#untilMs!) return false
    this.#untilMs = untilMs
    this.#record = record
    const what = this.#isIn ? 'has given this node another day' : 'has let this node in'
    this.#options.log.info({ untilMs }, `the fleet ${this.#fleet.charter.payload.name} ${what}`)
    this.#isIn = true
    writeWhole(this.#options.credentialPath, Buffer.from(credentialText(record)), { mode: 0o600 })
    return true
  }

  /** Says once that the fleet does not let this node in any more. Call it now and then. */
  noteLoss(): void {
    if (!this.#isIn || this.isGood) return
    this.#isIn = false
    const { name } = this.#fleet.charter.payload
    this.#options.log.warn(
      `this node is not in the fleet ${name} any more: its credential is over, or was revoked`,
    )
  }

  #vouch(record: SignedRecord): number {
    const { key, owner } = this.#options
    return this.#fleet.vouch(record, key.peerId, owner, systemClock.now()).expiresMs
  }
}

/** Half of a credential's life is left: it need not be renewed. */
export function isFresh(untilMs: number): boolean {
  return systemClock.now() + credentialTtlMs / 2 < untilMs
}

/** Tells whether a credential that this key signed says of a vehicle what it says of itself, and need not be renewed. */
export function isStillGood(
  given: SignedRecord,
  { vehicle, owner }: Pick<Credential, 'vehicle' | 'owner'>,
  key: PeerId,
): boolean {
  const { payload, signer, expiresMs } = openCredential(given, sha256, verifyByPeerId)
  return payload.vehicle === vehicle && payload.owner === owner && signer === key && isFresh(expiresMs)
}
