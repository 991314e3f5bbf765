/** A reporter that writes each event to a file at once, so that nothing which was reported is lost when the process dies. */
import { appendFileSync } from 'node:fs'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'
import { eventsPath } from './paths.ts'
import { shared } from './shared.ts'

export type Reported =
  | {
      readonly type: 'passed' | 'skipped' | 'failed'
      readonly name: string
      readonly ms: number
      readonly why: string
    }
  | { readonly type: 'said'; readonly name: string }
  | { readonly type: 'all' }

/** Node counts its results in diagnostics; we count the results themselves. */
const totals = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /

// biome-ignore lint/correctness/useYield: all that is said goes into the file
export default async function* (events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const isEnd = isEndOfFile(event)
    for (const line of isEnd ? endOf(event) : reportedOf(event))
      appendFileSync(eventsPath(), `${JSON.stringify(line)}\n`)
    if (isEnd) shared.ended(event.type === 'test:pass')
  }
}

/** The suite of a file in a shared process has ended, and so have all its tests. */
function isEndOfFile({ type, data }: TestEvent): boolean {
  const isResult = type === 'test:pass' || type === 'test:fail'
  return isResult && data.nesting === 0 && data.name === shared.file
}

/** About the file's suite itself only that is told which its tests do not tell, such as a hook that fails. */
function endOf(event: TestEvent): Reported[] {
  const isOwn = event.type === 'test:fail' && failureOf(event.data.details.error) !== 'subtestsFailed'
  return [...(isOwn ? reportedOf(event) : []), { type: 'all' }]
}

function failureOf(error: Error): unknown {
  return 'failureType' in error ? error.failureType : undefined
}

function reportedOf(event: TestEvent): Reported[] {
  switch (event.type) {
    case 'test:pass': {
      const { name, skip, details } = event.data
      const isSkipped = skip !== undefined && skip !== false
      const why = typeof skip === 'string' ? skip : ''
      return [{ type: isSkipped ? 'skipped' : 'passed', name, ms: details.duration_ms, why }]
    }
    case 'test:fail': {
      const { name, details } = event.data
      return [
        { type: 'failed', name, ms: details.duration_ms, why: inspect(details.error.cause ?? details.error) },
      ]
    }
    case 'test:diagnostic':
      return totals.test(event.data.message) ? [] : [{ type: 'said', name: event.data.message }]
    case 'test:summary':
      return shared.file === null ? [{ type: 'all' }] : []
    default:
      return []
  }
}
