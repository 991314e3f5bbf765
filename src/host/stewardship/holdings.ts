/**
 * Copies from a job's other stewards what a standby needs: the inputs, so that it can lease them, and accepted results.
 *
 * A standby is told of jobs by strangers. So nothing is fetched beyond what the manifest, the list of shards and the
 * shards say that there is, each of which is held to bounds of ours first; and the blocks of a large job are named some
 * hundred shards at a time, since all their names together would not fit in memory. For a stranger's job the bytes are set
 * aside on the disk before the first of them is asked for (store/disk-reserve.ts).
 */
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { type ShardEntry, ShardListReader } from '../../protocol/job/lists.ts'
import type { FileReference, Manifest } from '../../protocol/job/manifest.ts'
import { furtherBlocks } from '../../protocol/job/result-parts.ts'
import { decodeShard, documentsOf, type Shard } from '../../protocol/job/shard.ts'
import {
  blockBytesMax,
  resultBytesMax,
  shardBlockBytesMax,
  shardListBytesMax,
} from '../../protocol/limits.ts'
import { BlockTooLong, keepFetched } from '../keep-fetched.ts'
import type { BlockKind } from '../store/blocks.ts'
import { codecOf } from '../store/cid.ts'
import { StoreError } from '../store/errors.ts'
import { firstBlockBytesMax, partsOfFile, readFileParts } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { Mesh } from './mesh.ts'
import { gatherWeights, peersWith } from './weight-inputs.ts'

/** Blocks asked for in one call: with shards and documents of a page each, some tens of megabytes. A guess. */
const blocksPerFetch = 256
/** … as long as they cannot be more than this, which is set aside meanwhile. A guess. */
const bytesPerFetch = 64 * 2 ** 20
/** Entries of a list of shards that are read in one go, in a few milliseconds. A guess. */
const entriesPerTurn = 1_024

type Bounds = ReadonlyMap<Cid, number>

/** The blocks are here, and are not what the job says that they are: asking again would bring the same. */
export class WrongInputs extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
    this.name = 'WrongInputs'
  }
}

export interface HoldingsOptions {
  readonly network: Mesh
  /** Submitted with the key of this node: it takes what it needs of the disk. */
  readonly isOwn: boolean
  readonly log: Logger
}

export class Holdings {
  readonly #network: Mesh
  readonly #mine: JobBlocks
  readonly #isOwn: boolean
  readonly #log: Logger
  #received = 0
  readonly #came = () => {
    this.#received += 1
  }

  constructor({ network, isOwn, log }: HoldingsOptions, mine: JobBlocks) {
    this.#network = network
    this.#mine = mine
    this.#isOwn = isOwn
    this.#log = log
  }

  /** The blocks that have come from others. */
  get received(): number {
    return this.#received
  }

  /**
   * The job's shards, when the list of them is here already; null when a part of it is not. Throws WrongInputs when the
   * list is not what the manifest says.
   */
  async shardsOf({ shards }: Manifest): Promise<readonly ShardEntry[] | null> {
    try {
      const parts = readFileParts(shards, (cid) => this.#mine.get(cid), shardListBytesMax)
      return await listedIn(shards, parts)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'block-missing') return null
      throw wrongOrElse(error)
    }
  }

  /**
   * Lists, shards, documents and weights, from whoever of these has them. Throws when nobody has all, and WrongInputs when
   * they are not what the job says.
   */
  async inputs(manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    const shards = await this.lists(manifest, from)
    await this.#weights(manifest.weights, from)
    for (let at = 0; at < shards.length; at += blocksPerFetch)
      await this.#shardsAndDocuments(shards.slice(at, at + blocksPerFetch), from)
    return shards
  }

  /**
   * Fetches what these shards need and is gone from here; reading it noticed what was damaged. Throws as `inputs`.
   */
  async leased(manifest: Manifest, shards: readonly Cid[], from: readonly PeerId[]): Promise<void> {
    await this.#shardsAndDocuments(
      shards.map((shard) => ({ shard })),
      from,
    )
    await this.#weights(manifest.weights, from)
  }

  /** Fetches what a reader needs to name results: the two lists, and a blind job's keys. Throws as `inputs`. */
  async lists(manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    await this.#files(listsOf(manifest), 'input', from)
    const shards = await this.shardsOf(manifest)
    if (shards === null) throw new Error('the list of shards is damaged')
    return shards
  }

  /**
   * The job has ended: of its inputs only the lists stay, which readers and reports need beside the results. Nothing else
   * would free the room before the job is forgotten, and whoever submits jobs decides how many have ended.
   */
  async onlyLists(manifest: Manifest): Promise<void> {
    if (!this.#mine.hasAny('input')) return
    for (const file of listsOf(manifest)) {
      const parts = await partsOfFile(file, this.#mine).catch(() => undefined)
      await this.#mine.take([file.file, ...(parts ?? [])], 'report')
    }
    await this.#mine.letGo(['input'])
    await this.#mine.rest(() => true)
  }

  /** Throws when one of the results, or a part of one, did not come. */
  async results(results: readonly Cid[], from: readonly PeerId[]): Promise<void> {
    await this.#blocks(bounded(results, resultBytesMax), 'result', from)
    for (const result of results) {
      const bytes = await this.#mine.get(result)
      if (bytes === undefined) throw new Error(`result ${result} is damaged`)
      const further = furtherBlocks(bytes)
      if (further.size > 0) await this.#blocks(further, 'result', from)
    }
  }

  /** The result that a damaged block belongs to: itself, or the one that names it among its parts. */
  async resultOf(damaged: Cid): Promise<Cid> {
    if (codecOf(damaged) !== 'raw' || !this.#mine.kindsOf(damaged).includes('result')) return damaged
    for (const result of this.#mine.list('result')) {
      if (codecOf(result) === 'raw') continue
      const bytes = await this.#mine.get(result)
      if (bytes !== undefined && furtherBlocks(bytes).has(damaged)) return result
    }
    return damaged
  }

  /** A block that the job refers to, as what it uses it already; else it is a result. Throws when it did not come. */
  async again(cid: Cid, from: readonly PeerId[]): Promise<void> {
    const [kind = 'result'] = this.#mine.kindsOf(cid)
    await this.#blocks(bounded([cid], blockBytesMax), kind, from)
  }

  async #shardsAndDocuments(
    shards: readonly { readonly shard: Cid; readonly pages?: number; readonly bytes?: number }[],
    from: readonly PeerId[],
  ): Promise<void> {
    const cids = shards.map(({ shard }) => shard)
    await this.#blocks(bounded(cids, shardBlockBytesMax), 'input', from)
    const documents = new Map<Cid, FileReference>()
    for (const { shard, pages, bytes } of shards) {
      const block = await this.#mine.get(shard)
      if (block === undefined) throw new Error(`shard ${shard} is damaged`)
      for (const document of documentsIn(shard, block, { pages, bytes }))
        documents.set(document.file, document)
    }
    await this.#files([...documents.values()], 'input', from)
  }

  async #files(files: readonly FileReference[], kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    await this.#blocks(new Map(files.map((file) => [file.file, firstBlockBytesMax(file)])), kind, from)
    const parts = new Map<Cid, number>()
    for (const file of files) {
      const known = await partsOfFile(file, this.#mine).catch(throwWrong)
      if (known === undefined) throw new Error(`file ${file.file} is damaged`)
      if (kind === 'weights' && known.length > 0) await this.#mine.plan(file)
      for (const part of known) parts.set(part, blockBytesMax)
    }
    await this.#blocks(parts, kind, from)
  }

  /** Weights are public: whoever has them may give them, and all at once. Documents come from the job's stewards alone. */
  async #weights(weights: Manifest['weights'], from: readonly PeerId[]): Promise<void> {
    for (const file of weights)
      await this.#files([file], 'weights', await peersWith(file, from, this.#mine, this.#network))
  }

  /** Blocks, each with the longest that it may be. */
  async #blocks(bytesMax: Bounds, kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    let some = new Map<Cid, number>()
    let bytes = 0
    const fetch = async () => {
      const wanted = some
      some = new Map()
      const fetched = () => this.#fetch(wanted, kind, from)
      await (this.#isOwn ? fetched() : this.#mine.withRoom(bytes, fetched))
      bytes = 0
    }
    for (const cid of await this.#mine.take(bytesMax.keys(), kind)) {
      const more = bytesMax.get(cid)!
      if (some.size >= blocksPerFetch || (some.size > 0 && bytes + more > bytesPerFetch)) await fetch()
      some.set(cid, more)
      bytes += more
    }
    if (some.size > 0) await fetch()
  }

  /** Returns the blocks that are not here yet. Those that came meanwhile, perhaps for another job, are taken each time. */
  async #fetch(wanted: Bounds, kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    const bytesMaxOf = (cid: Cid) => wanted.get(cid) ?? 0
    let missing = [...wanted.keys()]
    if (kind === 'weights')
      return gatherWeights(missing, bytesMaxOf, from, this.#mine, this.#network, this.#came).catch(throwWrong)
    for (const peer of from) {
      try {
        await keepFetched(this.#network.blocks.fetch(peer, missing), this.#mine, kind, { bytesMaxOf })
      } catch (error) {
        if (error instanceof BlockTooLong) throw new WrongInputs(error)
        this.#log.debug({ peer, error }, 'a steward did not hand out what it holds')
      }
      const still = await this.#mine.take(missing, kind)
      this.#received += missing.length - still.length
      missing = still
      if (missing.length === 0) return
    }
    throw new Error(`no steward who was asked has block ${missing[0]}`)
  }
}

/** Part by part, and with turns for all else between them: a list may have a million entries. */
async function listedIn(
  stated: Manifest['shards'],
  parts: AsyncIterable<Uint8Array>,
): Promise<readonly ShardEntry[]> {
  const reader = new ShardListReader(stated)
  const entries: ShardEntry[] = []
  let leftBytes = stated.bytes
  for await (const part of parts) {
    leftBytes -= part.byteLength
    for (const entry of reader.push(part, leftBytes === 0)) {
      if (entries.push(entry) % entriesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return entries
}

function listsOf({ shards, documents, blind }: Manifest): FileReference[] {
  return [shards, documents, ...(blind === null ? [] : [blind.keys])]
}

function bounded(cids: readonly Cid[], bytesMax: number): Bounds {
  return new Map(cids.map((cid) => [cid, bytesMax]))
}

/** A shard's documents; it must have the pages and bytes that the list of shards says. Throws WrongInputs. */
function documentsIn(
  shard: Cid,
  block: Uint8Array,
  stated: { readonly pages: number | undefined; readonly bytes: number | undefined },
): readonly FileReference[] {
  const { pages } = shardIn(block)
  const documents = documentsOf({ pages })
  const bytes = documents.reduce((sum, document) => sum + document.bytes, 0)
  if (pages.length !== (stated.pages ?? pages.length) || bytes !== (stated.bytes ?? bytes))
    throw new WrongInputs(
      new Error(`shard ${shard} has ${pages.length} pages and ${bytes} bytes, other than its list says`),
    )
  return documents
}

function shardIn(block: Uint8Array): Shard {
  try {
    return decodeShard(block)
  } catch (error) {
    throw wrongOrElse(error)
  }
}

/** The same bytes would say the same again, but for those that the disk lost. */
function throwWrong(error: unknown): never {
  throw wrongOrElse(error)
}

function wrongOrElse(error: unknown): unknown {
  const isWrong =
    error instanceof BlockTooLong ||
    error instanceof ProtocolError ||
    (error instanceof StoreError && ['not-a-file', 'too-large', 'not-a-cid'].includes(error.code))
  return isWrong ? new WrongInputs(error) : error
}
