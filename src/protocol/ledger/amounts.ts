/**
 * Computes the worth of one place of a receipt: units × price (../price.ts), of which the operator's share is cut to whole micros and
 * the owner gets the rest, so that the two always add up.
 */
import { ProtocolError } from '../errors.ts'
import { costOfUnits, type LeasePrice, type Micros } from '../price.ts'

export interface Amounts {
  readonly ownerMicros: Micros
  readonly operatorMicros: Micros
}

/** Throws ProtocolError amount-too-large beyond 2^53 micros. */
export function amountsOf(what: string, units: number, price: LeasePrice): Amounts {
  const whole = costOfUnits(units, price)
  if (!Number.isSafeInteger(units * price.unitMicros))
    throw new ProtocolError({ code: 'amount-too-large', what })
  const micros = BigInt(whole)
  const operatorMicros = (micros * BigInt(price.operatorPpm)) / 1_000_000n
  return { ownerMicros: Number(micros - operatorMicros), operatorMicros: Number(operatorMicros) }
}

/** Throws ProtocolError amount-too-large where a float would begin to round. */
export function addMicros(what: string, a: number, b: number): number {
  const sum = a + b
  if (!Number.isSafeInteger(sum)) throw new ProtocolError({ code: 'amount-too-large', what })
  return sum
}
