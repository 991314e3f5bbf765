/** Checks of single flags. Each throws InvalidArgumentError, which commander words with the flag's name. */
import { InvalidArgumentError } from 'commander'

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

export type OptionValue = string | number | boolean

/** Collects `key=value`; what looks like a number, true or false is one. */
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
