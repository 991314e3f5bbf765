/** The money of this node's jobs: the bill of one, and word to the vehicles that were paid. */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { accountOf } from '../../protocol/ledger/account.ts'
import { RequestError } from '../errors.ts'
import type { BilledShard, BillTotals, PayoutLine } from '../ledger/contract.ts'
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

/** Money left for the vehicles of these accounts: their owners are told with the next statement. */
export function tellPaid(options: TellingOptions, registry: Registry, lines: readonly PayoutLine[]): void {
  const paid = lines.flatMap(({ accounts }) => accounts.map(({ account }) => accountOf(account)))
  const vehicles = new Set(paid.flatMap((account) => (account.kind === 'owner' ? [account.vehicle] : [])))
  for (const vehicle of vehicles) tellVehicle(options, registry, vehicle)
}

/** A statement of any job names all that was paid to a vehicle: one that has ended does, where none is in memory. */
function tellVehicle({ store, key, log }: TellingOptions, registry: Registry, vehicle: PeerId): void {
  const statements = store.ledgerTables.statements().filter((row) => row.vehicle === vehicle)
  const jobs = new Set(statements.flatMap(({ job, steward }) => (steward === key.peerId ? [job] : [])))
  const running = [...registry.running()]
  for (const stewardship of running) stewardship.paid(vehicle)
  const [job] = jobs
  if (job === undefined || running.some((stewardship) => jobs.has(stewardship.job))) return
  registry
    .use(job, (stewardship) => stewardship.paid(vehicle))
    .catch((error) => log.info({ job, vehicle, error }, 'a vehicle is not told what was paid'))
}
