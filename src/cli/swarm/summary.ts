/** What a demonstration says at its end: what was read, what it cost, who lied, who left, who did what. */
import type { JobStatus } from '../../host/api.ts'
import { formatBound, formatCount, formatDuration, shortOwner } from '../format.ts'
import { describeAssurance } from '../job-view.ts'
import { clean, formatTable } from '../table.ts'
import type { Casualty } from './faults.ts'
import type { Member } from './member.ts'
import { errorRateMax, type Reading } from './truth.ts'

export interface Demonstration {
  readonly readings: readonly Reading[]
  readonly status: JobStatus
  readonly vehicles: readonly { readonly member: Member; readonly lies: boolean }[]
  readonly casualties: readonly Casualty[]
  readonly tookMs: number
}

/** Every page verified, and each whose text is known read nearly without errors. */
export function succeeded({ readings, status }: Demonstration): boolean {
  const read = readings.filter(({ line }) => line.error === null)
  return (
    status.state === 'complete' &&
    readings.length === status.pages.total &&
    read.length > 0 &&
    readings.every(({ errorRate }) => errorRate === null || errorRate <= errorRateMax)
  )
}

export function describeDemonstration(demonstration: Demonstration): string[] {
  return [
    ...describeReadings(demonstration.readings),
    '',
    ...describeCost(demonstration),
    ...describeFaults(demonstration),
    '',
    ...describeVehicles(demonstration),
  ]
}

function describeReadings(readings: readonly Reading[]): string[] {
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

const excerptLength = 34

function excerpt(text: unknown): string {
  const line = String(text ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return clean(line.length <= excerptLength ? line : `${line.slice(0, excerptLength - 1)}…`)
}

function describeCost({ status, tookMs }: Demonstration): string[] {
  const perShard = (status.executions / Math.max(1, status.shards.total)).toFixed(2)
  return [
    `${status.pages.verified} of ${formatCount(status.pages.total, 'page')} verified in ${formatDuration(tookMs)}, engine ${status.runtime}/${status.engine}`,
    `redundancy: ${formatCount(status.executions, 'execution')} of ${formatCount(status.shards.total, 'shard')}, ${perShard} each (${describeAssurance(status)}, ${formatBound(status.errorBound)})`,
  ]
}

function describeFaults({ status, vehicles, casualties }: Demonstration): string[] {
  const lines: string[] = []
  for (const { owner, peers } of status.contradicted) {
    const names = vehicles.filter(({ member }) => peers.some((peer) => peer === member.peer))
    const who = names.map(({ member }) => member.name).join(', ')
    lines.push(`lied: ${who || 'a vehicle'} of owner ${shortOwner(owner)}, contradicted by the verdicts`)
  }
  for (const { lies, member } of vehicles)
    if (lies && !status.contradicted.some(({ peers }) => peers.some((peer) => peer === member.peer)))
      lines.push(`would have lied: ${member.name}, but none of its claims was counted`)
  for (const { fault, member, atSeconds } of casualties)
    lines.push(
      fault === 'kill'
        ? `left: ${member.name}, killed while it worked, ${atSeconds.toFixed(1)} s in; its pages were leased again`
        : `left: ${member.name}, its owner drove off ${atSeconds.toFixed(1)} s in; it handed back what it had`,
    )
  return lines
}

function describeVehicles({ status, vehicles, casualties }: Demonstration): string[] {
  const gone = new Map(
    casualties.map(({ member, fault }) => [member.name, fault === 'kill' ? 'killed' : 'drove off']),
  )
  return formatTable(
    [
      { title: 'vehicle', cell: ({ member }) => member.name },
      { title: 'claims', align: 'right', cell: ({ member }) => String(rowOf(status, member)?.claims ?? 0) },
      { title: 'agreed', align: 'right', cell: ({ member }) => String(rowOf(status, member)?.agreed ?? 0) },
      {
        title: 'contradicted',
        align: 'right',
        cell: ({ member }) => String(rowOf(status, member)?.contradicted ?? 0),
      },
      { title: 'fate', cell: ({ member, lies }) => gone.get(member.name) ?? (lies ? 'lied' : 'stayed') },
    ],
    [...vehicles],
  )
}

function rowOf(status: JobStatus, member: Member): JobStatus['vehicles'][number] | undefined {
  return status.vehicles.find(({ peer }) => peer === member.peer)
}
