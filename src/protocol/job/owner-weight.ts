/**
 * Weights: how likely an owner is drawn among those of an arc of the circle.
 *
 * An arc that is a share w of the circle has a vehicle of an owner with n vehicles with the chance 1 − (1 − w)^n. So that each owner is drawn as
 * often as any other, whatever the number of its vehicles, one that is there weighs the inverse of that. How many vehicles it has stands in its
 * credentials, which the fleet signs: an owner with a thousand cars is in nearly every arc, and drawn in each of them as seldom as one
 * with a single car, that is hardly ever there. Where a credential does not say, its owner weighs the least.
 *
 * A weighed draw is a race: each owner's lot is a time, exponential with its weight, and the first wins (Efraimidis and Spirakis, 2006). With
 * equal weights that is the lowest lot, as in every other draw. All arithmetic here is of IEEE 754's exact operations, which every machine
 * does alike; Math.log may differ in its last bit, and the audit repeats each draw.
 */

/** At least 1; `share` of the circle is above 0 and at most 1, `vehicles` at least 1, or null where nobody says. */
export function ownerWeight(share: number, vehicles: number | null): number {
  if (vehicles === null || share >= 1) return 1
  return 1 / (1 - power(1 - share, vehicles))
}

/** When an owner arrives: the lowest wins. `lot`: above 0 and up to 1, as even as a hash. */
export function arrival(lot: number, weight: number): number {
  return -logarithm(lot) / weight
}

/** By squaring; the exponent is a whole number. */
function power(base: number, exponent: number): number {
  let result = 1
  for (let [square, left] = [base, exponent]; left > 0; square *= square, left = Math.floor(left / 2))
    if (left % 2 === 1) result *= square
  return result
}

const ln2 = Math.LN2

/** The natural logarithm of a number above 0 and up to 1, to some 15 digits: 2 artanh((m − 1) / (m + 1)) + e ln 2. */
export function logarithm(number: number): number {
  let [mantissa, exponent] = [number, 0]
  while (mantissa < 0.75) {
    mantissa *= 2
    exponent -= 1
  }
  const ratio = (mantissa - 1) / (mantissa + 1)
  const square = ratio * ratio
  let sum = 0
  for (let n = 19; n >= 1; n -= 2) sum = sum * square + 1 / n
  return 2 * ratio * sum + exponent * ln2
}
