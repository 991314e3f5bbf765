/**
 * Compares the money after a demonstration from both sides: the submitter's bill, and the earnings in each vehicle's
 * own ledger. They must be the same to the millionth.
 */
import type { BillTotals } from '../../host/ledger/contract.ts'
import type { Micros } from '../../protocol/price.ts'
import type { Member } from './member.ts'
import type { Swarm } from './swarm.ts'

export interface Books {
  readonly bill: BillTotals
  /** The owners' part of the bill, by the vehicle's name. */
  readonly billed: ReadonlyMap<string, Micros>
  /** The earnings that the vehicles that still answer report themselves. */
  readonly earned: ReadonlyMap<string, Micros>
  /** The amount that was billed and belongs to nobody: 0. */
  readonly leftMicros: Micros
}

/** The last statement is on its way when the job has ended; this is what it may take on a busy machine. */
const settledMsMax = 10_000

export async function booksOf(swarm: Swarm, job: string): Promise<Books> {
  const byPeer = new Map<string, Micros>()
  let operatorMicros = 0
  const shards = swarm.submitter.node.bill(job)
  let next = await shards.next()
  for (; !next.done; next = await shards.next())
    for (const { vehicle, outcome, micros, operatorMicros: share } of next.value.executions) {
      if (outcome !== 'paid') continue
      byPeer.set(vehicle, (byPeer.get(vehicle) ?? 0) + micros - share)
      operatorMicros += share
    }
  const bill = next.value
  const billed = new Map(swarm.vehicles().map(({ name, peer }) => [name, byPeer.get(peer) ?? 0]))
  const earned = new Map<string, Micros>()
  await Promise.all(
    swarm.vehicles().map(async (member) => {
      if (member.isRunning) earned.set(member.name, await earnedBy(member, job))
    }),
  )
  const owners = [...billed.values()].reduce((sum, micros) => sum + micros, 0)
  return { bill, billed, earned, leftMicros: bill.owedMicros - owners - operatorMicros }
}

/** Every balance sums to zero, and both sides of each say the same. */
export function balances({ billed, earned, leftMicros }: Books): boolean {
  return leftMicros === 0 && [...earned].every(([name, micros]) => micros === billed.get(name))
}

async function earnedBy({ node }: Member, job: string): Promise<Micros> {
  const endMs = performance.now() + settledMsMax
  for (;;) {
    const { jobs } = await node.earnings([])
    const own = jobs.find((one) => one.job === job)
    if (own === undefined) return 0
    if (own.settled || performance.now() > endMs) return own.verifiedMicros
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
