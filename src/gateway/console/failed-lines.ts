/** The failed lines of a batch, as many as a page bears, found by the node: a file of errors may have 50,000. */
import { statSync } from 'node:fs'
import { z } from 'zod'
import type { AppContext } from '../app-context.ts'
import type { Batch } from '../batches.ts'
import { Breather } from '../breather.ts'
import { linesOf } from '../jsonl.ts'

const rowsMax = 200

const failedSchema = z.object({
  custom_id: z.string(),
  response: z
    .object({
      status_code: z.number(),
      body: z.object({ error: z.object({ message: z.string(), code: z.string().nullable() }) }),
    })
    .nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
})

export interface FailedLines {
  readonly rows: readonly { readonly customId: string; readonly code: string; readonly message: string }[]
  /** Those that hold what was looked for. */
  readonly found: number
  /** How many lines failed for each reason. */
  readonly codes: readonly { readonly code: string; readonly count: number }[]
}

/** `search`: what a line's name, code or message holds, whatever the case; `code`: the reason. Empty ones find all. */
export async function failedLines(
  { facts }: Batch,
  { search, code: only }: { readonly search: string; readonly code: string },
  { files, clock }: Pick<AppContext, 'files' | 'clock'>,
): Promise<FailedLines> {
  const codes = new Map<string, number>()
  const rows: FailedLines['rows'][number][] = []
  let found = 0
  const path = facts.errorFileId === null ? null : files.pathOf(facts.errorFileId)
  if (path === null || statSync(path, { throwIfNoEntry: false }) === undefined)
    return { rows, found, codes: [] }
  const sought = search.toLowerCase()
  const breather = new Breather(clock)
  for await (const { bytes } of linesOf(path)) {
    await breather.breathe()
    const row = bytes === null ? undefined : rowOf(bytes)
    if (row === undefined) continue
    codes.set(row.code, (codes.get(row.code) ?? 0) + 1)
    if (only !== '' && row.code !== only) continue
    if (!`${row.customId}\n${row.code}\n${row.message}`.toLowerCase().includes(sought)) continue
    found += 1
    if (rows.length < rowsMax) rows.push(row)
  }
  const counted = [...codes].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count)
  return { rows, found, codes: counted }
}

/** Undefined for half a line, at the end of a file that is still written. */
function rowOf(bytes: Uint8Array): FailedLines['rows'][number] | undefined {
  let line: unknown
  try {
    line = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
  const parsed = failedSchema.safeParse(line)
  if (!parsed.success) return undefined
  const { custom_id: customId, response, error } = parsed.data
  if (error !== null) return { customId, ...error }
  const { message, code } = response?.body.error ?? { message: 'no answer', code: null }
  return { customId, code: code ?? `status ${response?.status_code ?? '?'}`, message }
}
