/** The identity of a node: its key, the owner of its vehicle, and the fleet that it belongs to. */
import type { OwnerId } from '../../protocol/ids.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { readCertificate } from '../membership/certificates.ts'
import { FleetMember } from '../membership/fleet-member.ts'
import { sha256 } from '../sha256.ts'
import { loadOrCreateKey, type SigningKey } from '../store/keys.ts'
import type { Store } from '../store.ts'
import type { NodeOptions } from './options.ts'

export interface Identity {
  readonly key: SigningKey
  /** Signs the jobs that are submitted here, and pays for them. */
  readonly submitter: SigningKey
  readonly owner: OwnerId
  /** The owner's signature under the key; null: the node is its own owner. */
  readonly certificate: SignedRecord | null
  /** Null: an open mesh. */
  readonly fleet: FleetMember | null
  readonly name: string
}

/** Reads the node's keys, or makes them. Throws Error, one sentence that names the file. */
export function openIdentity(options: NodeOptions, store: Store): Identity {
  const key = loadOrCreateKey(store.directory.keyPath('node'), 'node')
  const submitter = loadOrCreateKey(store.directory.keyPath('submitter'), 'submitter')
  const opened = options.ownerCertificate === null ? null : certificateFor(key, options.ownerCertificate)
  const certificate = opened?.record ?? null
  const owner = ownerIdOf(sha256, opened?.content.signer ?? key.peerId)
  const name = options.name || key.peerId.slice(-8)
  const fleet = fleetMemberOf(options, store, { key, certificate, owner, name })
  return { key, submitter, owner, certificate, fleet, name }
}

/** Throws Error, one sentence that names the file. */
function certificateFor(key: SigningKey, path: string): ReturnType<typeof readCertificate> {
  const certificate = readCertificate(path)
  const { peer } = certificate.content.payload
  if (peer !== key.peerId)
    throw new Error(`${path} is the certificate of ${peer}, and this node is ${key.peerId}`)
  return certificate
}

/** Throws Error, one sentence that names the file. */
function fleetMemberOf(
  { fleet, fleetKey, cells, log }: NodeOptions,
  store: Store,
  { key, certificate, owner, name }: Pick<Identity, 'key' | 'certificate' | 'owner' | 'name'>,
): FleetMember | null {
  if (fleet !== null)
    return new FleetMember({
      charterPath: fleet,
      keyPath: fleetKey,
      credentialPath: store.directory.credentialPath,
      key,
      certificate,
      owner,
      vehicle: name,
      journal: store.journal,
      log,
      countsVehicles: cells !== undefined,
    })
  if (fleetKey !== null)
    throw new Error(`--fleet-key ${fleetKey} needs the fleet's charter, too: --fleet <file>`)
  return null
}
