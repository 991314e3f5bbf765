/**
 * The wishes of a batch that its API has no fields for: how much it may cost, and how sure its results are to be. They come under
 * `carpool` in the body of the request, or as `carpool.*` among its metadata, which pass through every client.
 */
import { z } from 'zod'
import { categorySchema } from '../protocol/job/manifest.ts'
import { type Micros, parseMoney } from '../protocol/price.ts'
import { wrong } from './errors.ts'

export interface Wishes {
  readonly budget: Money | null
  readonly priceCap: Money | null
  readonly errorBound: number | null
  readonly replicas: number | null
  readonly category: string | null
}

export interface Money {
  readonly currency: string
  readonly micros: Micros
}

const money = z
  .string()
  .transform(parseMoney)
  .refine((value) => value !== undefined, 'is no amount such as 5EUR')
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,10}(\.\d{1,12})?(e-?\d{1,2})?$/i)
    .transform(Number),
])

const schemas = {
  budget: money,
  price_cap: money,
  error_bound: number.pipe(z.number().gt(0).max(0.5)),
  replicas: number.pipe(z.number().int().min(1).max(64)),
  category: categorySchema,
}

type Name = keyof typeof schemas

const prefix = 'carpool.'

/** Throws ApiError. */
export function wishesOf(body: unknown, metadata: Readonly<Record<string, string>>): Wishes {
  const given = new Map<string, unknown>(
    Object.entries(metadata).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
    ),
  )
  if (body !== undefined && body !== null) {
    if (typeof body !== 'object' || Array.isArray(body)) throw wrong('carpool is no object', 'carpool')
    for (const [name, value] of Object.entries(body)) given.set(name, value)
  }
  const read = new Map<Name, unknown>()
  for (const [name, value] of given) {
    const param = `${prefix}${name.slice(0, 64)}`
    if (!isKnown(name))
      throw wrong(`${param} is not known; there are ${Object.keys(schemas).join(', ')}`, param)
    const parsed = schemas[name].safeParse(value)
    if (!parsed.success) throw wrong(`${param}: ${parsed.error.issues[0]?.message ?? 'is wrong'}`, param)
    read.set(name, parsed.data)
  }
  const wish = <Value>(name: Name) => (read.get(name) ?? null) as Value | null
  return {
    budget: wish('budget'),
    priceCap: wish('price_cap'),
    errorBound: wish('error_bound'),
    replicas: wish('replicas'),
    category: wish('category'),
  }
}

function isKnown(name: string): name is Name {
  return Object.hasOwn(schemas, name)
}
