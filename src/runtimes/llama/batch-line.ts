/** Lines of OpenAI's batch format: what is around the body is alike for all endpoints. */
import type { RequestLine } from '../runtime.ts'

/**
 * Reads such a line; undefined where it is none, but a line as for any runtime. `url`: of the endpoint that the runtime answers.
 * `documentOf`: the document that a body is, or the fault of the body.
 */
export function readBatchLine(
  line: Readonly<Record<string, unknown>>,
  url: string,
  documentOf: (body: unknown) => Uint8Array | string,
): RequestLine | undefined {
  if (!('custom_id' in line) && !('body' in line)) return undefined
  const { custom_id: id, method, url: path, body, ...others } = line
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    return {
      fault: `the field ${JSON.stringify(unknown.slice(0, 64))} is not known; a line has "custom_id", "method", "url" and "body"`,
    }
  if (id === undefined) return { fault: 'it has no "custom_id"; give each line one of its own' }
  if (method !== undefined && method !== 'POST') return { fault: '"method" is not "POST"' }
  if (path !== undefined && path !== url)
    return { fault: `"url" is not ${JSON.stringify(url)}, which is what this runtime answers` }
  const document = documentOf(body)
  return typeof document === 'string' ? { fault: document } : { id, document }
}
