/** Checks of single flags. Each throws InvalidArgumentError, which commander words with the flag's name. */
import { InvalidArgumentError } from 'commander'
import { isPrintable } from '../base/printable.ts'
import { categorySchema } from '../protocol/job/manifest.ts'
import { parseMoney, parsePrice } from '../protocol/price.ts'

/** A number between the two, both left out. */
export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value > low && value < high))
      throw new InvalidArgumentError(`Say a number between ${low} and ${high}.`)
    return value
  }
}

/** A whole number, both ends included. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`Say a whole number from ${low} to ${high}.`)
    return value
  }
}

/** Words for people, which others will be shown. */
export function words(lettersMax: number): (text: string) => string {
  return (text) => {
    if (text.trim() !== '' && text.length <= lettersMax && isPrintable(text)) return text
    throw new InvalidArgumentError(`Say 1 to ${lettersMax} printable characters.`)
  }
}

/** `15%`, `12.5%`: in parts per million, exactly. */
export function percentage(text: string): number {
  const [, whole, fraction = ''] = /^(\d{1,3})(?:\.(\d{1,4}))?%$/.exec(text.trim()) ?? []
  const ppm = Number(`${whole}${fraction.padEnd(4, '0')}`)
  if (whole === undefined || ppm > 1_000_000)
    throw new InvalidArgumentError('Say a share from 0% to 100%, such as 15% or 12.5%.')
  return ppm
}

/** `0.0002EUR`, in millionths of the currency's unit. */
export function money(text: string): { readonly currency: string; readonly micros: number } {
  const amount = parseMoney(text)
  if (amount === undefined)
    throw new InvalidArgumentError('Say an amount with its currency, to a millionth, such as 0.0002EUR.')
  return amount
}

/** `0.0005EUR` for a unit, or `0.0002EUR/1k` for 1,000 of them. */
export function price(text: string): NonNullable<ReturnType<typeof parsePrice>> {
  const amount = parsePrice(text)
  if (amount === undefined)
    throw new InvalidArgumentError(
      'Say an amount with its currency, to a millionth, such as 0.0005EUR, or 0.0002EUR/1k for 1,000 tokens.',
    )
  return amount
}

export function category(text: string): string {
  if (!categorySchema.safeParse(text).success)
    throw new InvalidArgumentError('Say up to 32 small letters, digits and dashes, such as documents.')
  return text
}

export type OptionValue = string | number | boolean

/** Collects `key=value`; a value that looks like a number, true or false becomes one. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, OptionValue>> = {},
): Readonly<Record<string, OptionValue>> {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('Say key=value, such as language=en.')
  return { ...before, [key]: meant(value) }
}

function meant(text: string): OptionValue {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(text) ? Number(text) : text
}

/** "deu+eng": names of languages, as the packages of their traineddata have them. */
export function languages(text: string): readonly string[] {
  const names = text.split('+')
  if (
    names.every((name) => /^[a-z]{3}(_[A-Za-z]{1,12})?$/.test(name)) &&
    new Set(names).size === names.length
  )
    return names
  throw new InvalidArgumentError('Say languages by three letters each, such as eng or deu+eng.')
}

export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** "1-5,9,20-": ranges of pages, counted from 1; one without an end goes on to the last. */
export function pageRanges(text: string): { readonly first: number; readonly last: number | null }[] {
  return text.split(',').map((part) => {
    const [, from, dash, to] = /^\s*(\d{1,7})\s*(?:(-)\s*(\d{1,7})?\s*)?$/.exec(part) ?? []
    const first = Number(from)
    const last = dash === undefined ? first : to === undefined ? null : Number(to)
    if (from === undefined || first < 1 || (last !== null && last < first))
      throw new InvalidArgumentError('Say pages counted from 1, such as 1-5,9,20-.')
    return { first, last }
  })
}
