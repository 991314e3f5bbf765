/** Windows of answers as an SVG: mean gap to the right, mean difference upwards, and the limits within which they are accepted. */
import type { limitsOf, Score } from '../src/protocol/verification/score.ts'

/** Windows of one kind of answers. */
export interface Windows {
  readonly name: string
  readonly isHonest: boolean
  /** Null: some answer is none. */
  readonly windows: readonly (Score | null)[]
}

/** Windows of each kind that are drawn: more would hide each other. */
const shownMax = 100

const frame = { left: 70, top: 20, width: 560, height: 420 }
/** Powers of ten that the axes show; what is lower is drawn on their beginning. */
const gaps = [-6, 1] as const
const differences = [-8, 1] as const

export function plotScores(all: readonly Windows[], limits: ReturnType<typeof limitsOf>): string {
  const width = frame.left + frame.width + 330
  const height = frame.top + frame.height + 60
  const [limitX, limitY] = placeOf({ tokens: 1, gap: limits.gapMax, difference: limits.differenceMax })
  const legend = all.map(({ name, isHonest }, i) => {
    const y = frame.top + 14 + 20 * i
    const x = frame.left + frame.width + 20
    return `${mark(x, y - 4, i, isHonest)}${text(x + 12, y, name)}`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    style,
    `<rect class="frame" x="${frame.left}" y="${frame.top}" width="${frame.width}" height="${frame.height}"/>`,
    ...ticks(gaps, (power) => {
      const [x] = placeOf({ tokens: 1, gap: 10 ** power, difference: 1 })
      return text(x, frame.top + frame.height + 16, `1e${power}`, 'middle')
    }),
    ...ticks(differences, (power) => {
      const [, y] = placeOf({ tokens: 1, gap: 1, difference: 10 ** power })
      return text(frame.left - 8, y + 4, `1e${power}`, 'end')
    }),
    `<path class="limit" d="M${limitX} ${frame.top + frame.height}V${limitY}H${frame.left}"/>`,
    ...all.flatMap(({ windows, isHonest }, i) =>
      windows
        .slice(0, shownMax)
        .flatMap((window) => (window === null ? [] : [mark(...placeOf(window), i, isHonest)])),
    ),
    ...legend,
    text(
      frame.left + frame.width / 2,
      height - 14,
      'mean gap, nats a token (100 windows of each kind; within the dashed limits they are accepted)',
      'middle',
    ),
    `<g transform="translate(16 ${frame.top + frame.height / 2}) rotate(-90)">${text(0, 0, 'mean difference of log-probabilities, nats', 'middle')}</g>`,
    '</svg>\n',
  ].join('\n')
}

const title = 'Scores of honest answers and of cheats'

const colours = [
  '#0a7d4b',
  '#2f7fd1',
  '#7a5cc9',
  '#d1542f',
  '#b58900',
  '#c2185b',
  '#6d4c41',
  '#455a64',
  '#e65100',
  '#ad1457',
  '#5d4037',
]

const style = `<style>
svg { background: #fff; color: #222 }
text { fill: currentColor }
.frame { fill: none; stroke: #8888 }
.limit { fill: none; stroke: #888; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { svg { background: #16181c; color: #ddd } }
</style>`

function placeOf({ tokens, gap, difference }: Score): [x: number, y: number] {
  const share = (value: number, [low, high]: readonly [number, number]) =>
    Math.min(1, Math.max(0, (Math.log10(Math.max(value, 1e-12)) - low) / (high - low)))
  return [
    Number((frame.left + frame.width * share(gap / tokens, gaps)).toFixed(1)),
    Number((frame.top + frame.height * (1 - share(difference / tokens, differences))).toFixed(1)),
  ]
}

function ticks([low, high]: readonly [number, number], draw: (power: number) => string): string[] {
  return Array.from({ length: high - low + 1 }, (_, i) => draw(low + i))
}

function mark(x: number, y: number, kind: number, isHonest: boolean): string {
  const colour = colours[kind % colours.length]
  return isHonest
    ? `<circle cx="${x}" cy="${y}" r="2.4" fill="${colour}" fill-opacity="0.5"/>`
    : `<path d="M${x - 2} ${y - 2}l4 4m0 -4l-4 4" stroke="${colour}" stroke-opacity="0.5"/>`
}

function text(x: number, y: number, words: string, anchor = 'start'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`
}
