/** A job's blocks on this steward's disk: it gets those that it lacks, and again those that are damaged, from its fellows. */
import type { Cid, LeaseId, PeerId } from '../../protocol/ids.ts'
import { openLease } from '../../protocol/job/lease.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import { inputsPatienceMs } from '../../protocol/standing-by-limits.ts'
import { elapsed } from '../clock.ts'
import { RequestError } from '../errors.ts'
import { sha256 } from '../sha256.ts'
import { StoreError } from '../store/errors.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { Holdings, WrongInputs } from './holdings.ts'
import type { CouncilDriverOptions } from './options.ts'
import { OutcomesOfJob } from './outcomes.ts'

/** A standby that could not get a job's inputs asks again after this long: a guess. */
const holdRetryMs = 2_000
/** … and one whose disk has no room for them after this long: disks empty over hours. A guess. */
const roomRetryMs = 600_000

export class Inputs {
  /** Counts how pages came out; null where this node cannot read the job's results. */
  readonly outcomes: OutcomesOfJob | null
  readonly #options: CouncilDriverOptions
  readonly #blocks: JobBlocks
  readonly #holdings: Holdings
  readonly #fellows: () => readonly PeerId[]
  #shards: readonly ShardEntry[] | null
  #mending = false
  #areDamaged = false
  #isOver = false
  #stopped = false

  constructor(options: CouncilDriverOptions, blocks: JobBlocks, fellows: () => readonly PeerId[]) {
    this.#options = options
    this.#blocks = blocks
    this.#holdings = new Holdings(options, blocks)
    this.#fellows = fellows
    this.#shards = options.shards
    const { manifest, secret } = options
    this.outcomes = secret === null ? null : new OutcomesOfJob({ manifest, secret, blocks })
  }

  /** Throws RequestError while this standby has not got them. */
  get shards(): readonly ShardEntry[] {
    if (this.#shards !== null) return this.#shards
    throw new RequestError(
      `this node stands by for job ${this.#options.job} and does not have its inputs yet`,
    )
  }

  /** The list of shards is here. */
  get areListed(): boolean {
    return this.#shards !== null
  }

  /** A part of the inputs is neither here nor with the other stewards. */
  get areDamaged(): boolean {
    return this.#areDamaged
  }

  /** The submitter stored them again. */
  restored(): void {
    this.#areDamaged = false
  }

  stop(): void {
    this.#stopped = true
  }

  /**
   * Tried again as long as this standby lacks them: its fellows may come back. Undefined: it was stopped, or they are not
   * what the manifest says. Then this node keeps none of them. A reason: it has no use for its place in a stranger's job that runs.
   */
  async hold(isReader: boolean): Promise<readonly ShardEntry[] | 'no-inputs' | 'wrong-inputs' | undefined> {
    const { job, manifest, isOwn, clock, log } = this.#options
    const mayLeave = () => !isOwn && !isReader && !this.#isOver && !this.#stopped
    let [received, sinceMs] = [0, clock.monotonicMs()]
    while (!this.#stopped) {
      try {
        this.#shards =
          isReader || this.#isOver
            ? await this.#holdings.lists(manifest, this.#fellows())
            : await this.#holdings.inputs(manifest, this.#fellows())
        // The job may have ended meanwhile.
        if (this.#isOver) await this.#letGo()
        return this.#shards
      } catch (error) {
        if (this.#stopped) break
        if (error instanceof WrongInputs) {
          log.warn(
            { job, error },
            'the inputs of a job are not what its manifest says: this node does not hold them',
          )
          await this.#blocks.letGo(['input', 'weights'])
          return mayLeave() && !this.#hasResults() ? 'wrong-inputs' : undefined
        }
        if (this.#holdings.received > received)
          [received, sinceMs] = [this.#holdings.received, clock.monotonicMs()]
        const isInVain = clock.monotonicMs() - sinceMs >= inputsPatienceMs
        if (isInVain && mayLeave() && !this.#hasResults()) return 'no-inputs'
        const isShort = error instanceof StoreError && ['no-room', 'disk-full'].includes(error.code)
        // What is here of it is of no use without the rest, and another job may have the room.
        if (isShort && !isOwn) await this.#blocks.letGo(['input', 'weights'])
        log.info({ job, error }, 'the inputs of a job that this node stands by for are not here yet')
        await elapsed(clock, isShort ? roomRetryMs : holdRetryMs)
      }
    }
    return undefined
  }

  /** It held the inputs once, and has what others may lack: a list that the disk lost may take long to come back. */
  #hasResults(): boolean {
    return this.#blocks.hasAny('result')
  }

  /** The job has ended. Of a stranger's job this node keeps what readers need, and no more. */
  over(): void {
    this.#isOver = true
    void this.#letGo()
  }

  async #letGo(): Promise<void> {
    const { job, manifest, isOwn, log } = this.#options
    if (isOwn || this.#stopped) return
    await this.#holdings.onlyLists(manifest).catch((error) => {
      log.info({ job, error }, 'the inputs of a job that has ended stay on this node for now')
    })
  }

  /** A vehicle could not get what its lease names: what is damaged or gone here is fetched from the other stewards. */
  async mend(lease: LeaseId, vehicle: PeerId): Promise<void> {
    const { job, manifest, store, log, onChange } = this.#options
    const row = store.journal.get(lease)
    if (row?.job !== job || this.#mending || this.#isOver) return
    this.#mending = true
    try {
      const { payload } = openLease(row, sha256, () => true)
      if (payload.vehicle === vehicle) await this.#holdings.leased(manifest, payload.shards, this.#fellows())
      this.#areDamaged = false
    } catch (error) {
      log.warn({ job, error }, 'a part of the inputs of a job is damaged here')
      this.#areDamaged = true
      onChange()
    } finally {
      this.#mending = false
    }
  }

  /** Tells whether the results came. */
  holdResults(results: readonly Cid[], from: PeerId): Promise<boolean> {
    return this.#holdings.results(results, [from]).then(
      () => true,
      () => false,
    )
  }

  /** The result that a damaged block belongs to. */
  resultOf(damaged: Cid): Promise<Cid> {
    return this.#holdings.resultOf(damaged)
  }

  /** A result or a list of the job: from this disk, or, where it is damaged here, from another steward. */
  async block(cid: Cid): Promise<Uint8Array | undefined> {
    const { job, log } = this.#options
    if (this.#blocks.isHeld(cid)) {
      const here = await this.#blocks.get(cid)
      if (here !== undefined) return here
    }
    await this.#holdings.again(cid, this.#fellows()).catch((error) => {
      log.info({ job, cid, error }, 'a damaged block is with no other steward either')
    })
    return this.#blocks.get(cid)
  }
}
