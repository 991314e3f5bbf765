/**
 * The cost of a mesh of cells for one vehicle as an SVG, over the number of vehicles: network, processor and memory, each in per cent of its
 * largest. As a command it plots days that were simulated before, the smallest mesh first:
 * `carpool sim --cells 1000 --json > 1e3.json; … ; node bench/cells-plot.ts 1e3.json 1e4.json 1e5.json > docs/cells.svg`
 */
import { readFileSync } from 'node:fs'
import type { DayResult } from '../src/simulator/cells/day.ts'

const [width, height, left, top] = [640, 300, 60, 48]
const plot = { width: width - left - 20, height: height - top - 48 }

const lines = [
  {
    name: 'network',
    of: (day: DayResult) => day.bytesPerSecond,
    say: (value: number) => `${(value / 1000).toFixed(1)} KB/s`,
  },
  {
    name: 'processor',
    of: (day: DayResult) => day.cpuShare,
    say: (value: number) => `${(100 * value).toFixed(2)} % of a core`,
  },
  {
    name: 'memory',
    of: (day: DayResult) => day.memoryBytes,
    say: (value: number) => `${Math.round(value / 1024)} KiB`,
  },
] as const

const title = 'What a mesh of cells costs a vehicle, by the number of vehicles'

export function plotCells(days: readonly DayResult[]): string {
  const first = Math.log10(days[0]!.vehicles)
  const span = Math.max(1, Math.log10(days.at(-1)!.vehicles) - first)
  const across = ({ vehicles }: DayResult) => left + ((Math.log10(vehicles) - first) / span) * plot.width
  const body = lines.map(({ name, of, say }, i) => {
    const most = Math.max(...days.map(of))
    const up = (day: DayResult) => top + plot.height * (1 - (0.9 * of(day)) / most)
    const points = days.map((day) => `${across(day).toFixed(1)},${up(day).toFixed(1)}`).join(' ')
    const last = days.at(-1)!
    return (
      `<polyline class="l${i}" points="${points}"/>` +
      `<text class="t${i}" x="${left + i * 200}" y="24">${name}: ${say(of(last))}</text>`
    )
  })
  const marks = days.map(
    (day) =>
      `<text x="${across(day).toFixed(1)}" y="${top + plot.height + 20}" text-anchor="middle">${day.vehicles.toLocaleString('en')}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    '<style>svg { background: #fff } polyline { fill: none; stroke-width: 2 } .l0 { stroke: #0a7d4b } .l1 { stroke: #d9a441 } .l2 { stroke: #5a6b7f } .t0 { fill: #0a7d4b } .t1 { fill: #a87510 } .t2 { fill: #5a6b7f }</style>',
    ...body,
    ...marks,
    `<text x="${width / 2}" y="${height - 8}" text-anchor="middle">vehicles; each line in per cent of its largest value</text>`,
    '</svg>\n',
  ].join('\n')
}

if (import.meta.main) {
  const days = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, 'utf8')) as DayResult)
  process.stdout.write(plotCells(days))
}
