/**
 * The order of owners: which owners a standby may ask for a shard, so that it cannot choose them.
 *
 * Nobody but a steward and an owner knows whether that owner had room for a lease. So a steward that lies could say that only its
 * accomplices had any, and could put any shards beside the one that they were drawn for. The submitter's node harms nobody but
 * itself by that. Of every other steward neither what it says of owners counts, nor which shards it puts into a lease: where
 * the manifest lists the owners that the submitter knew, the secret of the draws puts them into an order for each sixteen shards, and the
 * voices that such a steward brought are enough only if they come early in it. Anybody who has the secret sees that from the claims alone.
 *
 * If a share f of the owners collude, the chance that k of the first r are theirs is at most C(r, k)·f^k. Honest draws give them m voices
 * with a chance of at most (2f)^m (../steward/assignment.ts). So m voices are enough if they are of owners as early as makes the first at most
 * three quarters of the second, and each voice more is enough a good deal later, for half of what is left: all together come to (2f)^m at
 * most. With f of 1 % and m of 2 these are two of the first 3, three of 7, four of 17, five of 29. An owner that is away costs
 * no time, and maybe a voice more; a voice that another steward brought and that comes late is not lost, but needs company.
 *
 * Nobody knows how many owners came after the manifest. So a short list must not make a place of theirs early: each has a
 * lot among as many places as the longest list has, and none of them the first. Of 512·f owners that came later, colluders all, the first r
 * places then have k with a chance of at most ((r − 1)·f)^k / k!, which is no more than what those of a share f of the list have but where k
 * is large; all together stay below (2f)^m. A list that is full admits nobody else.
 *
 * Where the list is so short that as many of its owners as must agree are more than could collude, at twice the share, any of them
 * are enough: one is honest. Else a small mesh would stand still once some of its owners are away.
 */
import { concat, fromString, toString as textOf } from 'uint8arrays'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import { rosterEntriesMax } from '../limits.ts'
import { orderedOwnersMax, orderedShards, ordinalsMax } from '../sizes.ts'
import type { Manifest } from './manifest.ts'
import { ownerTagBytes, tagOf, uint32Of } from './owner-list.ts'

/** Orders that are kept: each takes half a kilobyte. */
const ordersKept = 1_024

/** A claim, as far as it is a voice: whose it is, and which steward leased it. */
export interface LeasedVoice {
  readonly owner: OwnerId
  readonly lease: { readonly signer: PeerId }
}

/** An owner, as all orders of a job have it. */
export interface Standing {
  readonly owner: OwnerId
  /** Where it is on the list; −1: it came later. */
  readonly index: number
  /** A number of 32 bits that nobody guesses without the secret. */
  readonly lot: number
}

/** Use: the places of the owners on the list; 0: too late for any. And what makes the lots of all others new. */
interface Group {
  readonly places: Uint8Array
  readonly salt: number
}

type Ordered = Pick<Manifest, 'owners' | 'stewards' | 'assurance'>

/** Tells whether voices for one answer are as good as so many of distinct owners that honest draws bring. */
export type AreEnough = (position: number, voices: readonly LeasedVoice[], needed: number) => boolean

/** The order of a job's owners. Undefined: its manifest lists none, or this reader does not have the secret. */
export function orderOf(
  sha256: Sha256,
  secret: Uint8Array | undefined,
  manifest: Ordered,
): OwnerOrder | undefined {
  return secret === undefined || manifest.owners === undefined
    ? undefined
    : new OwnerOrder(sha256, secret, manifest.owners, manifest)
}

/** Where there is no order, distinct owners are counted. */
export function enoughBy(order: OwnerOrder | undefined): AreEnough {
  return (position, voices, needed) =>
    order === undefined
      ? new Set(voices.map(({ owner }) => owner)).size >= needed
      : order.areEnough(position, voices, needed)
}

export class OwnerOrder {
  readonly #sha256: Sha256
  readonly #secret: Uint8Array
  readonly #submitter: PeerId
  readonly #share: number
  /** The number of owners on the list. */
  readonly #count: number
  /** So many of them collude at most. */
  readonly #colluding: number
  readonly #listed = new Map<string, number>()
  readonly #groups = new BoundedMap<number, Group>(ordersKept)
  readonly #standings = new BoundedMap<OwnerId, Standing>(rosterEntriesMax)
  readonly #lastPlaces = new Map<number, number>()

  constructor(
    sha256: Sha256,
    secret: Uint8Array,
    owners: Uint8Array,
    { stewards, assurance }: Pick<Manifest, 'stewards' | 'assurance'>,
  ) {
    this.#sha256 = sha256
    this.#secret = secret
    this.#submitter = stewards[0]!.peer
    this.#share = assurance.colludingSharePpm / 1_000_000
    this.#count = owners.byteLength / ownerTagBytes
    this.#colluding = Math.max(1, Math.ceil((2 * this.#count * assurance.colludingSharePpm) / 1_000_000))
    for (let i = 0; i < this.#count; i += 1)
      this.#listed.set(textOf(owners.subarray(i * ownerTagBytes, (i + 1) * ownerTagBytes), 'base16'), i)
  }

  /** Tells whether a steward's leases follow the order: all but the submitter's node. */
  binds(steward: PeerId): boolean {
    return steward !== this.#submitter
  }

  /**
   * The place of an owner in the order for the shard at `position`, from 1. Undefined: it is later than anybody is asked. An owner that is
   * not on the list has a place by a lot of its own; where the list is full it has none.
   */
  placeOf(position: number, owner: OwnerId): number | undefined {
    return this.placeIn(groupOf(position), this.standingOf(owner))
  }

  /** The same for a group of shards, and an owner whose standing is known: it hashes nothing for an owner. */
  placeIn(group: number, { index, lot }: Standing): number | undefined {
    const { places, salt } = this.#groupAt(group)
    if (index >= 0) return places[index] || undefined
    if (this.#count >= orderedOwnersMax) return undefined
    const place = 2 + Math.floor((mixed(lot ^ salt) / 2 ** 32) * orderedOwnersMax)
    return place <= ordinalsMax ? place : undefined
  }

  standingOf(owner: OwnerId): Standing {
    const known = this.#standings.peek(owner)
    if (known !== undefined) return known
    const index = this.#listed.get(textOf(tagOf(this.#sha256, owner), 'base16')) ?? -1
    const standing = { owner, index, lot: index < 0 ? uint32Of(this.#digest(`order/of/${owner}`), 0) : 0 }
    this.#standings.set(owner, standing)
    return standing
  }

  /** The last place at which so many voices are enough where honest draws take `needed`, of at most as many; 0: none. */
  lastPlace(voices: number, needed: number): number {
    const key = voices * 1_024 + needed
    const known = this.#lastPlaces.get(key)
    if (known !== undefined) return known
    const part = voices === needed ? 3 / 4 : 2 ** (needed - voices - 2)
    const most = part * power(2 * this.#share, needed) * (1 + 1e-9)
    let last = 0
    if (voices >= needed)
      for (let place = voices; place <= ordinalsMax; place += 1) {
        if (chanceOf(place, voices, this.#share) > most) break
        last = place
      }
    this.#lastPlaces.set(key, last)
    return last
  }

  isListed(owner: OwnerId): boolean {
    return this.standingOf(owner).index >= 0
  }

  /** Tells whether among any so many owners of the list one is honest. */
  hasHonest(owners: number): boolean {
    return owners > this.#colluding
  }

  /**
   * Tells whether these voices for one answer, each owner's once, are as good as so many that honest draws bring. One that the submitter's
   * node leased is such a voice.
   */
  areEnough(position: number, voices: readonly LeasedVoice[], needed: number): boolean {
    const isBound = new Map<OwnerId, boolean>()
    for (const { owner, lease } of voices)
      isBound.set(owner, this.binds(lease.signer) && isBound.get(owner) !== false)
    if (isBound.size < needed) return false
    const bound = [...isBound.keys()].filter((owner) => isBound.get(owner))
    const left = needed - (isBound.size - bound.length)
    if (left <= 0) return true
    if (this.hasHonest(needed) && bound.filter((owner) => this.isListed(owner)).length >= left) return true
    const places = bound.flatMap((owner) => this.placeOf(position, owner) ?? []).sort((a, b) => a - b)
    return places.some((place, i) => place <= this.lastPlace(i + 1, left))
  }

  /** Fisher and Yates, as far as anybody is asked. */
  #groupAt(group: number): Group {
    const known = this.#groups.peek(group)
    if (known !== undefined) return known
    const order = Uint16Array.from({ length: this.#count }, (_, i) => i)
    const places = new Uint8Array(this.#count)
    let digest = new Uint8Array(0)
    for (let i = 0; i < Math.min(this.#count, ordinalsMax); i += 1) {
      if (i % 8 === 0) digest = this.#digest(`order/${group}/${i / 8}`)
      const chosen = i + Math.floor((uint32Of(digest, i % 8) / 2 ** 32) * (this.#count - i))
      const index = order[chosen]!
      order[chosen] = order[i]!
      places[index] = i + 1
    }
    const made = { places, salt: uint32Of(this.#digest(`order/${group}/others`), 0) }
    this.#groups.set(group, made)
    return made
  }

  #digest(name: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#sha256(concat([this.#secret, fromString(name)])))
  }
}

/** The number of the shards that have one order with this position. */
export function groupOf(position: number): number {
  return Math.floor(position / orderedShards)
}

/** As uniform as what goes in, and each bit of that changes half of the others (the last steps of MurmurHash3). */
function mixed(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** At most this, that so many of the first owners are of those that collude: C(first, voices)·share^voices. */
function chanceOf(first: number, voices: number, share: number): number {
  let chance = 1
  for (let i = 0; i < voices; i += 1) chance *= (share * (first - i)) / (i + 1)
  return chance
}

/** By multiplication, which all machines do alike. */
function power(base: number, exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i += 1) result *= base
  return result
}
