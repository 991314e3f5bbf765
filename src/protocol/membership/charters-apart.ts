/**
 * Two charters that were signed apart: two registrars that could not hear each other have each changed the one that both knew. The
 * later one counts for everybody, since its serial is higher; the registrar that signed the other then signs a third, which is the
 * later one with its own changes put back.
 *
 * A charter says which charters of each registrar it takes in (`heard`), so that a registrar can tell that its word was lost from that
 * it was heard and answered. Without that, one who lets a vehicle back in would be overruled by the one that had put it out.
 */
import { registrarsHeardMax, registrarsMax } from '../fleet-limits.ts'
import type { PeerId } from '../ids.ts'
import { clearedOwnersMax, revocationsMax } from '../limits.ts'
import type { Charter, HeardRegistrar } from './fleet.ts'

/** One that both knew, and the two that followed from it. */
export interface ChartersApart {
  readonly base: Charter
  readonly mine: Charter
  readonly theirs: Charter
}

export interface ChartersTogether {
  readonly charter: Charter
  /** The changes of mine that are in theirs no more, in words. */
  readonly missing: readonly string[]
  /** Those of them that could not be put back: theirs says something else, or there is no room. */
  readonly lost: readonly string[]
}

/**
 * Returns theirs with the changes from base to mine. Whoever one of them puts out is out; of a name, a share or a key that both have
 * changed, theirs stands.
 */
export function together({ base, mine, theirs }: ChartersApart): ChartersTogether {
  const [missing, lost]: [string[], string[]] = [[], []]
  const note = (what: string, isPutBack: boolean) => {
    missing.push(what)
    if (!isPutBack) lost.push(what)
  }
  return {
    missing,
    lost,
    charter: {
      ...theirs,
      name: term('name', (name) => `the name ${name}`),
      operatorPpm: term('operatorPpm', (ppm) => `the operator's share of ${ppm / 10_000} %`),
      keys: keys(),
      registrars: registrars(),
      revoked: revoked(),
      ...cleared(),
    },
  }

  function term<Name extends 'name' | 'operatorPpm'>(
    name: Name,
    inWords: (value: Charter[Name]) => string,
  ): Charter[Name] {
    if (mine[name] === base[name] || mine[name] === theirs[name]) return theirs[name]
    const isFree = theirs[name] === base[name]
    note(inWords(mine[name]), isFree)
    return isFree ? mine[name] : theirs[name]
  }

  /** Never put back: which keys are in force decides who may sign at all. */
  function keys(): Charter['keys'] {
    const isSame = (one: Charter, other: Charter) => one.keys.join() === other.keys.join()
    if (!isSame(mine, base) && !isSame(mine, theirs)) note("the change of the fleet's key", false)
    return theirs.keys
  }

  function registrars(): Charter['registrars'] {
    const added = mine.registrars.filter((one) => !base.registrars.includes(one))
    const removed = base.registrars.filter((one) => !mine.registrars.includes(one))
    const all = theirs.registrars.filter((one) => !removed.includes(one))
    for (const one of removed.filter((address) => theirs.registrars.includes(address)))
      note(`the registrar ${one} is taken out`, true)
    for (const one of added.filter((address) => !all.includes(address))) {
      const hasRoom = all.length < registrarsMax
      note(`the registrar ${one}`, hasRoom)
      if (hasRoom) all.push(one)
    }
    return all
  }

  function revoked(): Charter['revoked'] {
    const untilMs = (charter: Charter) => new Map(charter.revoked.map((one) => [one.id, one.untilMs]))
    const [before, own, all] = [untilMs(base), untilMs(mine), untilMs(theirs)]
    for (const [id, until] of before)
      if (!own.has(id) && all.get(id) === until) {
        note(`${id} is let back in`, true)
        all.delete(id)
      }
    for (const [id, until] of own) {
      if (before.get(id) === until || (all.get(id) ?? 0) >= until) continue
      const hasRoom = all.has(id) || all.size < revocationsMax
      if (!all.has(id)) note(`${id} is put out`, hasRoom)
      if (hasRoom) all.set(id, until)
    }
    return [...all].map(([id, until]) => ({ id, untilMs: until }))
  }

  function cleared(): Pick<Charter, 'cleared'> {
    const all = new Map((theirs.cleared ?? []).map(({ owner, atMs }) => [owner, atMs]))
    for (const { owner, atMs } of mine.cleared ?? []) {
      const isNew = !(base.cleared ?? []).some((one) => one.owner === owner && one.atMs === atMs)
      if (!isNew || (all.get(owner) ?? -1) >= atMs) continue
      const hasRoom = all.has(owner) || all.size < clearedOwnersMax
      note(`${owner} is cleared`, hasRoom)
      if (hasRoom) all.set(owner, atMs)
    }
    return all.size === 0 ? {} : { cleared: [...all].map(([owner, atMs]) => ({ owner, atMs })) }
  }
}

/** Returns the serial of the newest charter of this registrar that one takes in; 0: none, or it does not say. */
export function takenIn({ heard = [] }: Charter, registrar: PeerId): number {
  return heard.find((one) => one.registrar === registrar)?.serial ?? 0
}

/**
 * Returns the charters that one takes in which this registrar signs now, with this serial, on top of `before`. Undefined where there is no
 * other registrar: a fleet that never had a second one has charters as before.
 */
export function heardBy(
  before: Charter,
  after: Pick<Charter, 'registrars'>,
  self: PeerId,
  serial: number,
): Charter['heard'] {
  const others = (before.heard ?? []).filter(({ registrar }) => registrar !== self)
  const named = [...before.registrars, ...after.registrars].flatMap(
    (one) => one.split('/p2p/').slice(1).at(-1) ?? [],
  )
  if (others.length === 0 && named.every((peer) => peer === self)) return undefined
  const newest = others.toSorted((a, b) => b.serial - a.serial).slice(0, registrarsHeardMax - 1)
  const all: HeardRegistrar[] = [...newest, { registrar: self, serial }]
  return all.toSorted((a, b) => a.serial - b.serial)
}
