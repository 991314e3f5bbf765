/**
 * Speaking: a speaker says what its cell has, in the cell and in its region; a speaker of a region says what the region has, in the region
 * above and in the one below. So whoever speaks for a cell knows about its 64 neighbours, and by what is passed on about the whole mesh.
 */
import { digestChangePercent, digestIntervalMs, digestSpacingMs } from '../cell-limits.ts'
import type { CellId } from '../ids.ts'
import type { Topic } from './contract.ts'
import { type Digest, enginesOf, engineTag, fitting, type HeardDigest } from './digest.ts'
import { isWithin, regionOf } from './key.ts'
import { aroundOf, regionTopicOf, topicOf } from './moving.ts'
import type { Station } from './station.ts'

interface Spoken {
  readonly digest: Digest
  readonly atMs: number
}

export class Speaking {
  readonly #station: Station
  /** By topic-like name, what this node said last. */
  readonly #spoken = new Map<string, Spoken>()
  /** Use: tags of engines by their names. */
  readonly #tags = new Map<string, number>()

  constructor(station: Station) {
    this.#station = station
  }

  /** Says what is due. */
  look(nowMs: number): void {
    const station = this.#station
    if (!station.speaks(nowMs)) {
      this.#spoken.clear()
      return
    }
    const { cell } = station
    const above = regionOf(cell)
    this.#say(
      this.#ofCell(nowMs),
      above === null ? [topicOf(cell)] : [topicOf(cell), regionTopicOf(above)],
      nowMs,
    )
    for (const region of station.regions(nowMs)) {
      const over = regionOf(region)
      const topics = [regionTopicOf(region), ...(over === null ? [] : [regionTopicOf(over)])]
      this.#say(this.#ofRegion(region, nowMs), topics, nowMs)
    }
  }

  /** A digest was heard: those that speak pass on what is of interest below them. */
  passOn(digest: HeardDigest, topic: Topic, nowMs: number): void {
    const { cell, effects } = this.#station
    // Whoever hears of a region that contains its own cell tells those who do not hear it.
    if (!digest.isRegion || !isWithin(cell, digest.cell)) return
    const below = [...this.#station.regions(nowMs).map(regionTopicOf), topicOf(cell)]
    if (!this.#station.speaks(nowMs)) return
    for (const lower of below)
      if (lower !== topic && isBelow(lower, topic)) effects.push({ type: 'pass-on', digest, topic: lower })
  }

  /** When something may be due next. */
  dueMs(nowMs: number): number {
    if (!this.#station.speaks(nowMs)) return Infinity
    return nowMs + digestSpacingMs
  }

  tagOf(runtime: string, id: string, isa: string | null): number {
    const name = `${runtime}/${id}/${isa ?? ''}`
    const known = this.#tags.get(name)
    if (known !== undefined) return known
    // Names are strangers' words.
    if (this.#tags.size > 1_024) this.#tags.clear()
    const tag = engineTag(this.#station.options.sha256, runtime, id, isa)
    this.#tags.set(name, tag)
    return tag
  }

  clockSet(byMs: number): void {
    for (const [name, { digest, atMs }] of this.#spoken) this.#spoken.set(name, { digest, atMs: atMs + byMs })
  }

  #ofCell(nowMs: number): Digest {
    const station = this.#station
    const { cell, own, charter, proofs } = station
    const here = station.here()
    return fitting({
      ...{ cell, isRegion: false, cells: 1, members: here.length, ...aroundOf(station, nowMs) },
      owners: new Set(here.map(({ owner }) => owner)).size,
      engines: enginesOf(here, (runtime, id, isa) => this.tagOf(runtime, id, isa), nowMs),
      ...{ charter, proofs: proofs.root(), address: own.addresses[0] ?? null },
    })
  }

  #ofRegion(region: CellId, nowMs: number): Digest {
    const { own, charter, proofs, digests } = this.#station
    return fitting({
      ...{ cell: region, isRegion: true, ...digests.sum(region, nowMs), deeper: 0, beside: 0, above: 0 },
      ...{ charter, proofs: proofs.root(), address: own.addresses[0] ?? null },
    })
  }

  #say(digest: Digest, topics: readonly Topic[], nowMs: number): void {
    const name = `${digest.isRegion}/${digest.cell}`
    const last = this.#spoken.get(name)
    if (last !== undefined) {
      const agoMs = nowMs - last.atMs
      if (agoMs < digestSpacingMs || (agoMs < digestIntervalMs && !isNews(last.digest, digest))) return
    }
    this.#spoken.set(name, { digest, atMs: nowMs })
    this.#station.effects.push({ type: 'speak', digest, topics })
  }
}

/** Tells whether a digest says something that should not wait for the next. */
function isNews(before: Digest, now: Digest): boolean {
  if ((before.charter?.serial ?? 0) !== (now.charter?.serial ?? 0)) return true
  if (before.proofs.some((byte, i) => byte !== now.proofs[i])) return true
  return differs(before.members, now.members) || differs(freeIn(before), freeIn(now))
}

function differs(before: number, now: number): boolean {
  return Math.abs(now - before) * 100 >= digestChangePercent * Math.max(1, before)
}

function freeIn({ engines }: Digest): number {
  return Math.max(0, ...engines.map(({ free }) => free))
}

/** Cells are below all regions, and a region is below the shorter ones. */
function isBelow(lower: Topic, topic: Topic): boolean {
  if (!topic.startsWith('region/')) return false
  return lower.startsWith('cell/') || lower.length > topic.length
}
