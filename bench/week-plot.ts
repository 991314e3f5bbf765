/** The simulated week as an SVG: what all vehicles do over the day, stacked, working days beside weekends. */
import { type Presence, type Presences, presences } from '../src/simulator/week/presence.ts'

const panel = { width: 440, height: 240, gap: 40, left: 52, top: 64 }

/** From below: what pays first. */
const stacked = [...presences].reverse()

const labels: Readonly<Record<Presences, string>> = {
  driving: 'driving',
  unplugged: 'parked, unplugged',
  charging: 'charging first',
  'held back': 'held back by other rules',
  waiting: 'allowed, without work',
  working: 'working',
}

export function plotWeek(presence: Presence): string {
  const width = panel.left + 2 * panel.width + panel.gap + 16
  const height = panel.top + panel.height + 44
  const panels = [false, true].map((isWeekend, i) => {
    const x = panel.left + i * (panel.width + panel.gap)
    const head = text(panel.width / 2, -10, isWeekend ? 'Saturday and Sunday' : 'Monday to Friday', 'middle')
    return `<g transform="translate(${x} ${panel.top})">${head}${areas(presence, isWeekend)}${frame(i === 0)}</g>`
  })
  const legend = stacked.map((what, i) => {
    const x = panel.left + i * 160
    return `<rect class="a${i}" x="${x}" y="14" width="14" height="12"/>${text(x + 20, 24, labels[what], 'start')}`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    style,
    ...legend,
    ...panels,
    text(
      width / 2,
      height - 8,
      'hour of the day; percent of 1,000 vehicles, a fifth of them robotaxis',
      'middle',
    ),
    '</svg>\n',
  ].join('\n')
}

const title = 'What a thousand vehicles do over the day'

const style = `<style>
svg { background: #fff; color: #222 }
text { fill: currentColor }
.grid { fill: none; stroke: #8886; stroke-width: 1 }
.a0 { fill: #0a7d4b }
.a1 { fill: #8fd3b0 }
.a2 { fill: #d9a441 }
.a3 { fill: #e8cf9a }
.a4 { fill: #b9c3cf }
.a5 { fill: #5a6b7f }
@media (prefers-color-scheme: dark) {
  svg { background: #16181c; color: #ddd }
}
</style>`

function areas(presence: Presence, isWeekend: boolean): string {
  let below = presence.shares(isWeekend, 'working').map(() => 0)
  return stacked
    .map((what, i) => {
      const shares = presence.shares(isWeekend, what)
      const above = below.map((share, bin) => share + shares[bin]!)
      const along = above.map((share, bin) => `${across(bin, above.length)} ${up(share)}`)
      const back = below.map((share, bin) => `${across(bin, above.length)} ${up(share)}`).reverse()
      below = above
      return `<path class="a${i}" d="M${[...along, ...back].join('L')}Z"/>`
    })
    .join('')
}

function frame(isFirst: boolean): string {
  const shares = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path class="grid" d="M0 ${up(share)}h${panel.width}"/>${isFirst ? text(-8, up(share) + 4, `${share * 100}`, 'end') : ''}`,
  )
  const hours = [0, 6, 12, 18, 24].map((hour) =>
    text((hour / 24) * panel.width, panel.height + 16, `${hour}`, 'middle'),
  )
  return [...shares, ...hours].join('')
}

/** A bin is drawn at its middle, but for the first and last, which reach the edges. */
function across(bin: number, bins: number): number {
  return round((bin / (bins - 1)) * panel.width)
}

function up(share: number): number {
  return round(panel.height * (1 - share))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
}
