/** Finding standbys for a job that is about to be submitted: asks nodes, and takes those that answer in time. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { toString as bytesToText } from 'uint8arrays'
import type { PeerId } from '../../protocol/ids.ts'
import type { StewardPlace } from '../../protocol/job/manifest.ts'
import { inviteTtlMs } from '../../protocol/limits.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { encodeMessage, type Message } from '../../protocol/message.ts'
import type { Mesh } from './mesh.ts'

type Answer = Extract<Message, { type: 'willing' | 'unwilling' }>

export class Recruiting {
  readonly #network: Mesh
  readonly #waiting = new Map<string, (from: PeerId, answer: Answer) => void>()

  constructor(network: Mesh) {
    this.#network = network
  }

  /** Places for those of the candidates that are willing, in the order in which they were asked. */
  async invite(candidates: readonly Capacity[], bytes: number): Promise<StewardPlace[]> {
    const answers = await Promise.all(candidates.map((candidate) => this.#ask(candidate, bytes)))
    return answers.filter((place) => place !== null)
  }

  heard(from: PeerId, answer: Answer): void {
    this.#waiting.get(keyOf(answer.nonce))?.(from, answer)
  }

  async #ask({ peer, owner }: Capacity, bytes: number): Promise<StewardPlace | null> {
    const nonce = new Uint8Array(randomBytes(16))
    const answered = new Promise<StewardPlace | null>((resolve) => {
      this.#waiting.set(keyOf(nonce), (from, answer) => {
        if (from !== peer) return
        resolve(answer.type === 'willing' ? { peer, owner, nonce } : null)
      })
    })
    try {
      await this.#network.send(peer, encodeMessage({ type: 'invite', nonce, bytes, place: null }))
      return await Promise.race([answered, delay(inviteTtlMs, null, { ref: false })])
    } catch {
      return null // it cannot be reached
    } finally {
      this.#waiting.delete(keyOf(nonce))
    }
  }
}

function keyOf(nonce: Uint8Array): string {
  return bytesToText(nonce, 'base16')
}
