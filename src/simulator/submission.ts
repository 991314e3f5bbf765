/** The jobs that a scenario submits: their shards, their payment, and the rules that checkers hold them to. */
import type { Assurance, Manifest, StewardPlace } from '../protocol/job/manifest.ts'
import { listOwners } from '../protocol/job/owner-list.ts'
import type { Ask } from '../protocol/price.ts'
import { encodeBody, recordId } from '../protocol/record/record.ts'
import { plansFor } from '../protocol/verification/plan.ts'
import { cheapHash } from './chance.ts'
import type { JobRules } from './checkers.ts'
import { cidOf, drawSecretNamed, manifestOf, peerNamed } from './fixtures.ts'
import { lieAbout, lyingOwnersOf, vehicleOwnersOf } from './liars.ts'
import type { Scenario } from './scenario.ts'
import type { SimJob } from './sim-job.ts'
import type { SimNode } from './sim-world.ts'

/** The candidates that a steward may leave out of a draw, since rosters differ. */
const leftOutShare = 0.2

/** `stewards`: the submitter's node first. */
export function jobOf(
  scenario: Scenario,
  index: number,
  stewards: readonly SimNode[],
  deadlineMs: number,
): SimJob {
  const { shardsPerJob, shardCostMs } = scenario
  const name = `job ${index}`
  const truth = (position: number) => cidOf(`result ${index} ${position}`)
  return {
    manifest: identified({
      name,
      serial: index,
      submitter: peerNamed(`submitter-${index}`),
      runtime: 'wasm',
      shards: shardsPerJob,
      pagesPerShard: 1,
      assurance: assuranceOf(scenario),
      payment: paymentOf(scenario),
      deadlineMs,
      stewards: stewards.map(placeOf),
      ...(stewards.length > 1 && {
        owners: listOwners(cheapHash, drawSecretNamed(name), vehicleOwnersOf(scenario)),
      }),
    }),
    shards: Array.from({ length: shardsPerJob }, (_, i) => ({
      shard: cidOf(`shard ${index} ${i}`),
      pages: 1,
      bytes: 1024,
      costMs: shardCostMs,
    })),
    drawSecret: drawSecretNamed(name),
    truth,
    lie: (position) => lieAbout(truth(position)),
  }
}

/** A manifest whose id is the hash of what is signed, as reports have it. */
function identified(choices: Parameters<typeof manifestOf>[0]): SimJob['manifest'] {
  const { id: _, ...body } = manifestOf(choices)
  return { ...body, id: recordId(cheapHash, encodeBody(body)) }
}

/** The steward, by its number, that submits this job; those after it stand by. */
export function submitterOf(job: number, standbys: number, stewards: number): number {
  return (job * (1 + standbys)) % stewards
}

export function rulesOf({ manifest, truth }: SimJob, scenario: Scenario): JobRules {
  const { assurance, deadlineMs, payment } = manifest.payload
  const { replicas, lead, audits } = assurance
  return {
    replicas,
    lead,
    audited: audits?.replicas ?? 0,
    deadlineMs,
    budgetMicros: payment?.budgetMicros ?? null,
    truth,
    wrongMax: wrongMaxOf(scenario),
  }
}

/**
 * The wrong results of a job that its liars may get through: none where fewer owners lie together than must agree. Where
 * more do, they have all voices of a shard as often as chance gives them (f², and where a steward that lies leaves out a
 * fifth of the candidates, a little more); six standard deviations and some are so rare that no campaign sees them.
 */
function wrongMaxOf(scenario: Scenario): number {
  const liars = lyingOwnersOf(scenario)
  if (liars < 2) return 0
  const share = Math.min(1, liars / scenario.vehicles / (1 - leftOutShare))
  const expected = scenario.shardsPerJob * share ** 2
  return Math.ceil(expected + 6 * Math.sqrt(expected) + 4)
}

/** Some owners ask for all that is paid, some for a quarter of it, and some for nothing. */
export function askOf({ unitMicros }: Scenario, index: number): Ask | null {
  if (unitMicros === 0 || index % 5 === 4) return null
  return { currency: 'EUR', unitMicros: Math.ceil((unitMicros * (1 + (index % 4))) / 4) }
}

function placeOf(node: SimNode): StewardPlace {
  const nonce = cheapHash(new TextEncoder().encode(node.peer)).slice(0, 16)
  return { peer: node.peer, owner: node.owner, nonce }
}

function assuranceOf({
  errorBound,
  colludingShare,
  shardsPerJob: shards,
  vehicles: owners,
}: Scenario): Assurance {
  const rest = {
    errorBoundPpb: null,
    colludingSharePpm: Math.round(colludingShare * 1e6),
    arbiter: 'steward',
  } as const
  if (errorBound === 0) return { replicas: 2, audits: null, lead: 3, ...rest }
  const [plan] = plansFor({ errorBound, colludingShare, shards, owners, auditor: 'owners' })
  return { replicas: plan!.replicas, audits: plan!.audits, lead: plan!.lead, ...rest }
}

function paymentOf({ unitMicros, budget, shardsPerJob }: Scenario): Manifest['payment'] {
  if (unitMicros === 0) return null
  const budgetMicros = Math.round(unitMicros * shardsPerJob * budget)
  return { currency: 'EUR', unit: 'page', unitMicrosMax: unitMicros, budgetMicros }
}
