import { hash } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { base32 } from 'multiformats/bases/base32'
import { pino } from 'pino'
import { makeMeshKey } from '../src/host/network/mesh-key.ts'
import { Network } from '../src/host/network/network.ts'
import type { Cid } from '../src/protocol/ids.ts'
import type { BenchOptions, Figure } from './figure.ts'

/**
 * Memory of a process with two nodes behind a mesh key: after 10 GB of blocks of 1 MiB, and after 10,000 connections that
 * were made and ended one after the other, each beside what it held after the first tenth. Both fail if anything stays.
 */
export async function meshKey({ quick, note }: BenchOptions): Promise<Figure[]> {
  const key = makeMeshKey()
  const [server, client] = await Promise.all([start(key), start(key)])
  const address = server.addresses()[0]!
  const blocks = new Map(Array.from({ length: blockCount }, (_, i) => blockOf(i)))
  server.blocks.serve((cid) => blocks.get(cid))
  client.learn(server.peer, [address])
  const rounds = (quick ? 100 : 10_000) / blockCount
  const bytes = await grows(rounds, note, async () => {
    for await (const block of client.blocks.fetch(server.peer, [...blocks.keys()]))
      if (block.bytes === undefined) throw new Error('a block is missing')
  })
  await client.disconnect(server.peer)
  const connections = await grows(quick ? 100 : 10_000, note, async () => {
    await client.reach(address)
    await client.disconnect(server.peer)
  })
  await Promise.all([server.stop(), client.stop()])
  return [
    { name: `memory after ${quick ? '0.1' : '10'} GB behind a mesh key`, ...bytes },
    { name: `memory after ${quick ? '100' : '10,000'} connections behind a mesh key`, ...connections },
  ]
}

const blockCount = 20
const MiB = 2 ** 20

async function grows(rounds: number, note: BenchOptions['note'], round: () => Promise<void>) {
  let early = 0
  for (let done = 1; done <= rounds; done++) {
    await round()
    if (done === Math.ceil(rounds / 10)) early = held()
    if (done % Math.ceil(rounds / 10) === 0) note(`${done} of ${rounds} rounds, ${held().toFixed(0)} MiB`)
  }
  const goal = { value: 'ratio', most: 1.2 } as const
  return { unit: 'MiB', ours: held(), baseline: early, of: 'after the first tenth', goal }
}

/** In MiB, of the whole process. */
function held(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss() / MiB
}

async function start(key: Uint8Array): Promise<Network> {
  return await Network.start({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    gossipScope: 'bench',
    meshKey: key,
    log: pino({ level: 'silent' }),
  })
}

function blockOf(index: number): [Cid, Uint8Array] {
  const block = new Uint8Array(Buffer.alloc(MiB, hash('sha256', String(index), 'buffer')))
  const digest = hash('sha256', block, 'buffer')
  return [base32.encode(Uint8Array.from([0x01, 0x55, 0x12, 0x20, ...digest])) as string as Cid, block]
}
