/** The week of a vehicle: a bar for each day, and what it did on each in a table. */
import { Card, Fold, html, Table } from './pieces.js'
import { count, duration, energy, money, words } from './words.js'

export function Week({ days }) {
  const rows = days.map((day) => ({
    ...day,
    pages: day.work.reduce((sum, { pages }) => sum + pages, 0),
    joules: day.work.reduce(
      (sum, { measuredJoules, estimatedJoules }) => sum + measuredJoules + estimatedJoules,
      0,
    ),
  }))
  const most = Math.max(1, ...rows.map(({ pages }) => pages))
  const all = rows.reduce((sum, { pages }) => sum + pages, 0)
  return html`<${Card} title="The week">
    <div class="bars" role="img" aria-label=${`Pages of the last ${rows.length} days: ${rows.map(({ date, pages }) => `${dayOf(date)} ${pages}`).join(', ')}`}>
      ${rows.map(
        ({ date, pages }) => html`<div class="bar" key=${date}>
          <span class="bar-value">${pages === 0 ? '' : count(pages)}</span>
          <span class="bar-fill" style=${{ height: `${Math.round((pages / most) * 100)}%` }}></span>
          <span class="bar-name">${dayOf(date)}</span>
        </div>`,
      )}
    </div>
    <p class="hint">${count(all)} pages in ${rows.length} days.</p>
    <${Fold} title="As a table">
      <${Table} label="The week" rows=${[...rows].reverse()} keyOf=${({ date }) => date} columns=${columns} />
    <//>
  <//>`
}

/** @param {string} date */
function dayOf(date) {
  return new Date(`${date}T12:00:00`).toLocaleDateString([], { weekday: 'short' })
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const columns = [
  ['Day', ({ date }) => `${dayOf(date)}, ${date}`],
  ['Pages', ({ pages }) => count(pages), 'number'],
  ['Energy', ({ joules }) => energy(joules), 'number'],
  ['Allowed', ({ readyMs }) => duration(readyMs), 'number'],
  [
    'Held back',
    ({ pauses }) =>
      pauses
        .slice(0, 3)
        .map(({ reason, ms }) => `${words(reason)} ${duration(ms)}`)
        .join(', ') || 'never',
  ],
  [
    'Verified',
    ({ money: sums }) =>
      sums.map(({ verifiedMicros, currency }) => money(verifiedMicros, currency)).join(', ') || '–',
    'number',
  ],
]
