/** Amounts as banks and bookkeeping programs read them: exact decimal numbers, without a float in between. */

/** Returns the digits of the currency's minor unit (ISO 4217): 2 for EUR, 0 for JPY. */
export function decimals(currency: string): number {
  const known = digits.get(currency)
  if (known !== undefined) return known
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions()
  digits.set(currency, maximumFractionDigits)
  return maximumFractionDigits
}

/** A number format takes some 30 µs to make, and a pay-out asks for each of its lines. */
const digits = new Map<string, number>()

/** Micros with all six decimals: '-0.000019'. */
export function sixDecimals(micros: number): string {
  const digits = `${Math.abs(micros)}`.padStart(7, '0')
  return `${micros < 0 ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`
}

/** Whole minor units as a decimal number: '12.34'. */
export function minorAmount(micros: number, currency: string): string {
  const text = sixDecimals(micros)
  const cut = 6 - decimals(currency)
  return cut === 6 ? text.slice(0, -7) : text.slice(0, text.length - cut)
}
