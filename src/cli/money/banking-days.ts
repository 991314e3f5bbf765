/**
 * Days on which banks of SEPA carry out transfers: not on weekends, and not on the closing days of TARGET (decision of the
 * European Central Bank of 2000): 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
 */

const dayMs = 86_400_000

/** The first banking day that is not before this one; days are texts such as 2026-12-28. */
export function bankingDay(day: string): string {
  let ms = Date.parse(`${day}T00:00:00Z`)
  while (!isBankingDay(new Date(ms))) ms += dayMs
  return new Date(ms).toISOString().slice(0, 10)
}

function isBankingDay(date: Date): boolean {
  const weekday = date.getUTCDay()
  if (weekday === 0 || weekday === 6) return false
  const day = date.toISOString().slice(5, 10)
  if (['01-01', '05-01', '12-25', '12-26'].includes(day)) return false
  const sinceEaster = (date.getTime() - easterMs(date.getUTCFullYear())) / dayMs
  return sinceEaster !== -2 && sinceEaster !== 1
}

/** Easter Sunday of the Gregorian calendar, by the algorithm of Meeus, Jones and Butcher. */
function easterMs(year: number): number {
  const golden = year % 19
  const century = Math.floor(year / 100)
  const inCentury = year % 100
  const lunar = Math.floor((8 * century + 13) / 25)
  const epact = (19 * golden + century - Math.floor(century / 4) - lunar + 15) % 30
  const weekday = (32 + 2 * (century % 4) + 2 * Math.floor(inCentury / 4) - epact - (inCentury % 4)) % 7
  const late = Math.floor((golden + 11 * epact + 22 * weekday) / 451)
  const days = epact + weekday - 7 * late + 114
  return Date.UTC(year, Math.floor(days / 31) - 1, (days % 31) + 1)
}
