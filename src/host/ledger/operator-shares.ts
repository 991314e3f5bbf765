/** The operator's share of the work that a ledger knows of, by vehicle and job. */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { operatorAccount } from '../../protocol/ledger/account.ts'
import type { Entry, EntryKind } from '../../protocol/ledger/entry.ts'
import type { OperatorShare, Period } from './contract.ts'

/** By kind of entry: the signs of its change to the pending sum, and to the verified one. */
const changeOf: Readonly<Partial<Record<EntryKind, readonly [number, number]>>> = {
  pending: [1, 0],
  posted: [-1, 1],
  voided: [-1, 0],
  reversed: [0, -1],
}

/** `vehicle`: of whose work; null: of everybody's. In the order in which jobs first appear. */
export function operatorShares(
  entries: Iterable<Entry>,
  fleet: PeerId,
  vehicle: PeerId | null,
  periods: readonly Period[],
): OperatorShare[] {
  const account = operatorAccount(fleet)
  const shares = new Map<string, MutableShare>()
  for (const { claim, kind, credits, currency, atMs } of entries) {
    if (claim === null || (vehicle !== null && claim.vehicle !== vehicle)) continue
    const micros = credits.find((credit) => credit.account === account)?.micros ?? 0
    const change = changeOf[kind]
    if (micros === 0 || change === undefined) continue
    const key = `${claim.vehicle}/${claim.job}/${currency}`
    const share = shares.get(key) ?? newShare(claim.vehicle, claim.job, currency, periods)
    shares.set(key, share)
    const [pending, verified] = change
    share.pendingMicros += pending * micros
    share.verifiedMicros += verified * micros
    share.periods = share.periods.map((period, i) =>
      atMs >= periods[i]!.sinceMs
        ? { ...period, verifiedMicros: period.verifiedMicros + verified * micros }
        : period,
    )
  }
  return [...shares.values()]
}

/** The newest of a vehicle's shares one by one, so many at most, and what was before them as one of each currency. */
export function summed(shares: readonly OperatorShare[], sharesMax: number): OperatorShare[] {
  const older = shares.slice(0, Math.max(0, shares.length - sharesMax))
  const sums = new Map<string, MutableShare>()
  for (const { vehicle, currency, pendingMicros, verifiedMicros, periods } of older) {
    const sum = sums.get(currency) ?? newShare(vehicle, null, currency, periods)
    sums.set(currency, sum)
    sum.pendingMicros += pendingMicros
    sum.verifiedMicros += verifiedMicros
    sum.periods = sum.periods.map(({ name, verifiedMicros: before }, i) => ({
      name,
      verifiedMicros: before + periods[i]!.verifiedMicros,
    }))
  }
  return [...sums.values(), ...shares.slice(older.length)]
}

type MutableShare = { -readonly [Key in keyof OperatorShare]: OperatorShare[Key] }

function newShare(
  vehicle: PeerId,
  job: JobId | null,
  currency: string,
  periods: readonly Pick<Period, 'name'>[],
): MutableShare {
  return {
    vehicle,
    job,
    currency,
    pendingMicros: 0,
    verifiedMicros: 0,
    periods: periods.map(({ name }) => ({ name, verifiedMicros: 0 })),
  }
}
