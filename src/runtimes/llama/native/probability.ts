/** Logarithms of probabilities, as the engine knows them: in 32 bits. */
import { RecordError } from '../../runtime.ts'

/** The logarithm of the smallest probability that 32 bits hold: what stands for that of a token to which the network gave none. */
const logProbMin = Math.log(2 ** -149)

/** One token that is all wrong counts for no more than this, so that no single one decides. e^-20 is 2e-9. */
const natsMax = 20

/** Throws RecordError('not-a-number'): one score that is none makes all probabilities none. */
export function logProbOf(probability: number | undefined): number {
  if (probability === undefined || Number.isNaN(probability))
    throw new RecordError('not-a-number', 'the model gives numbers that are none')
  return inShort(Math.max(logProbMin, Math.log(probability)))
}

/** The shortest decimal of the same 32 bits: the engine knows the probability no better. */
function inShort(value: number): number {
  const kept = Math.fround(value)
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(kept.toPrecision(digits))
    if (Math.fround(short) === kept) return short
  }
  return Number(kept.toPrecision(9))
}

/** How far apart two logarithms of probabilities are, in nats. */
export function natsApart(a: number, b: number): number {
  return Math.min(natsMax, Math.abs(a - b))
}
