/**
 * Spoken: the shards that have claims, are with nobody and want a replica, by how many they have and want. There are few such
 * pairs, so whoever seeks shards on which many have spoken need not walk over all.
 */
interface Spoke {
  readonly claims: { readonly length: number }
  readonly holders: { readonly size: number }
  readonly wanted: number
}

export class Spoken<Shard extends Spoke> {
  readonly #shards = new Map<string, { claims: number; wanted: number; shards: Set<Shard> }>()
  readonly #keys = new Map<Shard, string>()

  /** Takes a shard as it is now. */
  file(shard: Shard): void {
    const { claims, wanted, holders } = shard
    const isIn = wanted > 0 && claims.length > 0 && holders.size === 0
    const [before, key] = [this.#keys.get(shard), isIn ? `${claims.length}/${wanted}` : undefined]
    if (before === key) return
    if (before !== undefined) {
      const group = this.#shards.get(before)!
      group.shards.delete(shard)
      if (group.shards.size === 0) this.#shards.delete(before)
      this.#keys.delete(shard)
    }
    if (key === undefined) return
    const group = this.#shards.get(key) ?? { claims: claims.length, wanted, shards: new Set() }
    this.#shards.set(key, group)
    group.shards.add(shard)
    this.#keys.set(shard, key)
  }

  where(isAskedFor: (claims: number, wanted: number) => boolean): Shard[] {
    return [...this.#shards.values()].flatMap(({ claims, wanted, shards }) =>
      isAskedFor(claims, wanted) ? [...shards] : [],
    )
  }
}
