/** Puts into words what commands say about a job. Pure functions of the node's reports. */
import { clean } from '../base/printable.ts'
import type { JobStatus, ResultsEnd, Submitted } from '../host/api.ts'
import { formatMoney } from '../protocol/price.ts'
import type { Outcomes } from '../protocol/verification/outcomes.ts'
import { shapeByLength, unitOfRuntime } from '../runtimes/registry.ts'
import {
  describeArrival,
  formatBound,
  formatCount,
  formatDuration,
  formatNumber,
  formatPer,
  formatRate,
  formatUnits,
  shortJob,
  shortOwner,
  shortPeer,
} from './format.ts'

/** The word for what a job is counted in, wherever it is spoken of: documents where each has one page, and else pages. */
export function countedIn(runtime: string): 'document' | 'page' {
  return shapeByLength(runtime, 1)?.pages === 1 ? 'document' : 'page'
}

/** Describes what was bought, right after the submission. */
export function describePlan(plan: Submitted): string[] {
  return [
    `job ${plan.job}${plan.known ? ' (known already: the same documents and options)' : ''}`,
    [
      formatCount(plan.documents, 'document'),
      ...describeWork(plan),
      formatCount(plan.shards, 'shard'),
      `engine ${clean(plan.engine)}`,
      describeAssurance(plan),
      `${plan.standbys === 0 ? 'no standby' : formatCount(plan.standbys, 'standby')}${plan.blind ? ', blind' : ''}`,
      plan.errorBound === null ? 'no bound: nobody vouches for the owners' : formatBound(plan.errorBound),
      ...(plan.payment === null
        ? []
        : [
            `at most ${formatMoney(plan.payment.unitMicrosMax, plan.payment.currency)}${formatPer(plan.payment.per ?? 1, plan.payment.unit)} and ${formatMoney(plan.payment.budgetMicros, plan.payment.currency)} in all`,
          ]),
    ].join(', '),
    ...describeLanguages(plan),
    ...describeLeftOut(plan),
    ...describeRefused(plan),
  ]
}

/** Pages, where documents have several; or the runtime's own units. */
export function describeWork({
  runtime,
  pages,
  units,
}: Pick<Submitted, 'runtime' | 'pages' | 'units'>): string[] {
  if (units !== null) return [describeUnits(runtime, units)]
  return countedIn(runtime) === 'page' ? [formatCount(pages, 'page')] : []
}

/** '1,234 tokens in and at most 560 out': before anybody has done the work. */
function describeUnits(runtime: string, { input, output }: NonNullable<Submitted['units']>): string {
  const all = `${formatUnits(input, unitOfRuntime(runtime).one)} in`
  return output === 0 ? all : `${all} and at most ${formatNumber(output)} out`
}

/** Nobody has looked at the pages yet: who submits them knows whether this is so. */
function describeLanguages({ languages }: Pick<Submitted, 'languages'>): string[] {
  if (languages.length === 0) return []
  return [
    `text is read as ${languages.map((name) => clean(name)).join(', ')}: name other languages with --language`,
  ]
}

export function describeLeftOut({ leftOut }: Pick<Submitted, 'leftOut'>): string[] {
  if (leftOut.length === 0) return []
  return [`left out: ${leftOut.map(({ what, count }) => `${clean(what)} (${count})`).join(', ')}`]
}

/** The names of so many documents are shown for each reason. */
const refusedNamesMax = 3

export function describeRefused({ refused }: Pick<Submitted, 'refused'>): string[] {
  if (refused.length === 0) return []
  const sum = refused.reduce((total, { count }) => total + count, 0)
  return [
    `${formatCount(sum, 'document')} refused, not sent and not paid for:`,
    ...refused.map(({ what, wayOut, count, documents }) => {
      const names = documents
        .slice(0, refusedNamesMax)
        .map((name) => clean(name))
        .join(', ')
      const more = count > refusedNamesMax ? ` and ${formatNumber(count - refusedNamesMax)} more` : ''
      return `  ${formatNumber(count)} ${clean(what)}${wayOut && ` (${clean(wayOut)})`}: ${names}${more}`
    }),
  ]
}

/** How results become certain. */
export function describeAssurance({ replicas, audits }: Pick<Submitted, 'replicas' | 'audits'>): string {
  if (audits === null) return formatCount(replicas, 'replica')
  const by = audits.auditor === 'steward' ? ' by this node' : ''
  return `${formatCount(audits.replicas, 'replica')} and ${formatCount(audits.checks, 'check')}${by} of each owner's window`
}

/** Null when there are enough owners. */
export function describeShortage(
  { needed, available }: Submitted['owners'],
  shortage: 'wait' | 'fail',
  isPaid: boolean,
): string | null {
  if (available >= needed) return null
  const missing = `${formatCount(needed, 'owner')} needed, ${formatNumber(available)} known`
  const hint = isPaid
    ? '; this node’s own owner does not count, nor do owners that ask for more than --price-cap'
    : '; this node’s own owner does not count, and owners that ask for money do with --price-cap and --budget only'
  return shortage === 'wait'
    ? `${missing}: the job waits for more${hint}`
    : `${missing}: the job fails if no more appear soon${hint}`
}

/** Describes a status for a terminal: a headline, a bar, the shards, and whatever else is worth knowing. */
export function describeStatus(status: JobStatus): string[] {
  const { shards, pages, payment } = status
  const lines = [
    `job ${shortJob(status.job)}  ${clean(status.runtime)}/${clean(status.engine)}  ${describeAssurance(status)}  ${formatBound(status.errorBound)}`,
    `${progressBar(pages.verified, pages.total)} ${share(pages.verified, status, pages.total)} verified  ${describePace(status)}`,
    `shards: ${shards.queued} queued, ${shards.leased} leased, ${shards.returned} returned, ${shards.verified} verified, ${shards.disputed} disputed, ${shards.failed} failed; ${formatCount(status.executions, 'execution')}`,
    ...(status.units === null ? [] : [`work: ${describeUnits(status.runtime, status.units)}`]),
    ...(payment === null
      ? []
      : [
          `money: ${formatMoney(payment.owedMicros, payment.currency)} owed, ${formatMoney(payment.promisedMicros, payment.currency)} promised to leases, of a budget of ${formatMoney(payment.budgetMicros, payment.currency)}`,
        ]),
  ]
  if (status.state === 'running' && status.reason !== '') lines.push(describeWaiting(status.reason))
  if (status.state === 'running' && status.actor !== null) lines.push(describeActor(status.actor))
  lines.push(...describeFetching(status))
  lines.push(...describeOutcomes(status))
  for (const doubt of status.doubts) lines.push(`doubt: ${clean(doubt)}`)
  for (const { owner, peers } of status.contradicted)
    lines.push(`contradicted: owner ${shortOwner(owner)}, ${peers.map(shortPeer).join(' ')}`)
  if (status.state !== 'running') lines.push(describeEnd(status))
  return lines
}

/** So many vehicles are shown that fetch weights; the slowest hold a job up, and stand first. */
const fetchingShownMax = 4

function describeFetching({ fetching = [] }: JobStatus): string[] {
  const shareOf = ({ bytes, of }: { readonly bytes: number; readonly of: number }) => bytes / of
  const shown = fetching.toSorted((a, b) => shareOf(a) - shareOf(b)).slice(0, fetchingShownMax)
  const left = fetching.length - shown.length
  return [
    ...shown.map(
      ({ peer, name, ...weights }) =>
        `weights for ${name === '' ? shortPeer(peer) : clean(name)}: ${describeArrival(weights)}`,
    ),
    ...(left === 0 ? [] : [`weights for ${formatCount(left, 'more vehicle')} are coming`]),
  ]
}

/** One line: another node gives out the work, why, and what that changes for whoever submitted the job. */
export function describeActor({ peer, name }: NonNullable<JobStatus['actor']>): string {
  const who = name === '' ? shortPeer(peer) : `${clean(name)} (${shortPeer(peer)})`
  return `${who} acts now, because this computer cannot reach enough vehicles; results come back here`
}

/** One line: what the job waits for. */
export function describeWaiting(reason: string): string {
  return `waiting: ${clean(reason)}`
}

/** One line: how it ended, or that it has not. */
export function describeEnd({ job, runtime, state, reason, pages }: JobStatus): string {
  const verified = `${share(pages.verified, { runtime }, pages.total)} verified`
  const why = reason === '' ? '' : `: ${clean(reason)}`
  return `job ${shortJob(job)} ${state === 'running' ? 'is running' : state}, ${verified}${why}`
}

/** "12 of 300 documents ended in an error: output-limit × 12"; null when none did. */
export function describeErrors({ outcomes, runtime, pages }: CountedJob): string | null {
  if (!outcomes || outcomes.withError === 0) return null
  return `${share(outcomes.withError, { runtime }, pages.total)} ended in an error: ${describeCodes(outcomes.errors)}`
}

/** The part of a status or a summary that says how its pages came out. */
interface CountedJob {
  readonly runtime: string
  readonly pages: { readonly total: number }
  readonly outcomes: Outcomes | null
}

/** Lines about the pages that did not simply come out well. */
export function describeOutcomes(status: Pick<JobStatus, 'outcomes' | 'runtime' | 'pages'>): string[] {
  const errors = describeErrors(status)
  return [...(errors === null ? [] : [errors]), ...describeDoubtful(status)]
}

/** The same without errors: pages with warnings, and pages without a result. */
export function describeDoubtful({
  outcomes,
  runtime,
  pages: { total },
}: Pick<JobStatus, 'outcomes' | 'runtime' | 'pages'>): string[] {
  if (!outcomes) return []
  const { withWarning, warnings, failed } = outcomes
  return [
    ...(withWarning === 0
      ? []
      : [`${share(withWarning, { runtime }, total)} with a warning: ${describeCodes(warnings)}`]),
    ...(failed === 0 ? [] : [`${share(failed, { runtime }, total)} failed: their shards have no result`]),
  ]
}

function share(count: number, { runtime }: Pick<JobStatus, 'runtime'>, pages: number): string {
  return `${formatNumber(count)} of ${formatCount(pages, countedIn(runtime))}`
}

function describeCodes(codes: Outcomes['errors']): string {
  return codes.map(({ code, count }) => `${clean(code)} × ${formatNumber(count)}`).join(', ')
}

/** Exactly what is missing, a line each. Empty when nothing is. */
export function describeMissing({
  runtime,
  pages,
  missing,
}: Pick<ResultsEnd, 'runtime' | 'pages' | 'missing'>): string[] {
  if (missing.length === 0) return []
  return [
    `${share(missing.length, { runtime }, pages)} missing:`,
    ...missing.map(({ document, page, why }) => `  ${clean(document)} page ${page}: ${clean(why)}`),
  ]
}

/** Twenty cells; the last is filled only when all is done. */
export function progressBar(done: number, total: number): string {
  const filled = total === 0 ? 0 : Math.floor((done / total) * 20)
  return `[${'#'.repeat(filled)}${'.'.repeat(20 - filled)}]`
}

function describePace({ state, pagesPerSecond, etaMs }: JobStatus): string {
  if (state !== 'running' || etaMs === null) return formatRate(pagesPerSecond)
  return `${formatRate(pagesPerSecond)}  ${formatDuration(etaMs)} left`
}
