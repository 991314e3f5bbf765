/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat()
const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 })

/** @param {number} value */
export function count(value) {
  return whole.format(value)
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`
}

/**
 * @param {number} micros millionths of the currency's unit
 * @param {string} currency three letters
 */
export function money(micros, currency) {
  const amount = micros / 1e6
  const digits = amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  }).format(amount)
}

/** @param {number} joules */
export function energy(joules) {
  const wattHours = joules / 3_600
  return wattHours < 1_000 ? `${short.format(wattHours)} Wh` : `${short.format(wattHours / 1_000)} kWh`
}

/** @param {number} size */
export function bytes(size) {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  const step = Math.min(units.length - 1, size < 1 ? 0 : Math.floor(Math.log2(size) / 10))
  return `${short.format(size / 1024 ** step)} ${units[step]}`
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const hours = minutes / 60
  return hours < 36 ? `${short.format(Math.round(hours * 2) / 2)} h` : `${Math.round(hours / 24)} days`
}

/**
 * "40–70 s", "2–5 min": in the unit of the longer one.
 *
 * @param {number} fromMs
 * @param {number} toMs
 */
export function durations(fromMs, toMs) {
  const to = duration(toMs)
  const [, unit = ''] = to.split(' ')
  const perUnit = { s: 1_000, min: 60_000, h: 3_600_000, days: 86_400_000 }[unit] ?? 1_000
  const from = Math.max(unit === 's' ? 1 : 0, Math.floor(fromMs / perUnit))
  if (from === 0) return `up to ${to}`
  return `${from}` === to.split(' ')[0] ? to : `${from}–${to}`
}

/** @param {number} ms */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

/** @param {number} ms */
export function moment(ms) {
  const date = new Date(ms)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday
    ? clock(ms)
    : `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${clock(ms)}`
}

/** @param {number} bound */
export function oneIn(bound) {
  return `1 in ${count(Math.round(1 / bound))}`
}

/** "charge-low" as words. @param {string} code */
export function words(code) {
  return code.replaceAll(/[-_]/g, ' ')
}

/** The end of a long id, which is what differs. @param {string} id */
export function tail(id) {
  return id.length <= 10 ? id : `…${id.slice(-8)}`
}
