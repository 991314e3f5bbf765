/**
 * The messages on a node's local socket: JSON lines, `{id, method, params}` from the client, and from the node any
 * number of `{id, event}` and then `{id, result}` or `{id, error}`.
 *
 * A request that reads the client's stdin is followed by `{id, part}` lines, in base64, and a last one with null.
 *
 * The requests of one connection are answered one after another; a client that wants two things at once connects
 * twice. That leaves flow control to the kernel: a client that reads its results slowly holds up itself and nobody
 * else.
 */
import { z } from 'zod'
import { outputDepthMax } from '../../protocol/limits.ts'
import { pageRecordBytesMax } from '../../protocol/sizes.ts'

/** A request that names ten thousand files fits; a person who pipes a scan into the socket is stopped. */
export const requestBytesMax = 2 ** 20

/** A page's output is a part of its record, and JSON that is written again as JSON is no longer; a text (--engine native) is. */
export const answerBytesMax = 2 * pageRecordBytesMax

/** A request to submit nests four levels deep: some air for later versions. */
export const requestDepthMax = 16

/** An event carries a page's output, which may nest as deep as any output. */
export const answerDepthMax = outputDepthMax + 16

/** Commands, a program that watches, and some that hang: a guess. */
export const connectionsMax = 64

/** Requests that wait behind a long one before the node stops reading: a guess. */
export const waitingRequestsMax = 16

/** Null names the request that could not be read. */
const id = z.union([z.number(), z.string().max(64)])

export const requestSchema = z.strictObject({
  id,
  method: z.string().max(64),
  params: z.unknown().optional(),
})

/** A part of the client's stdin, in base64; null: that was all. */
export const partSchema = z.strictObject({ id, part: z.string().nullable() })

/** Bytes of stdin that one line carries: a guess. */
export const partBytesMax = 64 * 2 ** 10

export const answerSchema = z.union([
  z.strictObject({ id, event: z.unknown() }),
  z.strictObject({ id, result: z.unknown() }),
  z.strictObject({ id: id.nullable(), error: z.strictObject({ name: z.string(), message: z.string() }) }),
])

export type Answer = z.infer<typeof answerSchema>
