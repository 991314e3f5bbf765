/** The status of a job as a person sees it: the steward's view in the words of the API. */
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { sumOfUnits, type UnitCount } from '../../protocol/price.ts'
import type { JobView } from '../../protocol/state/job-view.ts'
import { languagesOf } from '../../runtimes/registry.ts'
import type { JobOutcomes, JobStatus, JobSummary, Submitted } from '../api.ts'
import type { CouncilDriver } from './council-driver.ts'

/** `view`, where the caller has it already: making one looks at every shard. */
export function summaryOf(
  stewardship: CouncilDriver,
  createdAtMs: number,
  { end, pages, owners } = stewardship.view(),
): JobSummary {
  const waits = stewardship.inputsDamaged ? damagedInputs : shortageOf(stewardship, owners)
  return {
    job: stewardship.job,
    runtime: stewardship.manifest.runtime,
    state: end === null ? 'running' : end.outcome,
    reason: end?.reason ?? waits,
    code: end === null ? null : (end.code ?? end.outcome),
    pages,
    outcomes: null,
    createdAtMs,
    deadlineMs: stewardship.manifest.deadlineMs,
  }
}

export function submittedOf(
  stewardship: CouncilDriver,
  known: boolean,
  {
    leftOut,
    refused,
    documents,
  }: Pick<Submitted, 'leftOut' | 'refused'> & {
    readonly documents: { readonly named: number }
  },
): Submitted {
  const { manifest, job } = stewardship
  const { assurance } = manifest
  return {
    job,
    known,
    documents: documents.named,
    leftOut,
    refused,
    pages: manifest.shards.pages,
    units: unitsIn(stewardship),
    shards: manifest.shards.count,
    runtime: manifest.runtime,
    engine: `${manifest.runtime}/${manifest.engine.name}`,
    languages: languagesOf(
      manifest.runtime,
      manifest.weights.map(({ name }) => name),
    ),
    replicas: assurance.replicas,
    audits: assurance.audits,
    errorBound: assurance.errorBoundPpb === null ? null : assurance.errorBoundPpb / 1e9,
    owners: stewardship.view().owners,
    standbys: manifest.stewards.length - 1,
    blind: manifest.blind !== null,
    payment: manifest.payment,
  }
}

/** The units that a job's list of shards states; null where it states none, or is not here yet. */
function unitsIn(stewardship: CouncilDriver): UnitCount | null {
  const shards = stewardship.areListed ? stewardship.shards : []
  if (shards[0]?.units === undefined) return null
  return sumOfUnits(shards.flatMap(({ units }) => units ?? []))
}

/** As far as results are here; null where this node cannot read them. An ended job is looked at as a whole. */
export async function outcomesOf(stewardship: CouncilDriver): Promise<JobOutcomes | null> {
  const outcomes = await stewardship.outcomes(stewardship.hasEnded)
  if (outcomes === null) return null
  const failed = stewardship
    .verdicts()
    .filter(({ outcome, because }) => outcome === 'failed' && because !== 'ended')
    .reduce((sum, { position }) => sum + (stewardship.shards[position]?.pages ?? 0), 0)
  return { ...outcomes, failed }
}

/** Only the steward that acts looks for owners. */
function shortageOf(
  { acting }: Pick<CouncilDriver, 'acting'>,
  { needed, available }: JobView['owners'],
): string {
  if (!acting || available >= needed) return ''
  return `${needed} ${needed === 1 ? 'owner' : 'owners'} needed, ${available} known beside those of the submitter and the standbys`
}

const fetchesVerdicts = 'it is complete; this node still fetches what the other stewards decided'
const damagedInputs = 'a part of its inputs is damaged here: submit the same job again to bring it back'

export function statusOf(
  stewardship: CouncilDriver,
  createdAtMs: number,
  nameOf: (peer: PeerId) => string,
): JobStatus {
  const { manifest } = stewardship
  const view = stewardship.view()
  const pagesPerSecond = stewardship.pagesPerSecond()
  const left = view.pages.total - view.pages.verified
  const vehicles = vehiclesOf(stewardship, nameOf)
  const summary = summaryOf(stewardship, createdAtMs, view)
  return {
    ...(lacksVerdicts(view)
      ? { ...summary, state: 'running', reason: fetchesVerdicts, code: null }
      : summary),
    documents: manifest.documents.count,
    units: unitsIn(stewardship),
    engine: manifest.engine.name,
    replicas: manifest.assurance.replicas,
    audits: manifest.assurance.audits,
    errorBound: manifest.assurance.errorBoundPpb === null ? null : manifest.assurance.errorBoundPpb / 1e9,
    shards: view.shards,
    executions: view.executions,
    payment: view.payment,
    owners: view.owners,
    pagesPerSecond,
    etaMs: pagesPerSecond === 0 || view.end !== null ? null : Math.round((left / pagesPerSecond) * 1000),
    contradicted: view.contradicted.map((owner) => ({
      owner,
      peers: vehicles.filter((vehicle) => vehicle.owner === owner).map(({ peer }) => peer),
    })),
    standbys: { named: stewardship.stewards.length - 1, holding: stewardship.holders },
    acting: stewardship.acting,
    actor: actorOf(stewardship.actsInstead, nameOf),
    doubts: stewardship.doubts,
    fetching: fetchingOf(stewardship, nameOf),
    vehicles,
  }
}

function fetchingOf({ arriving }: CouncilDriver, nameOf: (peer: PeerId) => string): JobStatus['fetching'] {
  return [...arriving]
    .map(([peer, weights]) => ({ peer, name: nameOf(peer), ...weights }))
    .sort((a, b) => (a.peer < b.peer ? -1 : 1))
}

function actorOf(peer: PeerId | undefined, nameOf: (peer: PeerId) => string): JobStatus['actor'] {
  return peer === undefined ? null : { peer, name: nameOf(peer) }
}

/**
 * Tells whether the end of a complete job is here before all of its verdicts are, as on a submitter that was away when the
 * job ended: records come in any order. Whoever follows the job waits for them.
 */
function lacksVerdicts({ end, shards }: JobView): boolean {
  return end?.outcome === 'complete' && shards.verified + shards.failed < shards.total
}

function vehiclesOf(stewardship: CouncilDriver, nameOf: (peer: PeerId) => string): JobStatus['vehicles'] {
  const vehicles = new Map<
    PeerId,
    { peer: PeerId; name: string; owner: OwnerId; claims: number; agreed: number; contradicted: number }
  >()
  for (const { claim, verdict } of stewardship.claims()) {
    const { peer, owner, receipt } = claim
    const row = vehicles.get(peer) ?? {
      peer,
      name: nameOf(peer),
      owner,
      claims: 0,
      agreed: 0,
      contradicted: 0,
    }
    vehicles.set(peer, row)
    row.claims += 1
    if (verdict?.agreeing.includes(receipt)) row.agreed += 1
    if (verdict?.contradicting.includes(receipt)) row.contradicted += 1
  }
  return [...vehicles.values()].sort((a, b) => (a.peer < b.peer ? -1 : 1))
}
