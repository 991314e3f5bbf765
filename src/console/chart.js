/** A chart over time, drawn by uPlot in the page's own colours, with its figures as a table behind it. */
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { Fold, html, Table } from './pieces.js'
import { clock } from './words.js'

const height = 180
const tableRowsMax = 48
const dark = matchMedia('(prefers-color-scheme: dark)')

/**
 * `series`: from the bottom of the stack to its top, each with its name, a value for each moment, and the CSS variable of its colour.
 * A single one is drawn as it is.
 *
 * @typedef {{ name: string, values: readonly number[], color: string }} Series
 * @param {{ title: string, atMs: readonly number[], series: readonly Series[], say: (value: number) => string }} props
 */
export function Chart({ title, atMs, series, say }) {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null))
  const names = series.map(({ name }) => name).join('\n')
  const data = dataOf(atMs, series)
  const plot = useRef(/** @type {uPlot | null} */ (null))
  useEffect(() => {
    const box = place.current
    if (box === null) return
    const build = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(box, series, say), dataOf(atMs, series), box)
    }
    build()
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height }))
    resized.observe(box)
    dark.addEventListener('change', build)
    return () => {
      dark.removeEventListener('change', build)
      resized.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }, [names])
  useEffect(() => plot.current?.setData(data), [atMs.at(-1), atMs.length, names])
  const last = series.map(({ name, values }) => `${name} ${say(values.at(-1) ?? 0)}`).join(', ')
  return html`<figure class="chart">
    <div ref=${place} role="img" aria-label=${`${title}. At the end: ${last}`}></div>
    ${
      series.length > 1 &&
      html`<ul class="legend">${[...series]
        .reverse()
        .map(
          ({ name, color, values }) =>
            html`<li key=${name}><i class="swatch" style=${{ background: `var(${color})` }} aria-hidden="true"></i> ${name}: ${say(values.at(-1) ?? 0)}</li>`,
        )}</ul>`
    }
    <${Fold} title="As a table"><${Figures} title=${title} atMs=${atMs} series=${series} say=${say} /><//>
  </figure>`
}

function Figures({ title, atMs, series, say }) {
  const step = Math.max(1, Math.ceil(atMs.length / tableRowsMax))
  const rows = atMs.map((ms, i) => ({ ms, i })).filter(({ i }) => (atMs.length - 1 - i) % step === 0)
  const columns = [
    ['Time', ({ ms }) => clock(ms)],
    ...series.map(({ name, values }) => [name, ({ i }) => say(values[i]), 'number']),
  ]
  return html`<${Table} label=${title} rows=${rows.reverse()} keyOf=${({ ms }) => String(ms)} columns=${columns} />`
}

/**
 * The tops of the stack, the highest first, so that each is drawn over the one above it.
 *
 * @param {readonly number[]} atMs
 * @param {readonly Series[]} series
 * @returns {uPlot.AlignedData}
 */
function dataOf(atMs, series) {
  let below = atMs.map(() => 0)
  const tops = series.map(({ values }) => {
    below = below.map((sum, i) => sum + (values[i] ?? 0))
    return below
  })
  return [atMs.map((ms) => ms / 1000), ...tops.reverse()]
}

/**
 * @param {HTMLElement} box
 * @param {readonly Series[]} series
 * @param {(value: number) => string} say
 * @returns {uPlot.Options}
 */
function optionsOf(box, series, say) {
  const style = getComputedStyle(box)
  // A canvas knows no variables, so an element is asked what they are.
  const probe = document.createElement('i')
  box.append(probe)
  /** @param {string} name */
  const color = (name) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const letters = { family: style.fontFamily, ink: color('--ink'), paper: color('--card') }
  const axis = {
    stroke: color('--soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  }
  /** @type {uPlot.Options} */
  const options = {
    width: box.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    hooks: { draw: [(plot) => nameBands(plot, letters)] },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 28, values: (_, seconds) => seconds.map((at) => clock(at * 1000)), space: 64 },
      { ...axis, size: 48, values: (_, values) => values.map(say) },
    ],
    series: [
      {},
      ...[...series].reverse().map(({ name, color: variable }) => ({
        label: name,
        stroke: color(variable),
        fill: series.length > 1 ? color(variable) : `color-mix(in srgb, ${color(variable)} 25%, transparent)`,
        width: series.length > 1 ? 0 : 1.5,
        points: { show: false },
      })),
    ],
  }
  probe.remove()
  return options
}

const bandPixelsMin = 18

/**
 * Writes the name of each band of a stack where it is high enough for the longest time, so that nobody has to tell it by its colour.
 *
 * @param {uPlot} plot
 * @param {{ family: string, ink: string, paper: string }} letters
 */
function nameBands({ ctx, data, series, valToPos }, { family, ink, paper }) {
  if (series.length < 3) return
  const pixel = devicePixelRatio
  const tops = data.slice(1)
  ctx.save()
  Object.assign(ctx, {
    font: `600 ${12 * pixel}px ${family}`,
    textAlign: 'center',
    textBaseline: 'middle',
    lineJoin: 'round',
  })
  const perUnit = valToPos(0, 'y', true) - valToPos(1, 'y', true)
  for (const [k, top] of tops.entries()) {
    const under = tops[k + 1]
    const thickness = [...top].map((value, i) => (value ?? 0) - (under?.[i] ?? 0))
    const [from, to] = longestRun(thickness, (value) => value * perUnit >= bandPixelsMin * pixel)
    // A name beside its band would be the name of another one.
    if (to - from < 1) continue
    const at = (from + to) >> 1
    const [x, y] = [valToPos(data[0][at], 'x', true), valToPos((top[at] ?? 0) - thickness[at] / 2, 'y', true)]
    const name = String(series[k + 1].label)
    const half = ctx.measureText(name).width / 2
    if (x - half < valToPos(data[0][from], 'x', true) || x + half > valToPos(data[0][to], 'x', true)) continue
    Object.assign(ctx, { strokeStyle: paper, lineWidth: 4 * pixel, fillStyle: ink })
    ctx.strokeText(name, x, y)
    ctx.fillText(name, x, y)
  }
  ctx.restore()
}

/**
 * The first and the last place of the longest run of values of which that holds.
 *
 * @param {readonly number[]} values
 * @param {(value: number) => boolean} holds
 */
function longestRun(values, holds) {
  let longest = [0, 0]
  let from = -1
  for (const [i, value] of values.entries()) {
    if (!holds(value)) from = -1
    else if (from < 0) from = i
    if (from >= 0 && i - from > longest[1] - longest[0]) longest = [from, i]
  }
  return longest
}
