/** The trust curve as an SVG: a panel for each attacker and size of job, a line for each policy. */
import { attackers } from '../src/simulator/trust/attackers.ts'
import { policies } from '../src/simulator/trust/policies.ts'
import { type TrustPoint, trustShares, trustSizes } from '../src/simulator/trust/trust.ts'

const panel = { width: 210, height: 130, gap: 26, left: 64, top: 58 }
/** Powers of ten that the axis shows; what is below the first, none at all included, is drawn on it. */
const [lowest, highest] = [-6, 0]

export function plotTrust(points: readonly TrustPoint[], errorBound: number): string {
  const width = panel.left + attackers.length * (panel.width + panel.gap)
  const height = panel.top + trustSizes.length * (panel.height + panel.gap) + 44
  const names = Object.keys(policies)
  const panels = trustSizes.flatMap((size, row) =>
    attackers.map((attacker, column) => {
      const here = points.filter((p) => p.attacker === attacker && p.shardsPerVehicle === size)
      const lines = names.map((name, i) =>
        lineOf(
          here.filter(({ policy }) => policy === name),
          i,
        ),
      )
      const x = panel.left + column * (panel.width + panel.gap)
      const y = panel.top + row * (panel.height + panel.gap)
      return `<g transform="translate(${x} ${y})">${frame(errorBound, column === 0)}${lines.toReversed().join('')}</g>`
    }),
  )
  const columns = attackers.map((attacker, i) =>
    text(panel.left + i * (panel.width + panel.gap) + panel.width / 2, panel.top - 8, attacker, 'middle'),
  )
  const rows = trustSizes.map((size, i) => {
    const y = panel.top + i * (panel.height + panel.gap) + panel.height / 2
    return `<g transform="translate(14 ${y}) rotate(-90)">${text(0, 0, `${size} shards a vehicle`, 'middle')}</g>`
  })
  const legend = names.map((name, i) => {
    const x = panel.left + i * 150
    return `<path class="l${i}" d="M${x} 18h24"/>${text(x + 30, 22, name, 'start')}`
  })
  const bound = `<path class="bound" d="M${panel.left + 600} 18h24"/>${text(panel.left + 630, 22, 'bound that was bought', 'start')}`
  const below = text(
    width / 2,
    height - 10,
    'percent of vehicles that lie; share of accepted shards that is wrong',
    'middle',
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    style,
    ...legend,
    bound,
    ...columns,
    ...rows,
    ...panels,
    below,
    '</svg>\n',
  ].join('\n')
}

const title = 'Delivered error against the share of liars'

const style = `<style>
svg { background: #fff; color: #222 }
text { fill: currentColor }
path { fill: none; stroke-width: 1.8 }
.grid { stroke: #8884; stroke-width: 1 }
.bound { stroke: #888; stroke-dasharray: 4 3 }
.l0 { stroke: #0a7d4b; stroke-width: 2.6 }
.l1 { stroke: #7a5cc9 }
.l2 { stroke: #2f7fd1 }
.l3 { stroke: #d1542f }
@media (prefers-color-scheme: dark) {
  svg { background: #16181c; color: #ddd }
  .l0 { stroke: #3ecf8e }
  .l1 { stroke: #b9a3f5 }
  .l2 { stroke: #6fb3f2 }
  .l3 { stroke: #f28a66 }
}
</style>`

function frame(errorBound: number, isFirst: boolean): string {
  const powers = Array.from({ length: (highest - lowest) / 2 + 1 }, (_, i) => lowest + 2 * i)
  const grid = powers.map((power) => {
    const y = heightOf(10 ** power)
    const label = power === lowest ? 'none' : `1e${power}`
    return `<path class="grid" d="M0 ${y}h${panel.width}"/>${isFirst ? text(-6, y + 4, label, 'end') : ''}`
  })
  const shares = trustShares.map((share) =>
    text(acrossOf(share), panel.height + 14, `${share * 100}`, 'middle'),
  )
  const bound = `<path class="bound" d="M0 ${heightOf(errorBound)}h${panel.width}"/>`
  return [...grid, ...shares.filter((_, i) => i !== 1), bound].join('')
}

function lineOf(points: readonly TrustPoint[], index: number): string {
  const at = points.map(({ share, error }) => `${acrossOf(share)} ${heightOf(error)}`)
  return `<path class="l${index}" d="M${at.join('L')}"/>`
}

function acrossOf(share: number): number {
  return round((share / trustShares.at(-1)!) * panel.width)
}

function heightOf(error: number): number {
  const power = Math.max(lowest, Math.min(highest, Math.log10(error)))
  return round(panel.height * (1 - (power - lowest) / (highest - lowest)))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`
}
