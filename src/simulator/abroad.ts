/**
 * Vehicles of other cells for the jobs of a world that is one cell of a large mesh: where the cell has too few, the steward that acts takes a
 * census, as src/host/jobs/abroad.ts does in the real world. The vehicles that it finds join the world.
 */
import { wantsAbroad } from '../protocol/cells/abroad-need.ts'
import type { Cid, JobId, PeerId } from '../protocol/ids.ts'
import { encodeAdverts } from '../protocol/job/abroad.ts'
import { isAbroad } from '../protocol/job/draw.ts'
import type { Day, Foreigner } from './day.ts'
import type { SimJob } from './sim-job.ts'
import type { SimWorld } from './sim-world.ts'
import type { StewardNode } from './steward-node.ts'

/** How often jobs are looked at. */
export const abroadLookMs = 10_000
/** So long after a census the next one is taken, if the job still wants vehicles: as in the host. */
const againMs = 600_000
/** Its questions take so long. */
const censusMs = 5_000

export class Abroad {
  /** The blocks of censuses, by name. */
  readonly blocks = new Map<Cid, Uint8Array>()
  censuses = 0
  doubted = 0
  listed = 0
  readonly #world: SimWorld
  readonly #day: Day
  readonly #meet: (vehicle: Foreigner) => void
  readonly #takenMs = new Map<JobId, number>()

  constructor(world: SimWorld, day: Day, meet: (vehicle: Foreigner) => void) {
    this.#world = world
    this.#day = day
    this.#meet = meet
  }

  /** `acts`: whether this steward acts for that job. */
  look(stewards: readonly StewardNode[], acts: (job: JobId, peer: PeerId) => boolean): void {
    const { nowMs } = this.#world
    for (const steward of stewards)
      for (const job of steward.jobs()) {
        const { id } = job.manifest
        const takenMs = this.#takenMs.get(id) ?? Number.NEGATIVE_INFINITY
        if (nowMs - takenMs < againMs || !acts(id, steward.peer) || !this.#isWanted(steward, job)) continue
        this.#takenMs.set(id, nowMs)
        this.#draw(steward, job)
      }
  }

  #isWanted(steward: StewardNode, job: SimJob): boolean {
    const shown = steward.shownOf(job)
    if (shown === undefined) return false
    const { total, verified, failed } = shown.view().shards
    const able = this.#world.capacities().filter(({ slots }) => slots.total > 0)
    return wantsAbroad({
      open: total - verified - failed,
      replicas: job.manifest.payload.assurance.replicas,
      owners: new Set(able.map(({ owner }) => owner)).size,
      slots: able.reduce((sum, { slots }) => sum + slots.total, 0),
    })
  }

  #draw(steward: StewardNode, job: SimJob): void {
    const used = steward
      .storyOf(job)
      .filter(
        ({ kind, record }) => kind === 'draw' && record.signer === steward.peer && isAbroad(record.payload),
      )
    const found = this.#day.census(job, used.length, steward.peer, this.#world.nowMs)
    if (found === undefined) return
    this.censuses += 1
    this.doubted += found.list.census.doubted.length
    this.listed += found.members.length
    this.blocks.set(found.list.census.adverts, encodeAdverts(found.adverts))
    for (const vehicle of found.vehicles) this.#meet(vehicle)
    this.#world.later(steward, censusMs, () =>
      steward.tell(job, { type: 'census', census: found.list.census, members: found.members }),
    )
  }
}
