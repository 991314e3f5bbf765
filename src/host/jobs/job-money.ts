/** The money of this node's jobs: the bill of one, and word to the vehicles that were paid. */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { type AccountId, accountOf } from '../../protocol/ledger/account.ts'
import { RequestError } from '../errors.ts'
import type { BilledShard, BillTotals } from '../ledger/contract.ts'
import type { Money } from '../ledger/money.ts'
import type { Registry, RegistryOptions } from './registry.ts'

/** Throws RequestError where the job pays nobody. */
export async function* billOf(
  registry: Registry,
  find: () => Promise<JobId>,
  money: Money,
): AsyncGenerator<BilledShard, BillTotals> {
  const { stewardship, release } = await registry.hold(await find())
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

export type TellingOptions = Pick<RegistryOptions, 'store' | 'key' | 'log'>

/** Something is to be told to, or asked of, the vehicles of these accounts: each gets a statement. */
export function tellPaid(options: TellingOptions, registry: Registry, accounts: Iterable<AccountId>): void {
  const vehicles = new Set<PeerId>()
  for (const id of accounts) {
    const account = accountOf(id)
    if (account.kind === 'owner') vehicles.add(account.vehicle)
  }
  for (const vehicle of vehicles) tellVehicle(options, registry, vehicle)
}

/** A statement of any job names all that was paid to a vehicle: one that has ended does, where none is in memory. */
function tellVehicle({ store, key, log }: TellingOptions, registry: Registry, vehicle: PeerId): void {
  const jobs = store.ledgerTables.statedJobs(vehicle, key.peerId)
  const running = [...registry.running()]
  for (const stewardship of running) stewardship.paid(vehicle)
  const job = jobs[0] ?? store.ledgerTables.lastJobOf(vehicle)
  if (
    job === undefined ||
    running.some((stewardship) => stewardship.job === job || jobs.includes(stewardship.job))
  )
    return
  registry
    .use(job, (stewardship) => stewardship.paid(vehicle))
    .catch((error) => log.info({ job, vehicle, error }, 'a vehicle is not told what was paid'))
}
