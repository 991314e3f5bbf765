/**
 * The waiting list: the places of those who asked to join a fleet and have no answer, or no good one. Asking is free,
 * so a place is no right: a host has so many, all hosts together have so many, and who has not asked for a day has
 * none. Whoever comes gets a place. It is that of the one who asked longest ago from the same host, or, when the whole
 * list is full, from the host that has the most: a flood takes the flood's own places.
 */
import { pendingMembersMax, pendingMembersPerHostMax, pendingTtlMs } from '../../protocol/limits.ts'
import { siteOf } from '../network/turnstile.ts'

export interface WaitingListBounds {
  readonly allMax: number
  readonly perHostMax: number
  readonly ttlMs: number
}

const defaultBounds: WaitingListBounds = {
  allMax: pendingMembersMax,
  perHostMax: pendingMembersPerHostMax,
  ttlMs: pendingTtlMs,
}

/** Names stand for peers; times are milliseconds since 1970. */
export class WaitingList<Name> {
  readonly #bounds: WaitingListBounds
  readonly #hostOf = new Map<Name, string>()
  /** By site: it has 65,536 networks of IPv6, and each may be a phone's, so together they have no more than they would as one. */
  readonly #placesOf = new Map<string, number>()
  /** When each last asked; who asked longest ago first. */
  readonly #hosts = new Map<string, Map<Name, number>>()

  constructor(bounds: WaitingListBounds = defaultBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#hostOf.size
  }

  /** It asks from this host. Returns those who lose their places. */
  ask(name: Name, host: string, nowMs: number): Name[] {
    this.remove(name)
    const gone = this.lapse(nowMs)
    if ((this.#hosts.get(host)?.size ?? 0) >= this.#bounds.perHostMax) gone.push(this.#dropOldest(host))
    if (this.size >= this.#bounds.allMax) gone.push(this.#dropOldest(this.#fullestHost()))
    const place = this.#hosts.get(host) ?? new Map<Name, number>()
    this.#hosts.set(host, place.set(name, nowMs))
    this.#placesOf.set(siteOf(host), (this.#placesOf.get(siteOf(host)) ?? 0) + 1)
    this.#hostOf.set(name, host)
    return gone
  }

  remove(name: Name): void {
    const host = this.#hostOf.get(name)
    if (host === undefined) return
    this.#hostOf.delete(name)
    const inside = this.#hosts.get(host)!
    inside.delete(name)
    if (inside.size === 0) this.#hosts.delete(host)
    const left = this.#placesOf.get(siteOf(host))! - 1
    if (left === 0) this.#placesOf.delete(siteOf(host))
    else this.#placesOf.set(siteOf(host), left)
  }

  /** Returns those who have not asked for too long: they have no places any more. */
  lapse(nowMs: number): Name[] {
    const gone: Name[] = []
    for (const inside of this.#hosts.values())
      for (const [name, askedMs] of inside) {
        if (nowMs - askedMs < this.#bounds.ttlMs) break
        gone.push(name)
      }
    for (const name of gone) this.remove(name)
    return gone
  }

  #dropOldest(host: string): Name {
    const [oldest] = this.#hosts.get(host)!.keys()
    this.remove(oldest!)
    return oldest!
  }

  #fullestHost(): string {
    let [fullest, most] = ['', 0]
    for (const [host, size] of this.#placesOf) if (size > most) [fullest, most] = [host, size]
    for (const host of this.#hosts.keys()) if (siteOf(host) === fullest) return host
    return ''
  }
}
