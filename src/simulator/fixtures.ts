/** The literals that every virtual world needs: names, adverts, and the manifest of a job. */
import type { Cid, OwnerId, PeerId } from '../protocol/ids.ts'
import { type Cancellation, cancellationOf } from '../protocol/job/cancellation.ts'
import { categoryDefault, type Manifest } from '../protocol/job/manifest.ts'
import type { Advert, Capacity } from '../protocol/membership/advert.ts'
import { cborCid } from '../protocol/record/block.ts'
import type { Verified } from '../protocol/record/record.ts'
import { bodyOf } from '../protocol/records.ts'
import { cheapHash } from './chance.ts'

/** The share that the simulated fleet's operator keeps of what owners earn. */
export const operatorPpm = 50_000

/** Peer ids have at least 40 characters. */
export function peerNamed(name: string): PeerId {
  return name.padEnd(40, '.') as PeerId
}

export function nameOf(peer: PeerId): string {
  return peer.replace(/\.+$/, '')
}

export function ownerNamed(name: string): OwnerId {
  return `owner of ${name}` as OwnerId
}

export function cidOf(name: string): Cid {
  return cborCid(cheapHash, new TextEncoder().encode(name))
}

/** The secret from which a job's draws come. `name` is the one that its manifest was made with. */
export function drawSecretNamed(name: string): Uint8Array {
  return cheapHash(new TextEncoder().encode(`draws/${name}`))
}

/** The secret of a vehicle's nonces. */
export function secretNamed(name: string): Uint8Array {
  return cheapHash(new TextEncoder().encode(`secret/${name}`))
}

type CapacityChoices = Pick<Capacity, 'peer' | 'owner'> & Partial<Pick<Capacity, 'serial' | keyof Advert>>

/** A node that executes nothing, unless the choices say otherwise. */
export function capacityOf(choices: CapacityChoices): Capacity {
  return {
    serial: 0,
    expiresMs: Number.MAX_SAFE_INTEGER,
    name: choices.peer,
    certificate: null,
    credential: null,
    slots: { total: 0, free: 0 },
    mode: 'run',
    reasons: [],
    availableUntilMs: null,
    engines: [],
    addresses: [],
    software: 'carpool',
    ...choices,
  }
}

interface ManifestChoices {
  /** Names the job, and is its submitter's serial. */
  readonly name: string
  readonly serial: number
  readonly submitter: PeerId
  readonly runtime: string
  readonly shards: number
  readonly pagesPerShard: number
  readonly assurance: Manifest['assurance']
  readonly payment: Manifest['payment']
  readonly deadlineMs: number
  readonly stewards: Manifest['stewards']
  readonly owners?: Uint8Array
}

/** A job as its stewards hold it, verified. Nothing in it is sealed, and results are compared by their bytes. */
export function manifestOf(choices: ManifestChoices): Verified<Manifest> {
  const { name, serial, submitter, runtime, shards: count, pagesPerShard, ...rest } = choices
  const payload: Manifest = {
    runtime,
    engine: { name: 'exact', id: 'engine' },
    options: {},
    weights: [],
    shards: { file: cidOf('list'), bytes: 1, count, pages: count * pagesPerShard },
    documents: { file: cidOf('documents'), bytes: 1, count },
    agreement: 'bytes',
    fleet: null,
    seal: { nonce: new Uint8Array(16), commitment: new Uint8Array(32) },
    drawCommitment: cheapHash(drawSecretNamed(name)),
    shortage: 'wait',
    category: categoryDefault,
    blind: null,
    ...rest,
  }
  const expiresMs = Number.MAX_SAFE_INTEGER
  return { ...bodyOf('manifest', { signer: submitter, serial, expiresMs, payload }), id: cidOf(name) }
}

/** The one cancellation of the job, signed by its submitter. */
export function cancellationIn({ id, payload, signer }: Verified<Manifest>): Verified<Cancellation> {
  return { ...cancellationOf(id, payload, signer), id: cidOf(`cancellation of ${id}`) }
}
