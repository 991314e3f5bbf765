/**
 * Account numbers (ISO 13616), and what a transfer in euros to each country takes. The lengths are those of SWIFT's registry of
 * IBANs, for the countries of the geographical scope of SEPA (European Payments Council, EPC409-09).
 */

/** Countries of the European Economic Area: a transfer within it takes the IBAN alone. */
const insideEea: Readonly<Record<string, number>> = {
  ...{ AT: 20, BE: 16, BG: 22, CY: 28, CZ: 24, DE: 22, DK: 18, EE: 20, ES: 24, FI: 18, FR: 27, GR: 27 },
  ...{ HR: 21, HU: 28, IE: 22, IS: 26, IT: 27, LI: 21, LT: 20, LU: 20, LV: 21, MT: 31, NL: 18, NO: 15 },
  ...{ PL: 28, PT: 25, RO: 24, SE: 24, SI: 19, SK: 24 },
}

/** The others of SEPA: a transfer to them names the bank, too. */
const outsideEea: Readonly<Record<string, number>> = {
  ...{ AD: 24, AL: 28, CH: 21, GB: 22, GI: 23, MC: 27, MD: 24, ME: 22, MK: 19, RS: 22, SM: 27, VA: 22 },
}

export type Reach = 'eea' | 'sepa' | 'elsewhere'

/** How far away from a bank of SEPA an account is. */
export function reachOf(iban: string): Reach {
  const country = iban.slice(0, 2)
  return country in insideEea ? 'eea' : country in outsideEea ? 'sepa' : 'elsewhere'
}

/** Its first four characters go to the end, letters count from 10, and the number leaves 1 over 97. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false
  const country = text.slice(0, 2)
  const length = insideEea[country] ?? outsideEea[country]
  if (length !== undefined && text.length !== length) return false
  const digits = (text.slice(4) + text.slice(0, 4)).replaceAll(
    /[A-Z]/g,
    (letter) => `${letter.charCodeAt(0) - 55}`,
  )
  return BigInt(digits) % 97n === 1n
}
