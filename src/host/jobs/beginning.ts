/** Begins a job's stewardship from what the journal and the disk hold of it. */
import { equals } from 'uint8arrays'
import type { JobId } from '../../protocol/ids.ts'
import { excessOf } from '../../protocol/job/demands.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { RequestError } from '../errors.ts'
import type { PayingDesk } from '../ledger/paying-desk.ts'
import { drawCommitment, drawSecretOf, jobSecret, sealCommitment } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { CouncilDriver } from '../stewardship/council-driver.ts'
import { Holdings, WrongInputs } from '../stewardship/holdings.ts'
import type { CouncilDriverOptions } from '../stewardship/options.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'
import type { KnownJob } from './job-rows.ts'

/** The parts that all stewardships of a node share. */
export interface CouncilDriverParts
  extends Pick<CouncilDriverOptions, 'key' | 'network' | 'store' | 'recomputer' | 'clock' | 'log'> {
  readonly submitter: SigningKey
  /** Where payments are made with the submitter's key. */
  readonly desk?: PayingDesk
}

/** It has not started. Throws RequestError where the job cannot be read here. */
export async function beginStewardship(
  parts: CouncilDriverParts,
  known: KnownJob | undefined,
  job: JobId,
  events: Pick<CouncilDriverOptions, 'fresh' | 'onChange' | 'onEnd' | 'onLeft' | 'onRecords' | 'onLie'>,
): Promise<CouncilDriver> {
  const { submitter, desk, ...common } = parts
  const { store, key, network, log } = common
  const row = store.journal.get(job)
  if (known === undefined || row === undefined) throw new RequestError(`there is no job ${job} here`)
  const manifestRecord = { body: row.body, signature: row.signature }
  const opened = openManifest(manifestRecord, sha256, verifyByPeerId)
  const manifest = opened.payload
  const isOwn = opened.signer === submitter.peerId
  refuseExcess(job, manifest)
  const holdings = new Holdings({ network, isOwn, log }, store.blocks.of(job))
  const shards = await holdings.shardsOf(manifest).catch((error) => {
    if (error instanceof WrongInputs) return null // as if it were not here: a standby finds out once more, and lets it go
    throw error
  })
  const mine = manifest.stewards[0]?.peer === key.peerId // whose submission put it there
  if (shards === null && mine)
    throw new RequestError(`the list of shards of job ${job} is damaged on this node`)
  const secret = secretOf(opened, submitter, known.state.secret)
  const drawSecret = drawSecretFor(manifest, secret, known.state.drawSecret)
  return new CouncilDriver({
    ...common,
    ...{ job, manifest, manifestRecord, isOwn, shards, secret, drawSecret, submitter: opened.signer },
    ...(isOwn && desk !== undefined ? { desk } : {}),
    serial: store.journal.leftAt(job),
    ...events,
  })
}

/** A job may have come to this disk before it was held to these bounds. */
function refuseExcess(job: JobId, manifest: Manifest): void {
  const why = excessOf(manifest)
  if (why !== undefined) throw new RequestError(`job ${job} asks for more than a node gives: ${why}`)
}

/** From which the keys of the job are derived; of a blind job, only its submitter has it. */
function secretOf(
  { payload, signer }: Verified<Manifest>,
  submitter: SigningKey,
  secret: string | undefined,
): Uint8Array | null {
  if (secret !== undefined) return Buffer.from(secret, 'hex')
  const mine = jobSecret(submitter, payload.seal.nonce)
  if (signer === submitter.peerId && equals(sealCommitment(mine), payload.seal.commitment)) return mine
  if (payload.blind !== null) return null
  throw new RequestError('this job was submitted with another key, and nobody gave this node its secret')
}

/** From which the job's draws come: this node was given it with the job, or derives it from the job's secret. */
function drawSecretFor(manifest: Manifest, secret: Uint8Array | null, given: string | undefined): Uint8Array {
  const drawSecret = given === undefined ? secret && drawSecretOf(secret) : Buffer.from(given, 'hex')
  if (drawSecret === null || !equals(drawCommitment(drawSecret), manifest.drawCommitment))
    throw new RequestError('nobody gave this node the secret from which the draws of this job come')
  return drawSecret
}
