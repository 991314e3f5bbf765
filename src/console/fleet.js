/** The operator's view: how many vehicles work, what they offer over the day and what holds the others back, which ones, and who is in the fleet. */
import { Chart } from './chart.js'
import { Members, Waiting } from './members.js'
import { Badge, Card, Empty, html, Loading, Said, Table, Tile } from './pieces.js'
import { count, counted, duration, tail, words } from './words.js'

const typingMs = 300

export function Fleet({ live: { parts }, path: [filter = ''] }) {
  const { fleet, vehicles, members, day } = parts
  if (fleet === undefined || vehicles === undefined) return html`<${Loading} />`
  return html`<${Summary} fleet=${fleet} />
    ${members && html`<${Waiting} ...${members.waiting} />`}
    <${Day} points=${day ?? []} />
    <${Vehicles} ...${vehicles} asked=${decodeURIComponent(filter)} total=${fleet.vehicles.total} />
    ${members && html`<${Members} ...${members.others} />`}
    ${!fleet.isRegistrar && html`<p class="hint">Who is in the fleet is said on its registrar: the node with the fleet's key.</p>`}`
}

function Summary({ fleet: { name, vehicles, capacity, versions } }) {
  const held = Object.values(capacity.held).reduce((sum, slots) => sum + slots, 0)
  const text = `${counted(vehicles.total, 'vehicle')}: ${count(vehicles.work)} may work, ${count(vehicles.held)} held back, ${count(vehicles.silent)} silent`
  return html`<${Card} title=${name === null ? 'The open mesh around this node' : `The fleet ${name}`}>
    <div class="tiles">
      <${Tile} name="Vehicles" value=${count(vehicles.total)} note=${`${count(vehicles.work)} may work`} />
      <${Tile} name="Held back" value=${count(vehicles.held)} note="by their owners' rules" />
      <${Tile} name="Silent" value=${count(vehicles.silent)} note="not heard of for 2 min" />
      <${Tile} name="Slots free" value=${count(capacity.free)} note=${`of ${count(capacity.free + capacity.work + held)}`} />
    </div>
    <${Said} text=${text} />
    ${versions.length > 0 && html`<p class="hint">Software: ${versions.map(({ software, count: number }) => `${software} (${count(number)})`).join(', ')}</p>`}
  <//>`
}

/** Work at the bottom, then what is free, then what is held back, the most first. */
function Day({ points }) {
  const reasons = [...new Set(points.flatMap(({ capacity }) => Object.keys(capacity.held)))]
  const heldBy = (reason) => points.map(({ capacity }) => capacity.held[reason] ?? 0)
  const sum = (values) => values.reduce((all, value) => all + value, 0)
  const sorted = reasons
    .map((reason) => ({ reason, values: heldBy(reason) }))
    .sort((a, b) => sum(b.values) - sum(a.values))
  const series = [
    { name: 'at work', values: points.map(({ capacity }) => capacity.work), color: '--series-1' },
    { name: 'free', values: points.map(({ capacity }) => capacity.free), color: '--series-2' },
    ...sorted
      .slice(0, 6)
      .map(({ reason, values }, i) => ({ name: words(reason), values, color: `--series-${i + 3}` })),
  ]
  return html`<${Card} title="Slots over the day, by what holds them back">
    ${
      points.length < 2
        ? html`<${Empty} title="No figures yet"><p>There is one for each minute from now on.</p><//>`
        : html`<${Chart} title="Slots, stacked" atMs=${points.map(({ atMs }) => atMs)} series=${series} say=${count} />`
    }
  <//>`
}

let typing = 0

function Vehicles({ rows, found, filter, asked, total }) {
  const type = ({ target }) => {
    clearTimeout(typing)
    typing = setTimeout(() => {
      location.hash = target.value === '' ? '#/fleet' : `#/fleet/${encodeURIComponent(target.value)}`
    }, typingMs)
  }
  return html`<${Card} title=${`Vehicles (${count(total)})`}>
    <form class="row" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Filter <input type="search" defaultValue=${asked} onInput=${type} placeholder="stop charge-low 0.1.0" /></label>
    </form>
    ${
      rows.length > 0
        ? html`<${Table} label="Vehicles" rows=${rows} keyOf=${({ peer }) => peer} columns=${columns} />`
        : filter === ''
          ? html`<${Empty} title="No vehicles yet"><p>Start one elsewhere: <code>carpool node --bootstrap &lt;multiaddr of this node&gt;</code></p><//>`
          : html`<${Empty} title="No vehicle has that"><p>The filter looks at names, reasons, software, owners and modes.</p><//>`
    }
    ${found > rows.length && html`<p class="hint">${count(rows.length)} of ${count(found)} are shown; filter them.</p>`}
  <//>`
}

const modes = {
  run: ['good', '●', 'may work'],
  drain: ['busy', '◐', 'finishes'],
  stop: ['quiet', '○', 'stands still'],
  silent: ['bad', '?', 'silent'],
}

/** @type {readonly [string, (row: any) => any, string?][]} */
const columns = [
  [
    'Vehicle',
    ({ name, peer, self, banned }) =>
      html`<span class="strong">${name || tail(peer)}</span>${self ? ' (this node)' : ''}${banned ? html` <${Badge} tone="bad" sign="✕">its owner lied<//>` : ''}`,
  ],
  [
    'Mode',
    ({ mode }) => {
      const [tone, sign, word] = modes[mode] ?? ['quiet', '?', mode]
      return html`<${Badge} tone=${tone} sign=${sign}>${word}<//>`
    },
  ],
  ['Why', ({ reasons }) => reasons.map(words).join(', ') || '–'],
  ['Slots free', ({ slots }) => `${count(slots.free)} of ${count(slots.total)}`, 'number'],
  ['Owner', ({ owner }) => tail(owner)],
  ['Software', ({ software }) => software],
  [
    'Heard',
    ({ ageMs, self }) => (self ? 'now' : ageMs < 10_000 ? 'just now' : `${duration(ageMs)} ago`),
    'number',
  ],
]
