/** Figures and ids as people read them. Pure functions; every unit is written out. */
import { InvalidArgumentError } from 'commander'
import { unitNamed } from '../runtimes/registry.ts'

const secondMs = 1_000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Two units at most: '4 s', '2 min 05 s', '3 h 20 min', '2 d 4 h'. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / secondMs))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`
  const hours = Math.floor(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** As `formatDuration`, and with a digit after the point below ten seconds: '0.8 s', '12 s'. */
export function formatSpan(ms: number): string {
  return ms < 10 * secondMs ? `${Number((Math.max(0, ms) / secondMs).toPrecision(2))} s` : formatDuration(ms)
}

/** '2026-11-29 12:03:04 +01:00', in the time zone of the machine. */
export function formatLocalTime(atMs: number): string {
  const minutes = -new Date(atMs).getTimezoneOffset()
  if (Number.isNaN(minutes)) return `${atMs}`
  const local = new Date(atMs + minutes * minuteMs).toISOString()
  const zone = Math.abs(minutes)
  const offset = `${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(zone / 60))}:${twoDigits(zone % 60)}`
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${offset}`
}

/** '90s', '45m', '2h', '1d', '1h30m', with or without spaces: milliseconds. Throws InvalidArgumentError. */
export function parseDuration(text: string): number {
  const compact = text.replaceAll(/\s/g, '').toLowerCase()
  if (!/^(\d+(\.\d+)?(d|h|min|m|s))+$/.test(compact))
    throw new InvalidArgumentError('Say a duration such as 90s, 45m, 2h or 1d.')
  let ms = 0
  for (const [, amount, unit] of compact.matchAll(/([\d.]+)(d|h|min|m|s)/g))
    ms += Number(amount) * unitMs[unit!]!
  if (!(ms >= secondMs)) throw new InvalidArgumentError('Say a duration of a second or more.')
  return Math.round(ms)
}

/** 'page', 1 → '1 page'; 'page', 1234 → '1,234 pages'. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** 'token', 1 → '1 token': with the words that the unit's runtime has for it. */
export function formatUnits(count: number, unit: string): string {
  const { one, many } = unitNamed(unit)
  return `${formatNumber(count)} ${count === 1 ? one : many}`
}

/** '1,234 tokens: 1,000 in, 234 out'; where there is nothing to tell apart, as above. */
export function formatCounted(
  count: number,
  counted: { readonly input: number; readonly output: number } | null,
  unit: string,
): string {
  const all = formatUnits(count, unit)
  return counted === null
    ? all
    : `${all} (${formatNumber(counted.input)} in, ${formatNumber(counted.output)} out)`
}

/** ' a page', or ' for 1,000 tokens', behind a price. */
export function formatPer(per: number, unit: string): string {
  return per === 1 ? ` a ${unitNamed(unit).one}` : ` for ${formatUnits(per, unit)}`
}

/** 1234567 → '1,234,567', the same in every locale. */
export function formatNumber(value: number): string {
  return `${value}`.replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Slow jobs by the minute or the hour, so that the figure never starts with zeros. */
export function formatRate(pagesPerSecond: number): string {
  if (pagesPerSecond <= 0) return '–'
  if (pagesPerSecond >= 1) return `${round(pagesPerSecond)} pages/s`
  if (pagesPerSecond * 60 >= 1) return `${round(pagesPerSecond * 60)} pages/min`
  return `${round(pagesPerSecond * 3600)} pages/h`
}

/** 1e-4 → '0.0001', 1e-9 → '1e-9'. */
export function formatBound(errorBound: number | null): string {
  return errorBound === null ? 'no bound' : `error bound ${errorBound}`
}

/** All peer ids of Ed25519 keys begin alike; their ends differ. */
export function shortPeer(peer: string): string {
  return `…${peer.slice(-8)}`
}

export function shortOwner(owner: string): string {
  return owner.slice(0, 8)
}

/** Long enough to be the beginning of one job only, short enough for a line; commands take it as the job's name. */
export function shortJob(job: string): string {
  return job.slice(0, 18)
}

/** A path as a shell takes it. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./~-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

const unitMs: Readonly<Record<string, number>> = {
  s: secondMs,
  m: minuteMs,
  min: minuteMs,
  h: hourMs,
  d: dayMs,
}

/** Three digits that count. */
function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

function twoDigits(value: number): string {
  return `${value}`.padStart(2, '0')
}

/** Energy with at least two digits that count: `0.055 Wh`, `12.3 Wh`, `1.23 kWh`. */
export function formatJoules(joules: number): string {
  const wattHours = joules / 3_600
  if (wattHours === 0) return '–'
  if (Math.abs(wattHours) >= 1_000) return `${threeDigits(wattHours / 1_000)} kWh`
  return Math.abs(wattHours) < 0.001 ? `${threeDigits(joules)} J` : `${threeDigits(wattHours)} Wh`
}

/** Time of work: `42 s`, `12.3 min`, `1.23 h`. */
export function formatWorkTime(ms: number): string {
  if (ms === 0) return '–'
  if (ms < 60_000) return `${threeDigits(ms / 1_000)} s`
  return ms < 3_600_000 ? `${threeDigits(ms / 60_000)} min` : `${threeDigits(ms / 3_600_000)} h`
}

/** From a thousand on all digits before the point. */
function threeDigits(value: number): string {
  return Math.abs(value) >= 1_000 ? formatNumber(Math.round(value)) : `${Number(value.toPrecision(3))}`
}

/** '43 % of 1060 MiB, from 2 peers', of weights on their way. */
export function describeArrival({
  bytes,
  of,
  peers,
}: {
  readonly bytes: number
  readonly of: number
  readonly peers: number
}): string {
  const from = peers === 0 ? 'no peer has brought any yet' : `from ${formatCount(peers, 'peer')}`
  return `${Math.floor((100 * bytes) / of)} % of ${(of / 2 ** 20).toFixed(1)} MiB, ${from}`
}
