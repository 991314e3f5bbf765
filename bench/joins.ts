/**
 * Joins at their limit: how many newcomers one bootstrap node of a mesh of cells tells the way in a second.
 *
 * The node is the program as it is installed, with its usual bounds. A newcomer is a libp2p node with a key of its own and an address of
 * its own on the loopback: it dials, shakes hands, is identified, takes part in gossip, asks `where`, and stays until the
 * bootstrap node hangs up, as a node does that has found its cell. Newcomers come at even times, whether or not those before them
 * were answered. They take three times the processor that the bootstrap node does, so that the highest rate is one of this machine, and what a
 * core could do follows from the processor time of each.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { concat } from 'uint8arrays'
import { Member } from '../src/cli/swarm/member.ts'
import { usageOf } from '../src/host/executor/usage.ts'
import { framePrefix } from '../src/host/network/frames.ts'
import { questionTtlMs } from '../src/protocol/cell-limits.ts'
import { encodeCellMessage } from '../src/protocol/cells/message.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { install } from './installed.ts'

const cellsProtocol = '/carpool/cells/1'
/** A newcomer that nobody has hung up on by then leaves. */
const staysMsMax = 30_000

interface Join {
  readonly isAnswered: boolean
  /** From the dial until the bootstrap node hung up. */
  readonly heldMs: number
}

export async function joins({ quick, note }: BenchOptions): Promise<Figure[]> {
  const installed = install()
  const dataDir = mkdtempSync(join(tmpdir(), 'carpool-joins-'))
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--slots', '0', '--cells', 'on', '--log-level', 'warn']
  const hub = await Member.start({ name: 'hub', dataDir, flags, program: installed.carpool })
  try {
    const figures: Figure[] = []
    for (const perSecond of quick ? [10] : [10, 20, 40]) {
      const count = perSecond * (quick ? 5 : 20)
      const beforeMs = usageOf(hub.pid)!.cpuMs
      const startedMs = performance.now()
      const all = await Promise.all(
        Array.from({ length: count }, (_, i) => joinAt(hub.addresses[0]!, i, (i * 1_000) / perSecond)),
      )
      const answered = all.filter(({ isAnswered }) => isAnswered)
      const cpuMs = (usageOf(hub.pid)!.cpuMs - beforeMs) / count
      const seconds = (performance.now() - startedMs) / 1_000
      note(
        `${perSecond} a second: ${answered.length} of ${count} answered, let go after ${median(all.map(({ heldMs }) => heldMs)).toFixed(0)} ms, ${cpuMs.toFixed(1)} ms of processor each, ${seconds.toFixed(0)} s in all`,
      )
      const goal = { value: 'ours', least: 0.99 * count } as const
      const name = `newcomers answered, of those that came at ${perSecond} a second`
      figures.push({ name, unit: 'nodes', ours: answered.length, baseline: count, of: 'that came', goal })
      if (perSecond === 10)
        figures.push({
          ...{
            name: 'newcomers that a core of a bootstrap node answers',
            unit: 'a second',
            ours: 1_000 / cpuMs,
          },
          ...{ baseline: 100_000 / 1_800 / 3, of: 'each of three, of 100,000 within 30 minutes' },
          goal: { value: 'ratio', least: 1 },
        })
    }
    return figures
  } finally {
    await hub.end('SIGTERM')
    rmSync(dataDir, { recursive: true, force: true })
    installed.remove()
  }
}

async function joinAt(address: string, index: number, afterMs: number): Promise<Join> {
  await delay(afterMs)
  // A host may have only so many connections.
  const localAddress = `127.0.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`
  const node = await createLibp2p({
    transports: [tcp({ dialOpts: { localAddress } as object })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub() },
  })
  const startedMs = performance.now()
  let isAnswered = false
  await node.handle(cellsProtocol, (stream) => {
    stream.addEventListener('message', () => {
      isAnswered ||= performance.now() - startedMs < questionTtlMs
    })
  })
  const gone = new Promise<void>((resolve) => node.addEventListener('peer:disconnect', () => resolve()))
  try {
    const connection = await node.dial(multiaddr(address), { signal: AbortSignal.timeout(questionTtlMs) })
    const stream = await connection.newStream(cellsProtocol)
    const question = encodeCellMessage({ type: 'where', question: 1, key: index * 2 ** 36 })
    stream.send(concat([framePrefix(question.byteLength), question]))
    await Promise.race([gone, delay(staysMsMax, undefined, { ref: false })])
  } catch {
    // It was not let in, or not in time.
  }
  const heldMs = performance.now() - startedMs
  await node.stop()
  return { isAnswered, heldMs }
}
