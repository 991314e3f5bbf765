/** Copies from a job's other stewards what a standby needs: the inputs, so that it can lease them, and accepted results. */
import type { Logger } from 'pino'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { decodeShardList, type ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { keepFetched } from '../keep-fetched.ts'
import type { BlockKind } from '../store/blocks.ts'
import { codecOf } from '../store/cid.ts'
import { parseFileRoot, readFile } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { Mesh } from './mesh.ts'

/** Blocks asked for in one call: with shards and documents of a page each, some tens of megabytes. A guess. */
const blocksPerFetch = 256

export class Holdings {
  readonly #network: Mesh
  readonly #mine: JobBlocks
  readonly #log: Logger

  constructor(network: Mesh, mine: JobBlocks, log: Logger) {
    this.#network = network
    this.#mine = mine
    this.#log = log
  }

  /** The job's shards, when the list of them is here already; null when it is not. */
  async shardsOf({ shards }: Manifest): Promise<readonly ShardEntry[] | null> {
    try {
      return decodeShardList(await readFile(shards.file, (cid) => this.#mine.get(cid), shards.bytes))
    } catch {
      return null
    }
  }

  /** Lists, shards, documents and weights, from whoever of these has them. Throws when nobody has all. */
  async inputs(manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    const shards = await this.lists(manifest, from)
    const blocks = shards.map(({ shard }) => shard)
    await this.leased(manifest, blocks, from)
    return shards
  }

  /**
   * Fetches what these shards need and is gone from here; reading it noticed what was damaged. Throws when nobody has all.
   */
  async leased(manifest: Manifest, shards: readonly Cid[], from: readonly PeerId[]): Promise<void> {
    await this.#shardsAndDocuments(shards, 'input', from)
    await this.#files(weightsOf(manifest), 'weights', from)
  }

  /** Fetches what a reader needs to name results: the two lists, and a blind job's keys. Throws when nobody has them. */
  async lists(manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    const { shards: shardList, documents, blind } = manifest
    const lists = [shardList, documents, ...(blind === null ? [] : [blind.keys])].map(({ file }) => file)
    await this.#files(lists, 'input', from)
    const shards = await this.shardsOf(manifest)
    if (shards === null) throw new Error('the list of shards is damaged')
    return shards
  }

  /** Throws when one of the results did not come. */
  async results(results: readonly Cid[], from: readonly PeerId[]): Promise<void> {
    await this.#blocks(results, 'result', from)
  }

  /** A block that the job refers to, as what it uses it already; else it is a result. Throws when it did not come. */
  async again(cid: Cid, from: readonly PeerId[]): Promise<void> {
    const [kind = 'result'] = this.#mine.kindsOf(cid)
    await this.#blocks([cid], kind, from)
  }

  async #shardsAndDocuments(shards: readonly Cid[], kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    await this.#blocks(shards, kind, from)
    const documents = new Set<Cid>()
    for (const shard of new Set(shards)) {
      const bytes = await this.#mine.get(shard)
      if (bytes === undefined) throw new Error(`shard ${shard} is damaged`)
      for (const { document } of decodeShard(bytes).pages) documents.add(document)
    }
    await this.#files([...documents], kind, from)
  }

  async #files(files: readonly Cid[], kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    await this.#blocks(files, kind, from)
    const parts: Cid[] = []
    for (const file of files) {
      if (codecOf(file) === 'raw') continue
      const root = await this.#mine.get(file)
      if (root === undefined) throw new Error(`file ${file} is damaged`)
      parts.push(...parseFileRoot(file, root).parts)
    }
    await this.#blocks(parts, kind, from)
  }

  async #blocks(cids: readonly Cid[], kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    const missing = await this.#mine.take(cids, kind)
    for (let at = 0; at < missing.length; at += blocksPerFetch)
      await this.#fetch(missing.slice(at, at + blocksPerFetch), kind, from)
  }

  /** Returns the blocks that are not here yet. Those that came meanwhile, perhaps for another job, are taken each time. */
  async #fetch(wanted: readonly Cid[], kind: BlockKind, from: readonly PeerId[]): Promise<void> {
    let missing = wanted
    for (const peer of from) {
      try {
        await keepFetched(this.#network.blocks.fetch(peer, missing), this.#mine, kind)
      } catch (error) {
        this.#log.debug({ peer, error }, 'a steward did not hand out what it holds')
      }
      missing = await this.#mine.take(missing, kind)
      if (missing.length === 0) return
    }
    throw new Error(`no steward who was asked has block ${missing[0]}`)
  }
}

function weightsOf({ weights }: Manifest): Cid[] {
  return weights.map(({ file }) => file)
}
