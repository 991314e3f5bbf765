/**
 * Submission: from files on a disk to a signed manifest and all its blocks in this node's store.
 *
 * A request is described first (description.ts): all that it asks for is read, sealed, put aside (staging.ts) and named. Its
 * digest tells whether it was made before: the job of that time then takes over what was put aside, so that what its disk
 * has damaged or lost is whole again; and else `makeJob` chooses an engine and a plan, and signs a new job, which takes it
 * over. The digest is of the request alone, whoever is around; the job's id is of the manifest, whose nonces differ each
 * time, so that the same request may become a job more than once.
 */
import { randomBytes } from 'node:crypto'
import type { StandbySearch } from '../../protocol/council/standbys.ts'
import type { JobId } from '../../protocol/ids.ts'
import { encodeList, type ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest, StewardPlace } from '../../protocol/job/manifest.ts'
import { jobDeadlineDefaultMs } from '../../protocol/limits.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { SubmitProgress } from '../api.ts'
import type { Clock } from '../clock.ts'
import {
  drawCommitment,
  drawSecretOf,
  jobSecret,
  namesKey,
  sealCommitment,
  sealParts,
} from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import { blindKeysOf, ownersKnown } from './blind-candidates.ts'
import { type Cutting, planCutting } from './cutting.ts'
import type { JobDescription } from './description.ts'
import { nameOf } from './inspection.ts'
import { agreementOf, type JobPlan, planJob } from './job-plan.ts'
import type { QuoteContext } from './quote.ts'
import { sealShards } from './sealed-shards.ts'
import { signManifest } from './signing.ts'
import { storeFile } from './storing.ts'

export interface SubmissionContext extends QuoteContext {
  readonly clock: Clock
  /** The vehicles that are known now: more than when the job was planned, while documents were cut and standbys sought. */
  readonly around: () => QuoteContext['capacities']
  /** Asks nodes to stand by for a job of this size; answers with those that will. `insists`: asks on for a while, and throws RequestError where none will. */
  readonly recruit: (
    search: StandbySearch,
    count: number,
    bytes: number,
    insists: boolean,
  ) => Promise<readonly StewardPlace[]>
}

export interface PreparedJob {
  readonly job: JobId
  readonly record: SignedRecord
  readonly manifest: Manifest
  readonly requestDigest: string
}

/** Throws RequestError, and StoreError when the disk does not take it; then the job's blocks are released. */
export async function makeJob(
  described: JobDescription,
  context: SubmissionContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<PreparedJob> {
  const { request, documents, staged } = described
  const weights = staged.weights(described.weights)
  const cutting = await planCutting(described, weights, context, onProgress)
  onProgress({ step: 'signing', done: 0, total: 1 })
  const sealNonce = new Uint8Array(randomBytes(16))
  const secret = jobSecret(context.submitter, sealNonce)
  const entries = await keepShards(described, cutting, secret)
  const shardList = encodeList(entries)
  const plan = planJob(request, { shards: entries.length, units: documents.mostUnits }, context)
  const names = await staged.keep(sealParts(namesKey(secret), documents.list()), 'input')
  await staged.flush()
  const stewards = await stewardsFor(described, plan, context)
  const blind = request.blind ? blindKeysOf(described, plan, stewards, secret, context) : null
  const manifest: Manifest = {
    runtime: request.runtime,
    engine: { name: plan.engine.engine, id: plan.engine.id },
    options: { ...request.options },
    weights: described.weights,
    shards: {
      ...(await nameOf(shardList)),
      count: entries.length,
      pages: documents.pages,
    },
    documents: { ...names, count: documents.count },
    agreement: await agreementOf(plan, described, weights, context),
    assurance: plan.assurance,
    fleet: context.fleet,
    seal: { nonce: sealNonce, commitment: sealCommitment(secret) },
    drawCommitment: drawCommitment(drawSecretOf(secret)),
    blind:
      blind === null
        ? null
        : { key: blind.key, candidates: blind.candidates, keys: await nameOf(blind.wrapped) },
    shortage: request.shortage,
    deadlineMs: context.clock.now() + (request.deadlineMs ?? jobDeadlineDefaultMs),
    ...(request.waits && described.payment !== null ? { waits: true } : {}),
    category: request.category,
    payment: described.payment,
    ...ownersKnown(described, plan, stewards, blind?.candidates, secret, context.fleet, context.around()),
    stewards,
  }
  const { job, record } = signManifest(manifest, context.submitter, context.clock.now())
  const mine = context.blocks.of(job)
  try {
    await staged.handTo(mine)
    for (const list of [shardList, ...(blind === null ? [] : [blind.wrapped])]) await storeFile(list, mine)
  } catch (error) {
    await context.blocks.release(job)
    throw error
  }
  return { job, record, manifest, requestDigest: described.requestDigest }
}

/** Seals one shard after another and puts it aside, so that a large job is never in memory as a whole. Returns what stewards know of them. */
async function keepShards(
  { documents, staged }: JobDescription,
  cutting: Cutting,
  secret: Uint8Array,
): Promise<readonly ShardEntry[]> {
  const entries: ShardEntry[] = []
  for await (const { entry, bytes } of sealShards(documents.documents(), cutting, secret)) {
    entries.push(entry)
    await staged.keepBlock({ cid: entry.shard, bytes })
  }
  await staged.flush()
  return entries
}

/** This node, and those that will stand by with it. Throws RequestError where the job must outlive this node, and none will. */
async function stewardsFor(
  { request, documents }: JobDescription,
  { engine, assurance }: JobPlan,
  { node, owner, capacities, recruit }: SubmissionContext,
): Promise<readonly StewardPlace[]> {
  const nonce = new Uint8Array(randomBytes(16))
  const search: StandbySearch = {
    capacities,
    runtime: request.runtime,
    engine: engine.id,
    replicas: assurance.replicas,
    taken: { peers: new Set([node.peerId]), owners: new Set([owner]) },
    inVain: new Map(),
    sha256,
    seed: new Uint8Array(randomBytes(32)),
  }
  const standbys = await recruit(search, request.standbys, documents.bytes, request.mustOutlive)
  return [{ peer: node.peerId, owner, nonce }, ...standbys]
}
