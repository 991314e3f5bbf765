/**
 * Submission: from files on a disk to a signed manifest and all its blocks in this node's store.
 *
 * A request is described first (`describeJob`), which names all that it asks for. Its digest tells whether it was made
 * before: `storeAgain` then makes the inputs of that job whole, and else `makeJob` chooses an engine and a plan for it, and
 * signs a new one. The digest is of the request alone, whoever is around; the job's id is of the manifest, whose nonces
 * differ each time, so that the same request may become a job more than once.
 *
 * Documents and weights are read twice, and documents sealed twice: once to name, inspect and split them, and once to
 * store them under the job that results. A single pass would store blocks before it is known whose they are, and leave
 * them behind when anything fails; the second read comes from the page cache.
 */

import { randomBytes } from 'node:crypto'
import { pipe } from 'it-pipe'
import type { Logger } from 'pino'
import { compareText } from '../../base/bytes.ts'
import type { StandbySearch } from '../../protocol/council/standbys.ts'
import type { Cid, JobId, OwnerId } from '../../protocol/ids.ts'
import { encodeList, type ShardEntry } from '../../protocol/job/lists.ts'
import type { FileReference, Manifest, StewardPlace } from '../../protocol/job/manifest.ts'
import { documentBytesOf, encodeShard, type Shard } from '../../protocol/job/shard.ts'
import { type PlannedShard, type SplittableDocument, splitIntoShards } from '../../protocol/job/split.ts'
import {
  blindCandidatesMax,
  blindKeysMax,
  jobDeadlineDefaultMs,
  jobRetentionMs,
  shardCostMsTarget,
} from '../../protocol/limits.ts'
import { formatMoney, isAffordable, type Payment } from '../../protocol/price.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import { encodeBody, recordId, type SignedRecord } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { candidatesFor } from '../../protocol/steward/candidate.ts'
import { type Cost, costOf } from '../../protocol/verification/cost.ts'
import type { Plan } from '../../protocol/verification/plan.ts'
import type { DocumentShape, EngineDescription } from '../../runtimes/messages.ts'
import type { Quote, RequestedPayment, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { SlotFailed } from '../executor/contract.ts'
import type { Executor } from '../executor/executor.ts'
import { blindKeyOf, wrapForCandidates } from '../sealing/blind-keys.ts'
import {
  documentKeys,
  jobSecret,
  namesKey,
  seal,
  sealCommitment,
  shardKey,
  wrapKey,
} from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { Block, BlockKind, BlockStore } from '../store/blocks.ts'
import { cidOf } from '../store/cid.ts'
import { chunkFile, writeFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { drawSeed, type SigningKey } from '../store/keys.ts'
import { assuranceOf, type Market, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import { type DocumentSource, findDocuments, readDocument } from './documents.ts'
import { readWeights, weightSources } from './weights.ts'

export interface SubmissionContext extends Market {
  readonly blocks: BlockStore
  readonly executor: Executor
  readonly node: SigningKey
  readonly submitter: SigningKey
  readonly engines: readonly EngineDescription[]
  /** Asks nodes to stand by for a job of this size; answers with those that will. */
  readonly recruit: (search: StandbySearch, count: number, bytes: number) => Promise<readonly StewardPlace[]>
  readonly log: Logger
}

export interface PreparedJob {
  readonly job: JobId
  readonly record: SignedRecord
  readonly manifest: Manifest
  readonly requestDigest: string
}

/** Blocks stored in one commit: bounds memory to a few megabytes of documents. */
const blocksPerCommit = 256

/** What a request asks for, named. */
export interface JobDescription {
  readonly request: SubmitRequest
  readonly payment: Payment | null
  readonly sources: readonly DocumentSource[]
  readonly documents: readonly InspectedDocument[]
  readonly documentList: Uint8Array
  readonly planned: readonly PlannedShard[]
  readonly weights: Manifest['weights']
  readonly options: Manifest['options']
  readonly keyOf: KeyOf
  /** The same for the same documents and wishes, whatever the time, the seeds, and who is around. */
  readonly requestDigest: string
}

/** Stores nothing. Throws RequestError. */
export async function describeJob(
  request: SubmitRequest,
  { executor, submitter }: Pick<SubmissionContext, 'executor' | 'submitter'>,
  onProgress: (progress: SubmitProgress) => void,
): Promise<JobDescription> {
  const payment = paymentOf(request)
  unanimousFor(request) // what no number of owners can give is refused before anything is read
  const sources = findDocuments(request.paths)
  const weightFiles = weightSources(request.runtime, request.module)

  const weights: Manifest['weights'][number][] = []
  for (const [done, source] of weightFiles.entries()) {
    onProgress({ step: 'importing-weights', done, total: weightFiles.length })
    const reference = await nameOf(readWeights(source))
    weights.push({ name: source.name, ...reference })
  }

  const keyOf = documentKeys(submitter)
  const documents = await inspect(sources, request.runtime, executor, keyOf, onProgress)
  const planned = splitIntoShards(documents)
  const documentList = encodeList(
    documents.map(({ name, file, bytes, pages }) => ({ name, file, bytes, pages })),
  )

  const options = { ...request.options }
  const {
    engine,
    errorBound,
    colludingShare,
    replicas,
    arbiter,
    selfCheck,
    blind: isBlind,
    category,
  } = request
  const wish = {
    engine,
    errorBound,
    colludingShare,
    replicas,
    arbiter,
    selfCheck,
    isBlind,
    category,
    payment,
  }
  const requestDigest = digestOf({
    runtime: request.runtime,
    weights,
    documents: documentList,
    options,
    wish,
  })
  return {
    request,
    payment,
    sources,
    documents,
    documentList,
    planned,
    weights,
    options,
    keyOf,
    requestDigest,
  }
}

/** What this node's disk has damaged or lost of a job's documents and weights is whole again, noticed or not. */
export async function storeAgain(
  described: JobDescription,
  mine: JobBlocks,
  onProgress: (progress: SubmitProgress) => void,
): Promise<void> {
  await storeDocuments(described, mine, onProgress)
  await storeWeights(described, mine)
}

/** Throws RequestError, and StoreError when the disk does not take it; then the job's blocks are released. */
export async function makeJob(
  described: JobDescription,
  context: SubmissionContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<PreparedJob> {
  const { request, payment, documents, documentList, planned, weights } = described
  const { blind: isBlind } = request
  const engine = chooseEngine(request, context, unanimousFor(request))
  const supply = supplyOf(context, request.runtime, engine.id, request.payment)
  const plan = plansOf(request, context, planned.length, supply)[0]!
  const assurance = assuranceOf(request, context, plan)
  refuseTooLittle(request.payment, costOf(plan, pagesOf(planned), supply.offers, assurance.arbiter))

  onProgress({ step: 'signing', done: 0, total: 1 })
  const sealNonce = new Uint8Array(randomBytes(16))
  const secret = jobSecret(context.submitter, sealNonce)
  const shards = sealShards(planned, documents, secret)
  const shardList = encodeList(shards.map(({ entry }) => entry))
  const names = seal(namesKey(secret), documentList)
  const nonce = new Uint8Array(randomBytes(16))
  const seed = drawSeed(context.node, nonce)
  const standbys = await context.recruit(
    {
      capacities: context.capacities,
      runtime: request.runtime,
      engine: engine.id,
      replicas: assurance.replicas,
      taken: { peers: new Set([context.node.peerId]), owners: new Set([context.owner]) },
      sha256,
      seed,
    },
    request.standbys,
    documents.reduce((sum, document) => sum + document.bytes, 0),
  )
  const places: readonly StewardPlace[] = [
    { peer: context.node.peerId, owner: context.owner, nonce, drawCommitment: sha256(seed) },
    ...standbys,
  ]
  const candidates = isBlind
    ? keyedCandidates(context, places, request.runtime, engine, payment, plan, shards.length)
    : []
  const wrapped = wrapForCandidates(
    secret,
    candidates.map(({ peer }) => peer),
    shards.length,
  )
  const manifest: Manifest = {
    runtime: request.runtime,
    engine: { name: engine.engine, id: engine.id },
    options: described.options,
    weights,
    shards: {
      ...(await nameOf(shardList)),
      count: shards.length,
      pages: documents.reduce((sum, document) => sum + document.pages, 0),
    },
    documents: { ...(await nameOf(names)), count: documents.length },
    agreement: engine.agreement,
    assurance,
    fleet: context.fleet,
    seal: { nonce: sealNonce, commitment: sealCommitment(secret) },
    blind: isBlind ? { key: blindKeyOf(secret), candidates, keys: await nameOf(wrapped) } : null,
    shortage: request.shortage,
    deadlineMs: Date.now() + (request.deadlineMs ?? jobDeadlineDefaultMs),
    category: request.category,
    payment,
    stewards: places,
  }
  const { job, record } = sign(manifest, context)
  const mine = context.blocks.of(job)
  try {
    await storeDocuments(described, mine, onProgress)
    const blocks = shards.map(({ entry, bytes }) => ({ cid: entry.shard, bytes }))
    for (let at = 0; at < blocks.length; at += blocksPerCommit)
      await mine.putMany(blocks.slice(at, at + blocksPerCommit), 'input')
    for (const list of [shardList, names, ...(isBlind ? [wrapped] : [])]) await store(list, mine, 'input')
    await storeWeights(described, mine)
  } catch (error) {
    await context.blocks.release(job)
    throw error
  }
  return { job, record, manifest, requestDigest: described.requestDigest }
}

/** What this request would take, without storing or signing anything. Throws RequestError. */
export async function quoteJob(
  request: SubmitRequest,
  context: Pick<SubmissionContext, 'executor' | 'engines' | 'node' | 'submitter' | keyof Market>,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Quote> {
  const sources = findDocuments(request.paths)
  weightSources(request.runtime, request.module)
  const engine = chooseEngine(request, context, unanimousFor(request))
  const keyOf = documentKeys(context.submitter)
  const documents = await inspect(sources, request.runtime, context.executor, keyOf, onProgress)
  const shards = splitIntoShards(documents)
  const supply = supplyOf(context, request.runtime, engine.id, request.payment)
  const costMs = shards.reduce((sum, shard) => sum + shard.costMs, 0)
  const units = pagesOf(shards)
  const isVouchedFor = context.fleet !== null
  return {
    documents: documents.length,
    pages: documents.reduce((sum, document) => sum + document.pages, 0),
    shards: shards.length,
    engine: `${engine.runtime}/${engine.engine}`,
    supply: { owners: supply.owners, slots: supply.slots },
    payment: request.payment,
    dearer: supply.dearer,
    plans: plansOf(request, context, shards.length, supply).map((plan) => ({
      ...plan,
      errorBound: isVouchedFor ? plan.errorBound : null,
      computeMs: Math.round(costMs * plan.executionsPerShard),
      elapsedMs: supply.slots === 0 ? null : Math.round((costMs * plan.executionsPerShard) / supply.slots),
      cost:
        request.payment === null
          ? null
          : costOf(plan, units, supply.offers, assuranceOf(request, context, plan).arbiter),
    })),
  }
}

function pagesOf(shards: readonly PlannedShard[]): number {
  return shards.reduce((sum, { pages }) => sum + pages.length, 0)
}

/** A job that must end by the name of its budget is not begun. Throws RequestError. */
function refuseTooLittle(payment: RequestedPayment | null, cost: Cost | null): void {
  const budgetMicros = payment?.budgetMicros ?? null
  if (payment === null || budgetMicros === null || cost === null || budgetMicros >= cost.expectedMicros)
    return
  const [budget, expected] = [budgetMicros, cost.expectedMicros].map((m) => formatMoney(m, payment.currency))
  throw new RequestError(
    `a budget of ${budget} does not pay for the ${expected} that are expected here; raise --budget (carpool quote says more)`,
  )
}

/** Throws RequestError. Documents are paid by the page. */
function paymentOf({ payment }: SubmitRequest): Payment | null {
  if (payment === null) return null
  const { budgetMicros } = payment
  if (budgetMicros === null) throw new RequestError('a job that pays has a budget: add --budget 5EUR')
  return { ...payment, budgetMicros, unit: 'page' }
}

/**
 * The vehicles that a blind job's keys are wrapped for: nobody who comes later can execute it, so all who are here, as
 * far as they fit, of every owner one before any owner's second. Throws RequestError when they are too few.
 */
function keyedCandidates(
  { capacities }: SubmissionContext,
  stewards: readonly StewardPlace[],
  runtime: string,
  { engine: name, id }: EngineDescription,
  payment: Payment | null,
  { ownersNeeded }: Plan,
  shards: number,
): NonNullable<Manifest['blind']>['candidates'] {
  const able = candidatesFor({ runtime, engine: { name, id }, blind: null, payment }, stewards, capacities)
  const seen = new Map<OwnerId, number>()
  const byTurn = able
    .map(({ peer, owner }) => {
      const turn = seen.get(owner) ?? 0
      seen.set(owner, turn + 1)
      return { peer, owner, turn }
    })
    .sort((a, b) => a.turn - b.turn || compareText(a.peer, b.peer))
  if (seen.size < ownersNeeded)
    throw new RequestError(
      `a blind job is executed by owners who are here when it is submitted: ${ownersNeeded} are needed, ${seen.size} ${seen.size === 1 ? 'is' : 'are'} here`,
    )
  const most = Math.min(blindCandidatesMax, Math.floor(blindKeysMax / shards))
  if (most < ownersNeeded)
    throw new RequestError(`${shards} shards are too many for a blind job; submit the documents in parts`)
  return byTurn.slice(0, most).map(({ peer, owner }) => ({ peer, owner }))
}

/**
 * All replicas of a job run one engine. 'auto' takes a native one when enough owners have the very same, since
 * it is about 2.8 times faster, and else the exact one, which all have who run this software.
 */
function chooseEngine(
  request: SubmitRequest,
  context: Pick<SubmissionContext, 'engines' | 'node' | keyof Market>,
  needed: number,
): EngineDescription {
  const offered = new Map<string, { engine: EngineDescription; owners: Set<OwnerId> }>()
  const note = (engine: EngineDescription, owner?: OwnerId) => {
    if (engine.runtime !== request.runtime) return
    const known = offered.get(engine.id) ?? { engine, owners: new Set() }
    offered.set(engine.id, known)
    if (owner !== undefined) known.owners.add(owner)
  }
  for (const engine of context.engines) note(engine)
  // What an advert does not say of an engine that this node lacks is the strictest that it can be.
  for (const { engines, owner, peer } of context.capacities)
    if (peer !== context.node.peerId)
      for (const { runtime, engine, id, isa, ask } of engines)
        note(
          { runtime, engine, id, isa, agreement: isa === null ? 'bytes' : 'class-text' },
          isAffordable(ask, request.payment) ? owner : undefined,
        )

  const wanted = [...offered.values()].filter(
    ({ engine }) =>
      (request.engine === 'auto' || engine.engine === request.engine) &&
      (!request.blind || engine.agreement === 'bytes'),
  )
  const enough = (choice: { owners: Set<OwnerId> }) => (choice.owners.size >= needed ? 1 : 0)
  const native = (choice: { engine: EngineDescription }) => (choice.engine.isa === null ? 0 : 1)
  wanted.sort(
    (a, b) =>
      enough(b) - enough(a) ||
      native(b) - native(a) ||
      b.owners.size - a.owners.size ||
      compareText(a.engine.id, b.engine.id),
  )
  // Nobody has enough yet: the exact engine is what most of those who join later will have, too.
  const best =
    wanted.length > 0 && enough(wanted[0]!) === 0 ? (wanted.find((c) => !native(c)) ?? wanted[0]) : wanted[0]
  if (best !== undefined) return best.engine
  if (request.blind && request.engine !== 'auto')
    throw new RequestError(
      `a blind job's results are compared without being read, so its engine must give the same bytes everywhere; '${request.engine}' does not, use --engine exact`,
    )
  const names = [...new Set([...offered.values()].map(({ engine }) => engine.engine))].sort()
  throw new RequestError(
    names.length === 0
      ? `nobody here runs '${request.runtime}'; start this node with at least one slot, or join vehicles that do`
      : `there is no engine '${request.engine}' for ${request.runtime}; there are auto, ${names.join(', ')}`,
  )
}

/** A document as it will be stored, and the key to it. */
interface InspectedDocument extends SplittableDocument {
  readonly key: Uint8Array
}

type KeyOf = ReturnType<typeof documentKeys>

/** The blocks that vehicles get: each with the keys of its documents, under a key of its own. */
function sealShards(
  shards: readonly PlannedShard[],
  documents: readonly InspectedDocument[],
  secret: Uint8Array,
): { readonly entry: ShardEntry; readonly bytes: Uint8Array }[] {
  const keys = new Map(documents.map(({ file, key }) => [file, key]))
  return shards.map(({ pages, costMs }, position) => {
    const wrapping = shardKey(secret, position)
    const shard: Shard = {
      pages: pages.map((page) => ({ ...page, key: wrapKey(wrapping, keys.get(page.document)!) })),
    }
    const bytes = encodeShard(shard)
    const entry = {
      shard: cidOf('dag-cbor', bytes),
      pages: pages.length,
      bytes: documentBytesOf(shard),
      costMs: Math.ceil(costMs),
    }
    return { entry, bytes }
  })
}

async function inspect(
  sources: readonly DocumentSource[],
  runtime: string,
  executor: Executor,
  keyOf: KeyOf,
  onProgress: (progress: SubmitProgress) => void,
): Promise<InspectedDocument[]> {
  const documents: InspectedDocument[] = []
  for (const source of sources) {
    onProgress({ step: 'reading', done: documents.length, total: sources.length })
    const bytes = readDocument(source)
    const key = keyOf(bytes)
    const [reference, shape] = await Promise.all([
      nameOf(seal(key, bytes)),
      shapeOf(runtime, bytes, executor),
    ])
    documents.push({ name: source.name, key, ...reference, ...shape })
  }
  return documents
}

/** A document that breaks the inspector is one page, whose record will say what breaks there, too. */
async function shapeOf(runtime: string, bytes: Uint8Array, executor: Executor): Promise<DocumentShape> {
  try {
    return await executor.inspect(runtime, bytes)
  } catch (error) {
    if (error instanceof SlotFailed) return { pages: 1, pageCostMs: shardCostMsTarget }
    throw error
  }
}

async function storeDocuments(
  { sources, documents, keyOf }: JobDescription,
  mine: JobBlocks,
  onProgress: (progress: SubmitProgress) => void,
): Promise<void> {
  let batch: Block[] = []
  let batchBytes = 0
  const flush = async () => {
    if (batch.length > 0) await mine.putMany(batch, 'input')
    batch = []
    batchBytes = 0
  }
  for (const [i, source] of sources.entries()) {
    onProgress({ step: 'storing', done: i, total: sources.length })
    let root: Cid | undefined
    const bytes = readDocument(source)
    for await (const block of chunkFile(seal(keyOf(bytes), bytes))) {
      root = block.cid
      batch.push(block)
      batchBytes += block.bytes.byteLength
      if (batch.length >= blocksPerCommit || batchBytes >= blocksPerCommit * 16_384) await flush()
    }
    if (root !== documents[i]!.file)
      throw new RequestError(`${source.path} changed while it was read; submit again`)
  }
  await flush()
}

/** All blocks of each file become the job's: a part that only the cache held could be evicted while it runs. */
async function storeWeights({ request, weights }: JobDescription, mine: JobBlocks): Promise<void> {
  for (const [i, source] of weightSources(request.runtime, request.module).entries())
    if ((await store(readWeights(source), mine, 'weights')) !== weights[i]!.file)
      throw new RequestError(`${source.path} changed while it was read; submit again`)
}

/** Answers the file's root. */
async function store(bytes: Uint8Array, mine: JobBlocks, kind: BlockKind): Promise<Cid> {
  const { root } = await pipe([bytes], (source) =>
    writeFile(source, (block) => mine.put(block.cid, block.bytes, kind)),
  )
  return root
}

async function nameOf(bytes: Uint8Array): Promise<FileReference> {
  let root: Cid | undefined
  for await (const { cid } of chunkFile(bytes)) root = cid
  return { file: root!, bytes: bytes.byteLength }
}

function sign(manifest: Manifest, { submitter }: SubmissionContext): { job: JobId; record: SignedRecord } {
  const body = encodeBody(
    bodyOf('manifest', {
      signer: submitter.peerId,
      serial: Date.now(),
      expiresMs: manifest.deadlineMs + jobRetentionMs,
      payload: manifest,
    }),
  )
  return { job: recordId(sha256, body), record: { body, signature: submitter.sign(body) } }
}

function digestOf(request: Readonly<Record<string, unknown>>): string {
  return Buffer.from(sha256(encodeCbor(request))).toString('hex')
}
