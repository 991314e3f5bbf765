/**
 * Sums up a demonstration at its end: the pages that were read, their cost, the vehicles that lied or left, and each
 * vehicle's work and earnings.
 */
import type { JobStatus, ResultLine } from '../../host/api.ts'
import { formatMoney } from '../../protocol/price.ts'
import { formatBound, formatCount, formatDuration, shortOwner } from '../format.ts'
import { countedIn, describeAssurance } from '../job-view.ts'
import { formatTable } from '../table.ts'
import { type Books, balances } from './books.ts'
import { excerpt } from './excerpt.ts'
import type { Incident } from './faults.ts'
import type { Member } from './member.ts'
import { errorRateMax, type Reading } from './truth.ts'

export interface Demonstration {
  /** The results of its first job. */
  readonly lines: readonly ResultLine[]
  readonly status: JobStatus
  readonly vehicles: readonly { readonly member: Member; readonly lies: boolean }[]
  readonly incidents: readonly Incident[]
  /** Null where the job pays nobody. */
  readonly books: Books | null
  readonly tookMs: number
}

/** Every page verified, and the books balanced. */
export function succeeded({ lines, status, books }: Demonstration): boolean {
  return (
    status.state === 'complete' &&
    (books === null || balances(books)) &&
    lines.length === status.pages.total &&
    lines.some(({ error }) => error === null)
  )
}

/** Each page whose text is known is read nearly without errors. */
export function readWell(readings: readonly Reading[]): boolean {
  return readings.every(({ errorRate }) => errorRate === null || errorRate <= errorRateMax)
}

export function describeDemonstration(demonstration: Demonstration): string[] {
  return [
    ...describeCost(demonstration),
    ...describeFaults(demonstration),
    '',
    ...describeVehicles(demonstration),
    ...(demonstration.books === null ? [] : ['', describeBooks(demonstration.books)]),
  ]
}

export function describeReadings(readings: readonly Reading[]): string[] {
  const rows = formatTable<Reading>(
    [
      { title: 'page', cell: ({ line }) => `${line.document} ${line.page}` },
      {
        title: 'errors',
        align: 'right',
        cell: ({ errorRate }) => (errorRate === null ? '' : `${(errorRate * 100).toFixed(2)} %`),
      },
      { title: 'recognised', cell: ({ line }) => line.error?.message ?? excerpt(line.result?.text) },
      { title: 'truth', cell: ({ truth }) => (truth === null ? '' : excerpt(truth)) },
    ],
    readings,
  )
  const known = readings.filter(({ truth }) => truth !== null)
  if (known.length === 0) return rows
  const characters = known.reduce((sum, { truth }) => sum + truth!.length, 0)
  const errors = known.reduce((sum, { truth, errorRate }) => sum + truth!.length * errorRate!, 0)
  const rate = ((errors / characters) * 100).toFixed(2)
  return [...rows, '', `character error rate over ${formatCount(known.length, 'page')}: ${rate} %`]
}

function describeCost({ status, tookMs }: Demonstration): string[] {
  const perShard = (status.executions / Math.max(1, status.shards.total)).toFixed(2)
  return [
    `${status.pages.verified} of ${formatCount(status.pages.total, countedIn(status.runtime))} verified in ${formatDuration(tookMs)}, engine ${status.runtime}/${status.engine}`,
    `redundancy: ${formatCount(status.executions, 'execution')} of ${formatCount(status.shards.total, 'shard')}, ${perShard} each (${describeAssurance(status)}, ${formatBound(status.errorBound)})`,
  ]
}

function describeFaults({ status, vehicles, incidents }: Demonstration): string[] {
  const lines: string[] = []
  for (const { owner, peers } of status.contradicted) {
    const names = vehicles.filter(({ member }) => peers.some((peer) => peer === member.peer))
    const who = names.map(({ member }) => member.name).join(', ')
    lines.push(`lied: ${who || 'a vehicle'} of owner ${shortOwner(owner)}, contradicted by the verdicts`)
  }
  for (const { lies, member } of vehicles)
    if (lies && !status.contradicted.some(({ peers }) => peers.some((peer) => peer === member.peer)))
      lines.push(`would have lied: ${member.name}, but none of its claims was counted`)
  for (const incident of [...incidents].sort((a, b) => a.atSeconds - b.atSeconds))
    lines.push(
      `${incident.atSeconds.toFixed(1)} s into the job: ${incident.member.name} ${happened[incident.fault]}${becauseOf(incident)}`,
    )
  return lines
}

const happened: Readonly<Record<Incident['fault'], string>> = {
  kill: 'was killed while it worked; its pages were leased again',
  'drive-off': 'was needed by its owner, stood still and handed back what it had',
  hot: 'got hot and stood still',
  'low-charge': 'takes no work',
  late: 'has arrived, was plugged in and works',
}

const fates: Readonly<Record<Incident['fault'], string>> = {
  kill: 'killed',
  'drive-off': 'drove off',
  hot: 'got hot',
  'low-charge': 'refused',
  late: 'came late',
}

function becauseOf({ sentence }: Incident): string {
  return sentence === null ? '' : ` (${sentence})`
}

function describeVehicles({ status, vehicles, incidents, books }: Demonstration): string[] {
  const met = new Map(incidents.map(({ member, fault }) => [member.name, fates[fault]]))
  const ofRow = (key: 'claims' | 'agreed' | 'contradicted') => (row: Demonstration['vehicles'][number]) =>
    String(status.vehicles.find(({ peer }) => peer === row.member.peer)?.[key] ?? 0)
  return formatTable(
    [
      { title: 'vehicle', cell: ({ member }) => member.name },
      { title: 'claims', align: 'right', cell: ofRow('claims') },
      { title: 'agreed', align: 'right', cell: ofRow('agreed') },
      { title: 'contradicted', align: 'right', cell: ofRow('contradicted') },
      ...(books === null ? [] : [earnedColumn(books)]),
      { title: 'fate', cell: ({ member, lies }) => met.get(member.name) ?? (lies ? 'lied' : 'stayed') },
    ],
    [...vehicles],
  )
}

function earnedColumn({ billed, bill }: Books) {
  return {
    title: 'earned',
    align: 'right' as const,
    cell: ({ member }: Demonstration['vehicles'][number]) =>
      formatMoney(billed.get(member.name) ?? 0, bill.currency),
  }
}

function describeBooks(books: Books): string {
  const { bill, earned, leftMicros } = books
  const total = formatMoney(bill.owedMicros, bill.currency)
  const budget = formatMoney(bill.budgetMicros, bill.currency)
  const sum = leftMicros === 0 ? 'all of it to owners' : `${leftMicros} millionths of it to nobody`
  const sides = balances(books) ? 'say the same' : 'do not all say the same'
  return `the submitter owes ${total}, ${sum}, of a budget of ${budget}; the own ledgers of the ${formatCount(earned.size, 'vehicle')} still there ${sides}`
}
