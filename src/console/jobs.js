/** The submitter's view: batches, the newest first; one of them; or the form for a new one. */
import { Batch, statusOf } from './batch.js'
import { Badge, Card, Empty, html, Loading, Table } from './pieces.js'
import { Submit } from './submit.js'
import { count, moment, money } from './words.js'

export function Jobs({ live, path: [what] }) {
  const { batches, batch, key } = live.parts
  if (what === 'new') return html`<${Submit} budget=${key?.budget ?? null} work=${key?.work ?? []} />`
  if (what?.startsWith('batch_')) {
    if (batch?.id !== what) return html`<${Loading} />`
    return html`<${Batch} batch=${batch} />`
  }
  if (batches === undefined) return html`<${Loading} />`
  return html`<${List} ...${batches} budget=${key?.budget ?? null} />`
}

function List({ list, hasMore, budget }) {
  const aside = html`<a class="button main" href="#/jobs/new">New batch</a>`
  return html`<${Card} title="Batches" aside=${aside}>
    ${budget && html`<p class="hint">${money(budget.leftMicros, budget.currency)} of ${money(budget.micros, budget.currency)} are left for batches of today (UTC).</p>`}
    ${
      list.length === 0
        ? html`<${Empty} title="No batches yet">
            <p>Send scans or texts from here, or from a program (docs/api.md):</p>
            <p><a class="button" href="#/jobs/new">New batch</a></p>
          <//>`
        : html`<${Table} label="Batches" rows=${list} keyOf=${({ id }) => id} columns=${columns} />`
    }
    ${hasMore && html`<p class="hint">These are the newest; older ones are listed by GET /v1/batches.</p>`}
  <//>`
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const columns = [
  ['Batch', ({ id, name }) => html`<a class="strong" href=${`#/jobs/${id}`}>${name || id}</a>`],
  [
    'Status',
    ({ status }) => {
      const { tone, sign, word } = statusOf(status)
      return html`<${Badge} tone=${tone} sign=${sign}>${word}<//>`
    },
  ],
  ['Done', ({ counts }) => `${count(counts.completed)} of ${count(counts.total)}`, 'number'],
  [
    'Failed',
    ({ counts }) => (counts.failed === 0 ? '0' : html`<b class="bad">${count(counts.failed)}</b>`),
    'number',
  ],
  ['Model', ({ model, endpoint }) => model ?? endpoint],
  ['Made', ({ createdAtMs }) => moment(createdAtMs), 'number'],
]
