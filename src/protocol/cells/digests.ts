/**
 * The digests that a node believes: of each cell and region those of three speakers, of distinct owners. Of their numbers the middle
 * one counts, so that one liar among three moves nothing. Where more than three speak, those with the lowest lots of the hour
 * count (speakers.ts): their keys are in their credentials.
 */
import { digestTtlMs } from '../cell-limits.ts'
import type { CellId } from '../ids.ts'
import { type Digest, type EngineDigest, enginesTogether, type HeardDigest } from './digest.ts'
import { isWithin, regionOf } from './key.ts'
import type { Contact } from './member.ts'
import { hourOf, type SpeakerLots } from './speakers.ts'

interface Heard {
  readonly digest: HeardDigest
  readonly untilMs: number
}

/** The numbers of a cell or a region, as the middle one of its speakers says them. */
export type Counts = Pick<Digest, 'members' | 'owners' | 'cells' | 'deeper' | 'beside' | 'above'>

export class Digests {
  readonly #lots: SpeakerLots
  /** By 'cell' or 'region/', and within that by speaker's owner. */
  readonly #heard = new Map<string, Heard[]>()

  constructor(lots: SpeakerLots) {
    this.#lots = lots
  }

  /** True: it is news. */
  hear(digest: HeardDigest, nowMs: number): boolean {
    if (digest.expiresMs <= nowMs || digest.expiresMs > nowMs + 2 * digestTtlMs) return false
    const name = nameOf(digest.cell, digest.isRegion)
    const before = (this.#heard.get(name) ?? []).filter(({ untilMs }) => untilMs > nowMs)
    const own = before.find((heard) => heard.digest.speaker.owner === digest.speaker.owner)
    if (
      own !== undefined &&
      own.digest.serial >= digest.serial &&
      own.digest.speaker.peer === digest.speaker.peer
    )
      return false
    const others = before.filter((heard) => heard !== own)
    const all = [...others, { digest, untilMs: Math.min(digest.expiresMs, nowMs + digestTtlMs) }]
    const speakers = this.#lots.lowest(
      all.map(({ digest: { speaker } }) => speaker),
      hourOf(nowMs),
    )
    const kept = all.filter((heard) => speakers.includes(heard.digest.speaker))
    this.#heard.set(name, kept)
    return kept.some((heard) => heard.digest === digest)
  }

  /** The counts of a cell, or a region; undefined: nobody speaks for it. */
  counts(cell: CellId, isRegion: boolean, nowMs: number): Counts | undefined {
    const digests = this.#of(nameOf(cell, isRegion), nowMs)
    if (digests.length === 0) return undefined
    const middle = (key: keyof Counts) => middleOf(digests.map((digest) => digest[key]))
    return {
      ...{ members: middle('members'), owners: middle('owners'), cells: middle('cells') },
      ...{ deeper: middle('deeper'), beside: middle('beside'), above: middle('above') },
    }
  }

  /** The engines of a cell or region, as the speaker says them that has the middle number of members. */
  engines(cell: CellId, isRegion: boolean, nowMs: number): readonly EngineDigest[] {
    const digests = this.#of(nameOf(cell, isRegion), nowMs)
    return [...digests].sort((a, b) => a.members - b.members)[(digests.length - 1) >> 1]?.engines ?? []
  }

  /** Members of cells that a cell has within it, itself not counted. */
  membersWithin(cell: CellId, nowMs: number): number {
    return this.#sum(nowMs, (each) => each !== cell && isWithin(each, cell))
  }

  /** … of cells that contain it. */
  membersAround(cell: CellId, nowMs: number): number {
    return this.#sum(nowMs, (each) => each !== cell && isWithin(cell, each))
  }

  /** Those who speak for the cells, or smaller regions, of a region. */
  speakersIn(region: CellId, nowMs: number): Contact[] {
    return this.#children(region, nowMs).flatMap((name) =>
      this.#of(name, nowMs).map(({ speaker }) => speaker),
    )
  }

  /** All speakers that are known. */
  speakers(nowMs: number): Contact[] {
    return [...this.#heard.keys()].flatMap((name) => this.#of(name, nowMs).map(({ speaker }) => speaker))
  }

  speakersFor(cell: CellId, isRegion: boolean, nowMs: number): Contact[] {
    return this.#of(nameOf(cell, isRegion), nowMs).map(({ speaker }) => speaker)
  }

  /** Sums up a region from what is known of its cells, or smaller regions. */
  sum(region: CellId, nowMs: number): Pick<Digest, 'members' | 'owners' | 'cells' | 'engines'> {
    const children = this.#children(region, nowMs).map((name) => {
      const { cell, isRegion } = this.#of(name, nowMs)[0]!
      return { ...this.counts(cell, isRegion, nowMs)!, engines: this.engines(cell, isRegion, nowMs) }
    })
    const sum = (key: 'members' | 'owners' | 'cells') =>
      children.reduce((total, child) => total + child[key], 0)
    return {
      ...{ members: sum('members'), owners: sum('owners'), cells: sum('cells') },
      engines: enginesTogether(children.map(({ engines }) => engines)),
    }
  }

  clockSet(byMs: number): void {
    for (const [name, heard] of this.#heard)
      this.#heard.set(
        name,
        heard.map(({ digest, untilMs }) => ({ digest, untilMs: untilMs + byMs })),
      )
  }

  /** Forgets what is over. */
  expire(nowMs: number): void {
    for (const [name, heard] of this.#heard) {
      const left = heard.filter(({ untilMs }) => untilMs > nowMs)
      if (left.length === 0) this.#heard.delete(name)
      else if (left.length < heard.length) this.#heard.set(name, left)
    }
  }

  #of(name: string, nowMs: number): HeardDigest[] {
    return (this.#heard.get(name) ?? []).flatMap(({ digest, untilMs }) => (untilMs > nowMs ? [digest] : []))
  }

  #children(region: CellId, nowMs: number): string[] {
    return [...this.#heard.keys()].sort().filter((name) => {
      const digest = this.#of(name, nowMs)[0]
      return digest !== undefined && regionOf(digest.cell) === region
    })
  }

  #sum(nowMs: number, isCounted: (cell: CellId) => boolean): number {
    let members = 0
    for (const name of this.#heard.keys()) {
      const digest = this.#of(name, nowMs)[0]
      if (digest !== undefined && !digest.isRegion && isCounted(digest.cell))
        members += this.counts(digest.cell, false, nowMs)!.members
    }
    return members
  }
}

function nameOf(cell: CellId, isRegion: boolean): string {
  return isRegion ? `${cell}/` : cell
}

/** The lower one of two, the second of three. */
function middleOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[(numbers.length - 1) >> 1]!
}
