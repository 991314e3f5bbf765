/**
 * What a flood costs others: a peer asks a node something twenty times a second, alone, and then while another peer says
 * as much to it as it will take. Three processes on two cores; the node is asked over its usual control stream.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { Member } from '../src/cli/swarm/member.ts'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { Network } from '../src/host/network/network.ts'
import { SigningKey } from '../src/host/store/keys.ts'
import type { PeerId } from '../src/protocol/ids.ts'
import { decodeMessage, encodeMessage } from '../src/protocol/message.ts'
import type { BenchOptions, Figure } from './figure.ts'

const intervalMs = 50

export async function flood({ quick, note }: BenchOptions): Promise<Figure[]> {
  const asks = quick ? 100 : 400
  const swarm = await Swarm.start({ vehicles: [{ name: 'car' }], fleet: false })
  const victim = swarm.vehicle('car')
  const asker = await Asker.start(victim)
  let flooder: ChildProcess | undefined
  try {
    await asker.ask(20)
    const quiet = await asker.ask(asks)
    const before = residentMib(victim.pid)
    flooder = fork(fileURLToPath(new URL('./flooder.ts', import.meta.url)), [
      victim.addresses[0]!,
      victim.peer,
    ])
    await once(flooder, 'message')
    await delay(5_000) // its first burst is over
    const from = await sentBy(flooder)
    const startedMs = performance.now()
    const flooded = await asker.ask(asks)
    const seconds = (performance.now() - startedMs) / 1000
    const rate = ((await sentBy(flooder)) - from) / seconds
    note(
      `quiet p50 ${at(quiet, 0.5).toFixed(2)} ms, flooded p50 ${at(flooded, 0.5).toFixed(2)} ms; ` +
        `${Math.round(rate)} messages/s got through, beside ${1000 / intervalMs}`,
    )
    return [
      {
        name: `an honest question's p99 beside a flood of ${Math.round(rate / (1000 / intervalMs))} times as many`,
        unit: 'ms',
        ours: at(flooded, 0.99),
        baseline: at(quiet, 0.99),
        of: 'without it',
        goal: { value: 'ratio', most: 2 },
      },
      {
        name: 'resident memory under the flood',
        unit: 'MiB',
        ours: residentMib(victim.pid),
        baseline: before,
        of: 'before it',
        goal: { value: 'ours', most: 512 },
      },
    ]
  } finally {
    flooder?.kill('SIGKILL')
    await asker.stop()
    await swarm.stop()
  }
}

class Asker {
  readonly #network: Network
  readonly #victim: PeerId
  readonly #answers = new Map<string, () => void>()

  static async start(victim: Member): Promise<Asker> {
    const network = await Network.start({
      privateKey: SigningKey.generate().toLibp2p(),
      listen: [],
      bootstrap: [],
      gossipScope: 'open',
      log: pino({ level: 'silent' }),
    })
    await network.reach(victim.addresses[0]!)
    return new Asker(network, victim.peer as PeerId)
  }

  private constructor(network: Network, victim: PeerId) {
    this.#network = network
    this.#victim = victim
    network.onMessage((_, bytes) => {
      const message = decodeMessage(bytes)
      if (message.type === 'willing' || message.type === 'unwilling')
        this.#answers.get(Buffer.from(message.nonce).toString('hex'))?.()
    })
  }

  /** Milliseconds until each answer, sorted. */
  async ask(count: number): Promise<number[]> {
    const took: number[] = []
    for (let i = 0; i < count; i += 1) {
      const nonce = new Uint8Array(randomBytes(16))
      const startedMs = performance.now()
      const answered = new Promise<void>((resolve) => {
        this.#answers.set(Buffer.from(nonce).toString('hex'), resolve)
      })
      await this.#network.send(this.#victim, encodeMessage({ type: 'invite', nonce, bytes: 1, place: null }))
      await answered
      this.#answers.clear()
      took.push(performance.now() - startedMs)
      await delay(intervalMs)
    }
    return took.sort((a, b) => a - b)
  }

  stop(): Promise<void> {
    return this.#network.stop()
  }
}

async function sentBy(flooder: ChildProcess): Promise<number> {
  flooder.send('how many?')
  const [sent] = await once(flooder, 'message')
  return sent as number
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}
