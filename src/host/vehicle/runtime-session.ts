/**
 * Turns a manifest into a session that a slot can load, and pages into records, for vehicles and for stewards that
 * recompute.
 */

import type { JobId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { PageRecord } from '../../protocol/job/result.ts'
import type { Shard } from '../../protocol/job/shard.ts'
import { documentBytesMax } from '../../protocol/limits.ts'
import { totalOf, type UnitCount } from '../../protocol/price.ts'
import { ownOptionsOf, pageCpuMsMaxOf } from '../../runtimes/registry.ts'
import { Backlog, ByteBudget } from '../byte-budget.ts'
import {
  type PageLimits,
  type RecordResult,
  type SessionRefused,
  type SessionSpec,
  type Slot,
  SlotFailed,
  type WeightFile,
} from '../executor/contract.ts'
import { openDocument } from '../sealing/stored-document.ts'
import { readFile, readFileParts } from '../store/files.ts'
import type { JobBlocks } from '../store/job-blocks.ts'

/** The wall clock runs while others use the cores, too … */
const wallFactor = 4
/** … and must not be what ends a page that CPU time should end, since its message is compared. A guess. */
const wallMsMin = 60_000
/** A document that is larger than this goes to the child once at a time, and not once for each of its pages. A guess. */
const sharedBytesMax = 2 ** 20
/** All documents in memory, sealed and opened: room for one of the largest. */
const documentsInMemoryMax = 2 * documentBytesMax

/** Outputs of one slot in memory: one of the longest, and some that came behind it before the slot held back. A guess. */
const outputsInMemoryMax = 64 * 2 ** 20

/** The documents that a node has in memory for its slots. */
export function documentMemory(): ByteBudget {
  return new ByteBudget(documentsInMemoryMax)
}

/** The outputs of a slot that wait to be written down. */
export function outputBacklog(slot: Slot): Backlog {
  return new Backlog(outputsInMemoryMax, (isHeld) => slot.holdBack?.(isHeld))
}

export function sessionOf(job: JobId, manifest: Manifest, engine: string, blocks: JobBlocks): SessionSpec {
  return {
    key: `${job}/${engine}`,
    runtime: manifest.runtime,
    engine,
    options: ownOptionsOf(manifest.options),
    weights: keptWeights(manifest.weights, blocks),
  }
}

/**
 * Weights that a store has, for a session that may be loaded more than once: as files, but for those so small that they are in
 * none.
 */
export function keptWeights(weights: Manifest['weights'], blocks: JobBlocks): SessionSpec['weights'] {
  return async () => {
    const files = new Map<string, WeightFile>()
    for (const { name, file, bytes } of weights) {
      const read = () => readFileParts({ file, bytes }, (cid) => blocks.get(cid), bytes)
      files.set(name, { bytes, path: await blocks.pathOf({ file, bytes }), read })
    }
    return files
  }
}

/** The time that a shard's pages took, all together. */
export interface ShardRun {
  readonly cpuMs: number
  readonly wallMs: number
}

/** The means by which a shard's pages are read: its key, its job's blocks, and the memory for documents and outputs. */
export interface ShardSource {
  readonly key: Uint8Array
  readonly blocks: JobBlocks
  readonly memory: ByteBudget
  /** The slot's, for all shards that are under way in it. */
  readonly backlog: Backlog
}

/**
 * Runs the pages of one shard in a slot that has the session loaded, and hands each record to `take` in the order of the
 * pages. Pages are sent ahead, so that the child never waits; what they write waits in memory within the backlog's bound.
 * Rejects with SlotKilled or SlotFailed, which say nothing about the shard, with StoreError when a document is not here, and
 * as `take` does.
 */
export async function runShard(
  slot: Slot,
  manifest: Manifest,
  shard: Shard,
  source: ShardSource,
  take: (record: PageRecord, log: string | undefined) => Promise<void>,
): Promise<ShardRun> {
  const answers = shard.pages.map(() => Promise.withResolvers<Arrived>())
  for (const { promise } of answers) promise.catch(() => {}) // met below
  const run = async (document: Uint8Array, index: number) => {
    try {
      const { page, units } = shard.pages[index]!
      const result = await slot.run(document, page, limitsOf(manifest, units))
      answers[index]!.resolve({ result, letGo: source.backlog.add(bytesInMemory(result)) })
    } catch (error) {
      answers[index]!.reject(error)
    }
  }
  const sent = sendAll(shard, source, run)
  sent.catch((error) => {
    for (const { reject } of answers) reject(error)
  })
  let [cpuMs, wallMs] = [0, 0]
  try {
    for (const [index, { promise }] of answers.entries()) {
      const { result, letGo } = await promise
      const { output, text, error, log } = result
      const units = unitsTaken(shard.pages[index]!.units, result)
      await take({ output, text, error, ...(units && { units }) }, log).finally(letGo)
      cpuMs += result.cpuMs
      wallMs += result.wallMs
    }
  } finally {
    for (const { promise } of answers)
      promise.then(
        ({ letGo }) => letGo(),
        () => {},
      )
  }
  await sent
  return { cpuMs, wallMs }
}

/** The limits of a page's run, which follow what it may take where that is counted. */
function limitsOf({ options }: Manifest, units: UnitCount | undefined): Partial<PageLimits> {
  const cpuMsMax = pageCpuMsMaxOf(options, units)
  const limits = { cpuMsMax, wallMsMax: Math.max(wallMsMin, cpuMsMax * wallFactor) }
  return units === undefined ? limits : { ...limits, unitsMax: totalOf(units) }
}

/**
 * The units that a page took, where its shard states some. A page that ended in an error has no output, and what went in is what
 * was stated: so all vehicles say the same. Throws SlotFailed where the runtime took more than there are.
 */
function unitsTaken(stated: UnitCount | undefined, { units, error }: RecordResult): UnitCount | undefined {
  if (stated === undefined) return undefined
  if (error !== null) return { input: stated.input, output: 0 }
  if (units === undefined || totalOf(units) > totalOf(stated))
    throw new SlotFailed('the runtime does not count its units as the job does')
  return units
}

interface Arrived {
  readonly result: RecordResult
  /** It is not in memory any more. May be said twice. */
  readonly letGo: () => void
}

/**
 * Sends the pages in their order, those of one file from one copy of it. The next files are opened meanwhile, as far as
 * memory has room for them.
 */
async function sendAll(
  shard: Shard,
  source: ShardSource,
  run: (document: Uint8Array, index: number) => Promise<void>,
): Promise<void> {
  let before: Promise<unknown> = Promise.resolve()
  const stretches: Promise<void>[] = []
  for (const indices of stretchesOf(shard)) {
    const sentBefore = before
    const isSent = Promise.withResolvers<void>()
    before = isSent.promise
    const send = async () => {
      const { document: file, bytes, slice } = shard.pages[indices[0]!]!
      const letGo = await source.memory.hold(2 * bytes)
      try {
        const sealed = await readFile({ file, bytes }, (cid) => source.blocks.get(cid), documentBytesMax)
        const pageOf = (index: number) => shard.pages[index]!
        const whole = slice === undefined ? openDocument(sealed, pageOf(indices[0]!), source.key) : undefined
        await sentBefore
        if (bytes <= sharedBytesMax) {
          const runs = indices.map((index) =>
            run(whole ?? openDocument(sealed, pageOf(index), source.key), index),
          )
          isSent.resolve()
          await Promise.all(runs)
        } else
          for (const index of indices)
            await run(whole ?? openDocument(sealed, pageOf(index), source.key), index)
      } finally {
        isSent.resolve()
        letGo()
      }
    }
    stretches.push(send())
  }
  await Promise.all(stretches)
}

/** The indices of pages that follow each other and are of one file: of one document, or of documents of one pack. */
function stretchesOf({ pages }: Shard): number[][] {
  const stretches: number[][] = []
  for (const [index, { document, slice }] of pages.entries()) {
    const before = pages[index - 1]
    const isPacked = slice !== undefined
    if (before?.document === document && (before.slice !== undefined) === isPacked)
      stretches.at(-1)!.push(index)
    else stretches.push([index])
  }
  return stretches
}

/** JavaScript keeps a text in one or two bytes a unit. */
function bytesInMemory({ output, text }: RecordResult): number {
  return output.byteLength + 2 * text.length
}

/** Returns the failure that every page of a shard gets when the runtime refuses the job's weights or options. */
export function refusalOf({ code, message }: SessionRefused, stated: UnitCount | undefined): PageRecord {
  const error = { code, message: message.slice(0, 1024) }
  const units = stated && { units: { input: stated.input, output: 0 } }
  return { output: new Uint8Array(0), text: '', error, ...units }
}
