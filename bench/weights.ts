/**
 * Weights of a gigabyte between two nodes, from disk to disk: served out of one file, checked, and put together as one file,
 * beside a bare libp2p stream of as many bytes in the same run.
 *
 * Each side of each pair is a process of its own. Rounds alternate and the median counts. The bare stream sends one buffer again and again, and
 * its reader drops what it gets: it neither hashes, frames nor touches a disk. It runs as libp2p comes, and once more with V8 set as
 * our nodes have it (outside-memory.ts), so that one can tell what that alone does.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { weighOutsideMemory } from '../src/host/outside-memory.ts'
import { openStore } from '../src/host/store.ts'
import { Staging } from '../src/host/submission/staging.ts'
import { Provisions } from '../src/host/vehicle/provisions.ts'
import type { Cid, JobId, PeerId } from '../src/protocol/ids.ts'
import type { FileReference } from '../src/protocol/job/manifest.ts'
import { manifestWith } from '../test/support/core-fakes.ts'
import { jobNamed } from '../test/support/store.ts'
import { rawProtocol, receiveRaw, sendAll, startNetwork, startRaw, stopServer } from './blocks.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { firstToken } from './first-token.ts'

interface Served {
  readonly address: string
  readonly weights: FileReference
}

const MiB = 2 ** 20
const job = jobNamed('weights')

const kinds = ['ours', 'bare', 'weighed'] as const
type Kind = (typeof kinds)[number]

export async function weights({ quick, mebibytes, note }: BenchOptions): Promise<Figure[]> {
  const megabytes = mebibytes ?? (quick ? 256 : 1_024)
  const pairs = new Map<Kind, Pair>()
  try {
    for (const kind of kinds) pairs.set(kind, await Pair.start(kind, megabytes))
    for (let round = 0; round < 3; round += 1)
      for (const [kind, pair] of pairs) {
        await pair.round()
        note(`${kind}: ${pair.last}`)
      }
    const [ours, bare, weighed] = kinds.map((kind) => pairs.get(kind)!) as [Pair, Pair, Pair]
    const rate = (pair: Pair) => median(pair.megabytesPerSecond)
    const cpu = (pair: Pair) => median(pair.cpuSeconds)
    const of = 'a bare libp2p stream'
    const name = `weights of ${megabytes} MiB, from disk to disk and verified`
    const cpuName = `processor time of both nodes for weights of ${megabytes} MiB`
    return [
      {
        name,
        unit: 'MB/s',
        ours: rate(ours),
        baseline: rate(bare),
        of,
        goal: { value: 'ratio', least: 0.8 },
      },
      {
        name,
        unit: 'MB/s',
        ours: rate(ours),
        baseline: rate(weighed),
        of: `${of}, with V8 set as ours`,
        goal: null,
      },
      { name: cpuName, unit: 's', ours: cpu(ours), baseline: cpu(bare), of, goal: null },
      {
        name: cpuName,
        unit: 's',
        ours: cpu(ours),
        baseline: cpu(weighed),
        of: `${of}, with V8 set as ours`,
        goal: null,
      },
      ...(await firstToken(megabytes, rate(bare), note)),
    ]
  } finally {
    for (const pair of pairs.values()) await pair.stop()
  }
}

/** A server and a receiver, with the rates of their rounds and the processor time of both. */
class Pair {
  readonly megabytesPerSecond: number[] = []
  readonly cpuSeconds: number[] = []
  readonly #sides: readonly ChildProcess[]

  static async start(kind: Kind, megabytes: number): Promise<Pair> {
    const server = fork(fileURLToPath(import.meta.url), ['serve', kind, String(megabytes)])
    const [served] = (await once(server, 'message')) as [Served]
    return new Pair([server, fork(fileURLToPath(import.meta.url), ['receive', kind, JSON.stringify(served)])])
  }

  private constructor(sides: readonly ChildProcess[]) {
    this.#sides = sides
  }

  get last(): string {
    return `${this.megabytesPerSecond.at(-1)!.toFixed(0)} MB/s in ${this.cpuSeconds.at(-1)!.toFixed(1)} s of processor time`
  }

  async round(): Promise<void> {
    const before = await this.#cpu()
    this.megabytesPerSecond.push(await ask(this.#sides[1]!, 'round'))
    this.cpuSeconds.push((await this.#cpu()) - before)
  }

  async stop(): Promise<void> {
    for (const side of this.#sides.toReversed()) await stopServer(side)
  }

  async #cpu(): Promise<number> {
    const [one, other] = await Promise.all(this.#sides.map((side) => ask(side, 'cpu')))
    return one! + other!
  }
}

async function ask(side: ChildProcess, what: 'round' | 'cpu'): Promise<number> {
  const answer = once(side, 'message')
  side.send(what)
  return ((await answer) as [number])[0]
}

/** MB/s until the file is there, whole and synced. */
async function fetchRound({ address, weights: served }: Served): Promise<number> {
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

/** A receiver, until its parent disconnects. */
function receive(kind: Kind, served: Served): void {
  const round = () =>
    kind === 'ours' ? fetchRound(served) : receiveRaw(served.address, served.weights.bytes)
  answering(round)
}

/** A server, until its parent disconnects. */
async function serve(kind: Kind, megabytes: number): Promise<void> {
  const served = kind === 'ours' ? await serveWeights(megabytes) : await serveRaw(megabytes)
  answering(() => Promise.reject(new Error('a server has no rounds')))
  process.send?.(served)
}

async function serveWeights(megabytes: number): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
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
  return { address: network.addresses()[0]!, weights }
}

async function serveRaw(megabytes: number): Promise<Served> {
  const raw = await startRaw(['/ip4/127.0.0.1/tcp/0'])
  const sent = Array.from({ length: megabytes }, () => sample)
  await raw.handle(rawProtocol, (stream) => void sendAll(stream, sent))
  return { address: raw.getMultiaddrs()[0]!.toString(), weights: { file: '' as Cid, bytes: megabytes * MiB } }
}

function answering(round: () => Promise<number>): void {
  process.on('message', async (what) => {
    const { user, system } = process.cpuUsage()
    process.send?.(what === 'round' ? await round() : (user + system) / 1e6)
  })
  process.once('disconnect', () => process.exit())
}

const sample = new Uint8Array(randomFillSync(Buffer.alloc(MiB)))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [role, kind, what] = process.argv.slice(2) as ['serve' | 'receive', Kind, string]
  if (kind !== 'bare') weighOutsideMemory()
  if (role === 'serve') await serve(kind, Number(what))
  else receive(kind, JSON.parse(what))
}
