/**
 * Reads jobs from another node than the one that they were submitted to: a node that holds the submitter's key asks
 * the stewards, and they let it in.
 */

import { type EventEmitter, on } from 'node:events'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { type Access, openAccess } from '../../protocol/job/access.ts'
import { accessTtlMs } from '../../protocol/limits.ts'
import { encodeBody, type SignedRecord, type Verified } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { type Clock, elapsed } from '../clock.ts'
import { say } from '../say.ts'
import { sha256 } from '../sha256.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { Registry, RegistryOptions } from './registry.ts'

/** How long a job is sought among the stewards that are connected, and how often it is looked at: guesses. */
const seekMsMax = 30_000
/** Stewards that have it say so in a round trip, once they were dialled and asked: a busy one needs its time. A guess. */
const answerMsMax = 10_000
const seekLookMs = 100
/** A job that is read from elsewhere is as new as it gets once nothing more came for so long: stewards are asked every two seconds. */
const quietMs = 3_000
/** Peers that are asked for jobs, the connected ones first: each of them costs a dial. */
const askedPeersMax = 256

export class Reading {
  readonly #options: RegistryOptions
  readonly #registry: Registry
  /** Readers that are being let in. */
  readonly #admitting = new Set<PeerId>()

  constructor(options: RegistryOptions, registry: Registry) {
    this.#options = options
    this.#registry = registry
  }

  /** Lets whoever holds the submitter's key read the submitter's jobs. Throws ProtocolError. */
  asked(from: PeerId, record: SignedRecord): void {
    const access = openAccess(record, sha256, verifyByPeerId)
    this.#admit(from, access).catch((error) =>
      this.#options.log.info({ from, error }, 'a job that a reader asks for cannot be read'),
    )
  }

  /**
   * Finds the job, where this node does not have it, or has a reader's copy that may be old. Ends once all of a job that has
   * ended is here. `isPartEnough`: of one that runs, or whose results take their time, once nothing more comes.
   */
  async seek(prefix: string, isPartEnough = false): Promise<void> {
    if (this.knows(prefix)) return
    await this.#seek((found, isQuiet) => {
      const sought = found.filter(({ job }) => job.startsWith(prefix))
      if (sought.length === 0) return false
      const isPart = isPartEnough && isQuiet && sought.some(({ recordCount }) => recordCount > 0)
      return isPart || sought.every(({ isComplete }) => isComplete)
    }, prefix)
  }

  /** Finds the jobs of the submitter's key that other nodes look after. */
  async seekAll(): Promise<void> {
    await this.#seek((_, isQuiet, areAsked) => areAsked && isQuiet, '')
  }

  /** Ends when that is said, when nobody knows a job that begins so, or after a while. */
  async #seek(
    isFound: (found: readonly CouncilDriver[], isQuiet: boolean, areAsked: boolean) => boolean,
    prefix: string,
  ): Promise<void> {
    const { membership, clock } = this.#options
    await membership.settled()
    const access = this.#permission()
    const startedMs = clock.monotonicMs()
    let askedMs = Number.POSITIVE_INFINITY
    const asked = this.#everybody().map((peer) => this.#find(peer, access))
    void Promise.all(asked).then(() => {
      askedMs = clock.monotonicMs()
    })
    let [news, newsMs] = ['', startedMs]
    for (let nowMs = startedMs; nowMs < startedMs + seekMsMax; nowMs = clock.monotonicMs()) {
      const found = [...this.#registry.running()]
      const seen = found.map(({ job, recordCount }) => `${job}/${recordCount}`).join()
      if (seen !== news) [news, newsMs] = [seen, nowMs]
      const isUnknown = !found.some(({ job }) => job.startsWith(prefix))
      if (isFound(found, nowMs >= newsMs + quietMs, nowMs >= askedMs + quietMs)) return
      if (isUnknown && nowMs > askedMs + answerMsMax) return
      await elapsed(clock, seekLookMs)
    }
  }

  /** The peers that may be stewards of the submitter's jobs: those that are connected, and then those that are known. */
  #everybody(): PeerId[] {
    const { membership, network, key } = this.#options
    const known = membership.capacities().map(({ peer }) => peer)
    const peers = new Set([...network.connectedPeers(), ...known])
    peers.delete(key.peerId)
    return [...peers].slice(0, askedPeersMax)
  }

  /** A peer that may be a steward of a job that is read here: it lets only those in that ask. */
  met(peer: PeerId): void {
    if ([...this.#registry.running()].some(({ isReader }) => isReader))
      void this.#find(peer, this.#permission())
  }

  /** Resolves when it is asked, or cannot be reached. */
  #find(peer: PeerId, access: SignedRecord): Promise<void> {
    return say(this.#options, peer, { type: 'find', access })
  }

  /** One at a time for each reader: strangers decide how often they ask. */
  async #admit(from: PeerId, access: Verified<Access>): Promise<void> {
    if (access.expiresMs < this.#options.clock.now() || access.payload.reader !== from) return
    if (this.#admitting.has(from)) return
    this.#admitting.add(from)
    try {
      const { rows } = this.#registry
      await rows.attributeAll()
      for (const job of rows.index.submittedBy(access.signer))
        await this.#registry.use(job, (stewardship) => {
          if (!stewardship.isReader) stewardship.admitReader(from)
        })
    } finally {
      this.#admitting.delete(from)
    }
  }

  #permission(): SignedRecord {
    const { key, submitter, clock } = this.#options
    const body = encodeBody(
      bodyOf('access', {
        signer: submitter.peerId,
        serial: clock.now(),
        expiresMs: clock.now() + accessTtlMs,
        payload: { reader: key.peerId },
      }),
    )
    return { body, signature: submitter.sign(body) }
  }

  /** A reader's copy of a job is looked for anew. */
  knows(prefix: string): boolean {
    return this.#registry.rows
      .list()
      .some(({ job }) => job.startsWith(prefix) && this.#registry.get(job)?.isReader !== true)
  }
}

/** A steward that comes back learns of the end first, and gets the results a moment later from those that have them. */
export async function caughtUp(job: CouncilDriver, clock: Clock): Promise<void> {
  const untilMs = clock.monotonicMs() + seekMsMax
  while (job.hasEnded && !job.isComplete && clock.monotonicMs() < untilMs) await elapsed(clock, seekLookMs)
}

/** Resolves after the next change, and no sooner than `pause`; rejects when the signal is aborted. */
export async function changed(
  changes: EventEmitter,
  job: JobId,
  pause: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const iterator = on(changes, job, { signal })
  await pause
  await iterator.next()
  await iterator.return?.()
}
