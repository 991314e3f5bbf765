/** The money of this node's jobs: the bill of one, and word to the vehicles that were paid. */
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { type AccountId, accountOf } from '../../protocol/ledger/account.ts'
import { RequestError } from '../errors.ts'
import type { BilledShard, BillTotals } from '../ledger/contract.ts'
import type { Money } from '../ledger/money.ts'
import { sha256 } from '../sha256.ts'
import { shuffled } from '../shuffled.ts'
import type { Registry, RegistryOptions } from './registry.ts'

export { debtOf, owingRetentionMs } from '../ledger/job-debt.ts'

export interface BilledFrom {
  readonly registry: Registry
  /** The job's id, where this node has the job. Throws RequestError where it has not. */
  readonly find: () => Promise<JobId>
  readonly store: Pick<RegistryOptions['store'], 'books' | 'ledgerTables'>
  readonly money: Money
}

/** Also of a job that was forgotten, by the entries that stay. Throws RequestError where the job pays nobody. */
export async function* billOf(
  { registry, find, store, money }: BilledFrom,
  prefix: string,
): AsyncGenerator<BilledShard, BillTotals> {
  const found = await find().catch((error) => {
    if (error instanceof RequestError && store.books.jobs(prefix).length === 1) return undefined
    throw error
  })
  if (found === undefined) return yield* forgottenBill(store, money, store.books.jobs(prefix)[0]!)
  const { stewardship, release } = await registry.hold(found)
  try {
    const { job, manifest, hasEnded } = stewardship
    const { assurance, payment } = manifest
    if (payment === null) throw new RequestError(`job ${job} pays nobody: it was submitted without a budget`)
    await stewardship.settled()
    return yield* money.bill(job, { assurance, payment }, stewardship.verdicts(), hasEnded)
  } finally {
    release()
  }
}

function forgottenBill(
  { ledgerTables }: BilledFrom['store'],
  money: Money,
  job: JobId,
): ReturnType<Money['bill']> {
  // A job's name is that of its manifest.
  const record = ledgerTables.record(job as string as RecordId)
  const manifest = record && openManifest(record, sha256, () => true).payload
  if (manifest === undefined || manifest.payment === null)
    throw new RequestError(`job ${job} was forgotten with its prices; its entries are in: carpool ledger`)
  const { assurance, payment } = manifest
  return money.bill(job, { assurance, payment }, [], true, true)
}

export type TellingOptions = Pick<RegistryOptions, 'store' | 'key' | 'log'>

/** Something is to be told to, or asked of, the vehicles of these accounts: each gets a statement. */
export function tellPaid(options: TellingOptions, registry: Registry, accounts: Iterable<AccountId>): void {
  const vehicles = new Set<PeerId>()
  for (const id of accounts) {
    const account = accountOf(id)
    if (account.kind === 'owner') vehicles.add(account.vehicle)
  }
  const worked = options.store.ledgerTables.workedJobs(vehicles)
  for (const vehicle of vehicles) tellVehicle(options, registry, vehicle, worked.get(vehicle) ?? [])
}

/** Each is read from the disk: a vehicle that comes and goes, and never answers, makes so much work each time. A guess. */
const toldAgainMax = 4

/**
 * A vehicle is back that was not reached when it was told something of jobs that have ended, what it was paid, say: it is told
 * again, of a few of them in a random order, so that one for which it never answers keeps nothing from it. Jobs in memory do that by
 * themselves.
 */
export function tellAgain(options: TellingOptions, registry: Registry, vehicle: PeerId): void {
  const unanswered = options.store.ledgerTables.unansweredJobs(vehicle, options.key.peerId)
  const resting = unanswered.filter(
    (job) => registry.rows.get(job) !== undefined && registry.get(job) === undefined,
  )
  for (const job of shuffled(resting).slice(0, toldAgainMax)) tellOf(job, options, registry, vehicle)
}

/** A statement of any job names all that was paid to a vehicle in its currency: one that has ended does, where none is in memory. */
function tellVehicle(
  options: TellingOptions,
  registry: Registry,
  vehicle: PeerId,
  worked: readonly { readonly job: JobId; readonly currency: string }[],
): void {
  const stated = new Set(options.store.ledgerTables.statedJobs(vehicle, options.key.peerId))
  const running = [...registry.running()]
  for (const stewardship of running) stewardship.paid(vehicle)
  const told = new Set(running.map(({ job }) => job))
  const known = new Set(worked.map(({ job }) => job))
  // A statement may be older than all entries that are left of its job.
  const more = [...stated].filter((job) => !known.has(job)).map((job) => ({ job, currency: '' }))
  for (const some of Map.groupBy([...worked, ...more], ({ currency }) => currency).values()) {
    // Statements and entries of a job that was forgotten stay, and nobody is left to say them.
    const here = some.filter(({ job }) => registry.rows.get(job) !== undefined)
    if (here.some(({ job }) => told.has(job) && stated.has(job))) continue
    const next = here.find(({ job }) => stated.has(job)) ?? here[0]
    if (next !== undefined && !told.has(next.job)) tellOf(next.job, options, registry, vehicle)
  }
}

function tellOf(job: JobId, { log }: TellingOptions, registry: Registry, vehicle: PeerId): void {
  registry
    .use(job, (stewardship) => stewardship.paid(vehicle))
    .catch((error) => log.info({ job, vehicle, error }, 'a vehicle is not told what was paid'))
}
