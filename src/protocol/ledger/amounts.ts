/**
 * Computes the worth of one place of a receipt. This is the only multiplication of money, and the only rounding: the
 * operator's share is cut to whole micros and the owner gets the rest, so that the two always add up to units ×
 * price.
 */
import { ProtocolError } from '../errors.ts'
import type { LeasePrice, Micros } from '../price.ts'

export interface Amounts {
  readonly ownerMicros: Micros
  readonly operatorMicros: Micros
}

/** Throws ProtocolError amount-too-large beyond 2^53 micros. */
export function amountsOf(what: string, units: number, { unitMicros, operatorPpm }: LeasePrice): Amounts {
  const micros = BigInt(units) * BigInt(unitMicros)
  if (micros > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError({ code: 'amount-too-large', what })
  const operatorMicros = (micros * BigInt(operatorPpm)) / 1_000_000n
  return { ownerMicros: Number(micros - operatorMicros), operatorMicros: Number(operatorMicros) }
}

/** Throws ProtocolError amount-too-large where a float would begin to round. */
export function addMicros(what: string, a: number, b: number): number {
  const sum = a + b
  if (!Number.isSafeInteger(sum)) throw new ProtocolError({ code: 'amount-too-large', what })
  return sum
}
