/**
 * A cartel against draws abroad: a share f of all owners, one whole cell in which it answers every question, and a way to behave. It
 * measures the share of voices that it gets, over many censuses of the production machine, each answered as the cartel likes wherever
 * it is asked.
 */

import { censusWanted } from '../../protocol/cell-limits.ts'
import { arcLength, arcOfCensus } from '../../protocol/cells/arc.ts'
import { arcOf, type CellKey, cellAt, circle, isInArc } from '../../protocol/cells/key.ts'
import { type Contact, contactOf, type Member } from '../../protocol/cells/member.ts'
import type { CellId, OwnerId } from '../../protocol/ids.ts'
import { bitsOf, drawVehicle } from '../../protocol/job/draw.ts'
import { Chance, cheapHash } from '../chance.ts'
import { capacityOf, ownerNamed, peerNamed, secretNamed } from '../fixtures.ts'
import { runCensus } from './census-run.ts'

/** `answers`: honestly. `omits`: names its own alone. `stuffs`: names its own of everywhere. `eclipses`: names its own alone as contacts, too. */
export const cartelWays = ['answers', 'omits', 'stuffs', 'eclipses'] as const
export type CartelWay = (typeof cartelWays)[number]

export interface CartelShare {
  readonly way: CartelWay
  /** Its share of all owners. */
  readonly f: number
  /** Its share of the voices of all draws. */
  readonly share: number
  /** Shards both of whose replicas it got, where each has two of different cells. */
  readonly both: number
  /** Cells that were left out since they had too few, or a gap. */
  readonly doubted: number
  readonly censuses: number
}

const cellMembers = 128

export class CartelWorld {
  readonly #members: Member[] = []
  readonly #byCell = new Map<CellId, Member[]>()
  readonly #liars = new Set<OwnerId>()
  readonly #captured: CellId
  readonly #depth: number
  readonly #chance: Chance

  /** One owner has one vehicle. In the captured cell every node that answers is the cartel's. */
  constructor(seed: number, cells: number, f: number) {
    const chance = new Chance(seed, 'cartel')
    this.#chance = chance
    this.#depth = Math.log2(cells)
    for (let i = 0; i < cells * cellMembers; i += 1) {
      const key = Math.floor(chance.next() * 2 ** 24) * 2 ** 24 + Math.floor(chance.next() * 2 ** 24)
      const name = `car-${i}`
      const capacity = capacityOf({
        peer: peerNamed(name),
        owner: ownerNamed(name),
        addresses: [`/dns4/${name}/tcp/1`],
      })
      const member: Member = { ...capacity, key }
      if (chance.happens(f)) this.#liars.add(member.owner)
      this.#members.push(member)
      const cell = cellAt(key, this.#depth)
      this.#byCell.set(cell, [...(this.#byCell.get(cell) ?? []), member])
    }
    this.#captured = cellAt(0, this.#depth)
  }

  /** So many censuses, each with `draws` draws of two replicas. */
  measure(way: CartelWay, f: number, censuses: number, draws: number): CartelShare {
    let [voices, ours, both, doubted] = [0, 0, 0, 0]
    for (let i = 0; i < censuses; i += 1) {
      const secret = secretNamed(`${way}/${f}/${i}`)
      const length = arcLength(censusWanted, this.#members.length)
      const arc = arcOfCensus(cheapHash, secret, 0, length)
      const result = runCensus(
        {
          ...{ index: 0, arc, engine: null, expected: this.#members.length, offers: () => true },
          contacts: (key) => this.#contacts(key, way, undefined),
        },
        {
          cellOf: ({ key }) => cellAt(key, this.#depth),
          contacts: (key, { owner }) => this.#contacts(key, way, owner),
          members: ({ key, owner }) => this.#who(cellAt(key, this.#depth), arc, way, owner),
        },
      )
      doubted += result.doubted.length
      const candidates = [...result.members]
        .sort((a, b) => (a.peer < b.peer ? -1 : 1))
        .map(({ peer, owner, key }) => ({ peer, owner, key, vehicles: 1 }))
      if (candidates.length < 2) continue
      const list = { candidates, census: { length } }
      for (let position = 0; position < draws; position += 1) {
        const first = draw(secret, position, list, () => true)
        const cell = cellAt(candidates[first]!.key, this.#depth)
        const second = draw(secret, position, list, ({ key }) => cellAt(key, this.#depth) !== cell)
        const got = [first, second].filter(
          (one) => one >= 0 && this.#liars.has(candidates[one]!.owner),
        ).length
        voices += second < 0 ? 1 : 2
        ours += got
        if (got === 2) both += 1
      }
    }
    return { way, f, share: ours / voices, both: both / (censuses * draws), doubted, censuses }
  }

  /** How many of a cell's nodes answer as the cartel likes: its own, and in the captured cell all. */
  #lies(cell: CellId, owner: OwnerId | undefined): boolean {
    return owner !== undefined && (cell === this.#captured || this.#liars.has(owner))
  }

  #contacts(key: CellKey, way: CartelWay, asked: OwnerId | undefined): Contact[] {
    const cell = cellAt(key, this.#depth)
    const members = this.#byCell.get(cell) ?? []
    const lies = way === 'eclipses' && this.#lies(cell, asked)
    const known = lies ? members.filter(({ owner }) => this.#liars.has(owner)) : members
    return shuffled(known, this.#chance).slice(0, 8).map(contactOf)
  }

  #who(cell: CellId, arc: { from: number; length: number }, way: CartelWay, asked: OwnerId): Member[] {
    const here = (this.#byCell.get(cell) ?? []).filter(({ key }) => isInArc(arc, key))
    if (way === 'answers' || !this.#lies(cell, asked)) return here
    const own = this.#members.filter(({ owner }) => this.#liars.has(owner))
    return way === 'stuffs' ? own : here.filter((member) => this.#liars.has(member.owner))
  }

  /** The captured cell's part of the circle. */
  get capturedShare(): number {
    return arcOf(this.#captured).length / circle
  }
}

function draw(
  secret: Uint8Array,
  position: number,
  list: {
    readonly candidates: readonly {
      readonly peer: Member['peer']
      readonly owner: OwnerId
      readonly key: number
      readonly vehicles: number
    }[]
    readonly census: { readonly length: number }
  },
  isEligible: (candidate: { readonly key: number }) => boolean,
): number {
  const eligible = list.candidates.flatMap((candidate, i) => (isEligible(candidate) ? [i] : []))
  if (eligible.length === 0) return -1
  return drawVehicle(cheapHash, secret, position, list, bitsOf(list.candidates.length, eligible))
}

function shuffled<Item>(items: readonly Item[], chance: Chance): Item[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i -= 1) {
    const j = chance.between(0, i)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all
}
