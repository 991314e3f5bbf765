/** When vehicles work, by the hour of the day, at prices that stand and at prices that follow power, over the price of power. */
import { startMs } from '../src/simulator/week/cell-world.ts'
import { dayAheadAt } from '../src/simulator/week/day-ahead.ts'

const panel = { width: 720, height: 220, left: 52, top: 56 }
const hourMs = 3_600_000

export function plotPower(before: readonly number[], after: readonly number[]): string {
  const width = panel.left + panel.width + 60
  const height = panel.top + panel.height + 44
  const shares = [before, after].map((kwh) => {
    const all = kwh.reduce((sum, value) => sum + value, 0)
    return kwh.map((value) => (100 * value) / all)
  })
  const prices = Array.from({ length: 24 }, (_, hour) => meanPrice(hour))
  const shareMax = Math.ceil(Math.max(...shares.flat()) / 5) * 5
  const priceMax = Math.ceil(Math.max(...prices) / 100) * 100
  const x = (hour: number) => (hour * panel.width) / 24
  const y = (value: number, max: number) => panel.height - (value / max) * panel.height
  const bars = shares.flatMap((each, i) =>
    each.map((share, hour) => {
      const top = y(share, shareMax)
      return `<rect class="b${i}" x="${(x(hour) + 3 + i * 12).toFixed(1)}" y="${top.toFixed(1)}" width="11" height="${(panel.height - top).toFixed(1)}"/>`
    }),
  )
  const line = prices
    .map(
      (price, hour) =>
        `${hour === 0 ? 'M' : 'L'}${x(hour).toFixed(1)} ${y(price, priceMax).toFixed(1)}H${x(hour + 1).toFixed(1)}`,
    )
    .join('')
  const grid = [0, 0.5, 1].map((part) => {
    const at = (1 - part) * panel.height
    return `<path class="grid" d="M0 ${at}H${panel.width}"/>${text(-8, at + 4, `${Math.round(part * shareMax)} %`, 'end')}${text(panel.width + 8, at + 4, `${Math.round(part * priceMax)}`, 'start')}`
  })
  const hours = [0, 6, 12, 18, 24].map((hour) => text(x(hour), panel.height + 18, `${hour}`, 'middle'))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    style,
    ...legend.map(
      ([mark, label], i) =>
        `<rect class="${mark}" x="${panel.left + i * 250}" y="14" width="14" height="12"/>${text(panel.left + 20 + i * 250, 24, label, 'start')}`,
    ),
    `<g transform="translate(${panel.left} ${panel.top})">${grid.join('')}${bars.join('')}<path class="price" d="${line}"/>${hours.join('')}</g>`,
    text(
      width / 2,
      height - 8,
      'hour of the day; share of the energy, and the mean price in EUR/MWh',
      'middle',
    ),
    '</svg>\n',
  ].join('\n')
}

const title = 'When vehicles work that follow the price of power'

const legend = [
  ['b0', 'prices that stand, jobs at once'],
  ['b1', 'prices that follow power, jobs wait'],
  ['pricebox', 'price of power'],
] as const

const style = `<style>
svg { background: #fff; color: #222 }
text { fill: currentColor }
.grid { fill: none; stroke: #8886; stroke-width: 1 }
.b0 { fill: #b9c3cf }
.b1 { fill: #0a7d4b }
.price { fill: none; stroke: #c2491d; stroke-width: 2 }
.pricebox { fill: #c2491d }
@media (prefers-color-scheme: dark) {
  svg { background: #16181c; color: #ddd }
}
</style>`

/** The mean over the seven days of a week, in EUR/MWh. */
function meanPrice(hour: number): number {
  const days = Array.from({ length: 7 }, (_, day) => dayAheadAt(startMs + (day * 24 + hour) * hourMs) / 1e3)
  return days.reduce((sum, price) => sum + price, 0) / days.length
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
}
