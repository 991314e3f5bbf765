/** What a standby copies from a job's other stewards: the inputs, so that it can lease them, and accepted results. */
import type { Logger } from 'pino'
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import { decodeShardList, type ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { keepFetched } from '../keep-fetched.ts'
import type { BlockUse } from '../store/blocks.ts'
import { codecOf } from '../store/cid.ts'
import { parseFileRoot, readFile } from '../store/files.ts'
import type { Store } from '../store.ts'
import type { Mesh } from './mesh.ts'

/** Blocks asked for in one call: with shards and documents of a page each, some tens of megabytes. A guess. */
const blocksPerFetch = 256

export class Holdings {
  readonly #network: Mesh
  readonly #store: Store
  readonly #log: Logger

  constructor(network: Mesh, store: Store, log: Logger) {
    this.#network = network
    this.#store = store
    this.#log = log
  }

  /** The job's shards, when the list of them is here already; null when it is not. */
  async shardsOf({ shards }: Manifest): Promise<readonly ShardEntry[] | null> {
    try {
      return decodeShardList(await readFile(shards.file, (cid) => this.#store.blocks.get(cid), shards.bytes))
    } catch {
      return null
    }
  }

  /** Lists, shards, documents and weights, from whoever of these has them. Throws when nobody has all. */
  async inputs(job: JobId, manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    const shards = await this.lists(job, manifest, from)
    const blocks = shards.map(({ shard }) => shard)
    await this.leased(job, manifest, blocks, from)
    return shards
  }

  /**
   * What these shards need and is gone from here; reading it noticed what was damaged. Throws when nobody has all.
   */
  async leased(
    job: JobId,
    manifest: Manifest,
    shards: readonly Cid[],
    from: readonly PeerId[],
  ): Promise<void> {
    await this.#shardsAndDocuments(shards, { kind: 'input', job }, from)
    await this.#files(weightsOf(manifest), { kind: 'weights', job }, from)
  }

  /** What a reader needs to name results, the two lists, and a blind job's keys. Throws when nobody has them. */
  async lists(job: JobId, manifest: Manifest, from: readonly PeerId[]): Promise<readonly ShardEntry[]> {
    const { shards: shardList, documents, blind } = manifest
    const lists = [shardList, documents, ...(blind === null ? [] : [blind.keys])].map(({ file }) => file)
    await this.#files(lists, { kind: 'input', job }, from)
    const shards = await this.shardsOf(manifest)
    if (shards === null) throw new Error('the list of shards is damaged')
    return shards
  }

  /** Throws when one of the results did not come. */
  async results(job: JobId, results: readonly Cid[], from: readonly PeerId[]): Promise<void> {
    await this.#blocks(results, { kind: 'result', job }, from)
  }

  async #shardsAndDocuments(shards: readonly Cid[], use: BlockUse, from: readonly PeerId[]): Promise<void> {
    await this.#blocks(shards, use, from)
    const documents = new Set<Cid>()
    for (const shard of new Set(shards)) {
      const bytes = await this.#store.blocks.get(shard)
      if (bytes === undefined) throw new Error(`shard ${shard} is damaged`)
      for (const { document } of decodeShard(bytes).pages) documents.add(document)
    }
    await this.#files([...documents], use, from)
  }

  async #files(files: readonly Cid[], use: BlockUse, from: readonly PeerId[]): Promise<void> {
    await this.#blocks(files, use, from)
    const parts: Cid[] = []
    for (const file of files) {
      if (codecOf(file) === 'raw') continue
      const root = await this.#store.blocks.get(file)
      if (root === undefined) throw new Error(`file ${file} is damaged`)
      parts.push(...parseFileRoot(file, root).parts)
    }
    await this.#blocks(parts, use, from)
  }

  async #blocks(cids: readonly Cid[], use: BlockUse, from: readonly PeerId[]): Promise<void> {
    const { blocks } = this.#store
    const missing: Cid[] = []
    for (const cid of new Set(cids)) if (!(await blocks.use(cid, use))) missing.push(cid)
    for (let at = 0; at < missing.length; at += blocksPerFetch)
      await this.#fetch(missing.slice(at, at + blocksPerFetch), use, from)
  }

  async #fetch(wanted: readonly Cid[], use: BlockUse, from: readonly PeerId[]): Promise<void> {
    const { blocks } = this.#store
    for (const peer of from) {
      const missing = wanted.filter((cid) => !blocks.has(cid))
      if (missing.length === 0) return
      try {
        await keepFetched(this.#network.blocks.fetch(peer, missing), blocks, use)
      } catch (error) {
        this.#log.debug({ peer, error }, 'a steward did not hand out what it holds')
      }
    }
    const missing = wanted.filter((cid) => !blocks.has(cid))
    if (missing.length > 0) throw new Error(`no steward who was asked has block ${missing[0]}`)
  }
}

function weightsOf({ weights }: Manifest): Cid[] {
  return weights.map(({ file }) => file)
}
