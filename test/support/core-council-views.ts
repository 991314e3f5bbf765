/** What traces say of councils when a command asks how they stand. */
import { toString as textOf } from 'uint8arrays'
import type { Council } from '../../src/protocol/council/council.ts'
import type { Member } from './core-crowd.ts'
import { nameOfPeer } from './core-fakes.ts'
import type { RecordNames } from './core-record-names.ts'

/** Which of the job's records who has: what anybody has, and what each lacks of it. */
export function compared(members: Iterable<Member>, records: RecordNames): string[] {
  const running = [...members].filter(({ council }) => council !== undefined)
  const all = new Set(running.flatMap(({ journal }) => [...journal]))
  const roots = new Set(running.map(({ council }) => textOf(council!.root, 'hex')))
  const lines = running.map(({ name, journal }) => {
    const lacks = [...all].filter((id) => !journal.has(id)).map((id) => records.of(id))
    return `${name}: ${journal.size} records${lacks.length > 0 ? `, lacks ${lacks.join(' ')}` : ''}`
  })
  return [...lines, roots.size === 1 ? 'the roots are equal' : 'the roots differ']
}

/** The stewards that a job's results have not reached, and that must have them before it ends. */
export function lacking(name: string, council: Council, nowMs: number): string {
  const counts = [...council.lackingResults(nowMs)].map(
    ([peer, verdicts]) => `${nameOfPeer(peer)} ${verdicts}`,
  )
  return `${name}: results are lacking at ${counts.length === 0 ? 'nobody' : counts.join(' ')}`
}

export function viewed(name: string, council: Council): string {
  const state = council.observe()?.view()
  const { places } = council
  const seats = places.stewards.map(
    ({ peer }) => `${nameOfPeer(peer)}${places.isReplaced(peer) ? ' (lost)' : ''}`,
  )
  const counts = Object.entries(state?.shards ?? {}).filter(([kind, count]) => kind !== 'total' && count > 0)
  const contradicted = state?.contradicted ?? []
  const payment = state?.payment ?? null
  const parts = [
    council.acting ? 'acts' : 'watches',
    `stewards ${seats.join(' ')}`,
    ...(state === undefined ? ['lacks the shards'] : counts.map(([kind, count]) => `${kind}=${count}`)),
    ...(contradicted.length > 0 ? [`contradicted ${contradicted.join(' ')}`] : []),
    ...(payment === null ? [] : [`promised ${payment.promisedMicros} of ${payment.budgetMicros}`]),
    ...(state?.end == null
      ? []
      : [`ended ${state.end.outcome}`, council.isComplete ? 'all is here' : 'something lacks']),
  ]
  return `${name}: ${parts.join(', ')}`
}
