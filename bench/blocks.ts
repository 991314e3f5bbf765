import { type ChildProcess, fork } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { base32 } from 'multiformats/bases/base32'
import { pino } from 'pino'
import { Network } from '../src/host/network/network.ts'
import type { Cid, PeerId } from '../src/protocol/ids.ts'

/**
 * Megabytes per second of verified blocks, beside a bare libp2p stream on the same stack, in the same run.
 *
 * The server is a process of its own, since one process would encrypt and decrypt on one core. Rounds alternate
 * and the median counts: the machine's mood then falls on both. The bare stream neither hashes nor frames.
 */
export async function blocks(): Promise<{ name: string; ours: number; raw: number; ratio: number }> {
  const server = fork(fileURLToPath(import.meta.url), ['serve'])
  try {
    const [addresses] = (await once(server, 'message')) as [Addresses]
    const ours: number[] = []
    const raw: number[] = []
    await fetchRound(addresses)
    await rawRound(addresses)
    for (let round = 0; round < rounds; round++) {
      ours.push(await fetchRound(addresses))
      raw.push(await rawRound(addresses))
    }
    const result = { ours: median(ours), raw: median(raw) }
    return {
      name: `blocks of 1 MiB, MB/s, ${blockCount} a round`,
      ...result,
      ratio: result.ours / result.raw,
    }
  } finally {
    await stopServer(server)
  }
}

interface Addresses {
  readonly network: string
  readonly raw: string
}

const rounds = 5
const blockCount = 128
const blockBytes = 1024 * 1024
export const rawProtocol = '/carpool/bench/raw'

async function fetchRound(addresses: Addresses): Promise<number> {
  const network = await startNetwork([addresses.network])
  const server = addresses.network.split('/').at(-1) as PeerId
  const cids = testBlocks().map(cidOf)
  await network.blocks.have(server, cids)
  const startedMs = performance.now()
  let bytes = 0
  for await (const block of network.blocks.fetch(server, cids)) bytes += block.bytes!.byteLength
  const elapsedMs = performance.now() - startedMs
  await network.stop()
  return bytes / 1e3 / elapsedMs
}

function rawRound({ raw }: Addresses): Promise<number> {
  return receiveRaw(raw, blockCount * blockBytes)
}

/** MB/s of a bare stream of so many bytes. */
export async function receiveRaw(address: string, bytesAll: number): Promise<number> {
  const node = await startRaw([])
  const stream = await node.dialProtocol(multiaddr(address), rawProtocol)
  const startedMs = performance.now()
  let bytes = 0
  const all = Promise.withResolvers<void>()
  stream.addEventListener('message', ({ data }) => {
    bytes += data.byteLength
    if (bytes === bytesAll) all.resolve()
  })
  stream.send(new Uint8Array(1))
  await all.promise
  const elapsedMs = performance.now() - startedMs
  await node.stop()
  return bytes / 1e3 / elapsedMs
}

/** What the child process runs, until its parent disconnects. */
async function serve(): Promise<void> {
  const network = await startNetwork([])
  const held = new Map(testBlocks().map((block) => [cidOf(block), block]))
  network.blocks.serve(
    (cid) => held.get(cid),
    (cid) => held.has(cid),
  )
  const raw = await startRaw(['/ip4/127.0.0.1/tcp/0'])
  await raw.handle(rawProtocol, (stream) => void sendAll(stream, [...held.values()]))
  process.send?.({ network: network.addresses()[0], raw: raw.getMultiaddrs()[0]!.toString() })
  process.once('disconnect', () => process.exit())
}

export async function sendAll(stream: Stream, sent: Uint8Array[]): Promise<void> {
  await new Promise((resolve) => stream.addEventListener('message', resolve, { once: true }))
  for (const block of sent) {
    if (!stream.send(block))
      await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
  }
}

export async function startNetwork(bootstrap: string[]): Promise<Network> {
  const privateKey = await generateKeyPair('Ed25519')
  const log = pino({ level: 'silent' })
  return Network.start({ privateKey, listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap, log, gossipScope: 'bench' })
}

export function startRaw(listen: string[]) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 4 * 1024 * 1024 - 1 } })],
    connectionManager: { inboundConnectionThreshold: 1000 },
  })
}

/** The same in both processes; the hash makes each different and none compressible. */
function testBlocks(): Uint8Array[] {
  return Array.from({ length: blockCount }, (_, index) => {
    return Buffer.alloc(blockBytes, hash('sha256', String(index), 'buffer'))
  })
}

function cidOf(block: Uint8Array): Cid {
  const digest = hash('sha256', block, 'buffer')
  return base32.encode(Uint8Array.from([0x01, 0x55, 0x12, 0x20, ...digest])) as string as Cid
}

function median(values: number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1]!
}

export async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  server.disconnect()
  await once(server, 'exit')
}

if (process.argv[2] === 'serve' && process.argv[1] === fileURLToPath(import.meta.url)) await serve()
