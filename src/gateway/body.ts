/** Reads small bodies of requests: JSON, up to a bound, whatever their head says of their length. */
import type { IncomingMessage } from 'node:http'
import { ExcessiveJson, parseJson } from '../base/json.ts'
import { ApiError, wrong } from './errors.ts'

const bodyBytesMax = 64 * 2 ** 10
const depthMax = 16

/** Throws ApiError. */
export async function readJson(request: IncomingMessage, bytesMax = bodyBytesMax): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > bytesMax)
        throw new ApiError({ status: 413, message: `the body has more than ${bytesMax} bytes` })
      chunks.push(chunk)
    }
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)), depthMax)
  } catch (error) {
    if (error instanceof ExcessiveJson || error instanceof SyntaxError || error instanceof TypeError)
      throw wrong('the body is no JSON')
    throw error
  }
}
