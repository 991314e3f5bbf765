/**
 * Weights of a gigabyte between two nodes, from disk to disk: served out of one file, checked, and put together as one file,
 * beside a bare libp2p stream of as many bytes on the same stack, in the same run.
 *
 * The server is a process of its own. Rounds alternate and the median counts. The bare stream sends one buffer again and again, and its
 * reader drops what it gets: it neither hashes, frames nor touches a disk.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { openStore } from '../src/host/store.ts'
import { Staging } from '../src/host/submission/staging.ts'
import { Provisions } from '../src/host/vehicle/provisions.ts'
import type { Cid, JobId, PeerId } from '../src/protocol/ids.ts'
import type { FileReference } from '../src/protocol/job/manifest.ts'
import { manifestWith } from '../test/support/core-fakes.ts'
import { jobNamed } from '../test/support/store.ts'
import { rawProtocol, receiveRaw, sendAll, startNetwork, startRaw, stopServer } from './blocks.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'

interface Served {
  readonly network: string
  readonly raw: string
  readonly weights: FileReference
}

const MiB = 2 ** 20
const job = jobNamed('weights')

export async function weights({ quick, note }: BenchOptions): Promise<Figure[]> {
  const megabytes = quick ? 256 : 1_024
  const server = fork(fileURLToPath(import.meta.url), ['serve', String(megabytes)])
  try {
    const [served] = (await once(server, 'message')) as [Served]
    const [ours, raw] = [new Rounds(server), new Rounds(server)]
    for (let round = 0; round < 3; round += 1) {
      await ours.take(() => fetchRound(served))
      await raw.take(() => receiveRaw(served.raw, megabytes * MiB))
      note(`${ours.last} beside ${raw.last}`)
    }
    return [
      {
        name: `weights of ${megabytes} MiB, from disk to disk and verified`,
        unit: 'MB/s',
        ours: median(ours.megabytesPerSecond),
        baseline: median(raw.megabytesPerSecond),
        of: 'a bare libp2p stream',
        goal: { value: 'ratio', least: 0.8 },
      },
      {
        name: `processor time of both nodes for weights of ${megabytes} MiB`,
        unit: 's',
        ours: median(ours.cpuSeconds),
        baseline: median(raw.cpuSeconds),
        of: 'a bare libp2p stream',
        goal: null,
      },
    ]
  } finally {
    await stopServer(server)
  }
}

/** The rounds of one of the two, with the processor time of both processes. */
class Rounds {
  readonly megabytesPerSecond: number[] = []
  readonly cpuSeconds: number[] = []
  readonly #server: ChildProcess

  constructor(server: ChildProcess) {
    this.#server = server
  }

  get last(): string {
    return `${this.megabytesPerSecond.at(-1)!.toFixed(0)} MB/s in ${this.cpuSeconds.at(-1)!.toFixed(1)} s of processor time`
  }

  async take(round: () => Promise<number>): Promise<void> {
    const before = await this.#cpu()
    this.megabytesPerSecond.push(await round())
    this.cpuSeconds.push((await this.#cpu()) - before)
  }

  async #cpu(): Promise<number> {
    const answer = once(this.#server, 'message')
    this.#server.send('cpu')
    const [theirs] = (await answer) as [NodeJS.CpuUsage]
    const own = process.cpuUsage()
    return (theirs.user + theirs.system + own.user + own.system) / 1e6
  }
}

/** MB/s until the file is there, whole and synced. */
async function fetchRound({ network: address, weights: served }: Served): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const network = await startNetwork([address])
  const store = openStore(folder)
  try {
    const steward = address.split('/').at(-1) as PeerId
    await network.blocks.have(steward, [served.file])
    const provisions = new Provisions(network, store.blocks, pino({ level: 'silent' }))
    const manifest = { id: job, payload: manifestWith({ weights: [{ name: 'model', ...served }] }) }
    const lease = { payload: { shards: [] as Cid[] } }
    const startedMs = performance.now()
    const needs = { manifest, lease, stewards: [steward] } as unknown as Parameters<Provisions['ofLease']>[0]
    await provisions.ofLease(needs, new AbortController().signal)
    const path = (await store.blocks.of(job).pathOf(served))!
    const elapsedMs = performance.now() - startedMs
    if (statSync(path).size !== served.bytes) throw new Error('the weights did not come')
    return served.bytes / 1e3 / elapsedMs
  } finally {
    await network.stop()
    store.close()
    rmSync(folder, { recursive: true })
  }
}

/** The child process, until its parent disconnects. */
async function serve(megabytes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const path = join(folder, 'model')
  const file = openSync(path, 'wx')
  for (let at = 0; at < megabytes; at += 1) writeSync(file, randomFillSync(Buffer.alloc(MiB)))
  closeSync(file)
  const store = openStore(join(folder, 'data'))
  const staging = new Staging(store.blocks)
  const weights = await staging.keepWeights(path, () => {})
  await staging.handTo(store.blocks.of(job as JobId))
  const network = await startNetwork([])
  network.blocks.serve(
    (cid) => (store.blocks.isPublic(cid) ? store.blocks.get(cid) : undefined),
    (cid) => store.blocks.has(cid) && store.blocks.isPublic(cid),
  )
  const raw = await startRaw(['/ip4/127.0.0.1/tcp/0'])
  const sent = Array.from({ length: megabytes }, () => sample)
  await raw.handle(rawProtocol, (stream) => void sendAll(stream, sent))
  process.send?.({
    network: network.addresses()[0]!,
    raw: raw.getMultiaddrs()[0]!.toString(),
    weights,
  } satisfies Served)
  process.on('message', () => process.send?.(process.cpuUsage()))
  process.once('disconnect', () => {
    rmSync(folder, { recursive: true })
    process.exit()
  })
}

const sample = new Uint8Array(randomFillSync(Buffer.alloc(MiB)))

if (process.argv[2] === 'serve' && process.argv[1] === fileURLToPath(import.meta.url))
  await serve(Number(process.argv[3]))
