/**
 * A scripted or recorded vehicle: a file of JSON lines, each with a time and the signals that changed then.
 *
 *     {"at": 0, "Vehicle.Speed": 0, "Vehicle.Powertrain.Transmission.SelectedGear": 126}
 *     {"at": 30, "Vehicle.Speed": 42}
 *     {"at": 60, "Vehicle.Speed": null}
 *
 * `at` is in seconds from the start, or in recordings a date and time of ISO 8601; null is a signal that is not available any more. A
 * file plays once, `speed` times as fast as it says. In between, and after its end, every value is sent again with a
 * fresh time once a second, as buses do, until the provider is aborted: a demonstration must not end by growing stale.
 * `loop` begins anew instead, at the last line's time.
 */
import { readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { SignalPath, VehicleState } from '../../protocol/rules/signals.ts'
import { systemClock } from '../clock.ts'
import type { SignalProvider } from './provider.ts'
import { excerpt, readingOf, signalPathOf } from './values.ts'

export interface TraceOptions {
  /** Seconds of the trace in a second. */
  readonly speed: number
  readonly loop: boolean
  /** Called once with each name that Carpool has no use for. */
  readonly onUnused?: (name: string) => void
}

interface Moment {
  readonly atMs: number
  /** Null: from here on nothing is known of it. */
  readonly values: ReadonlyMap<SignalPath, unknown>
}

/** A week of a private car's changes is about 1 MB; a larger file was not meant to be read whole. */
const traceBytesMax = 16 * 2 ** 20
/** As often as slow signals come on a bus, and well within the time after which the rules call a reading stale. */
const repeatMs = 1_000
/** Names without a use that are told of: a recording may have all of VSS. A guess. */
const unusedMax = 256

const lineSchema = z.looseObject({
  at: z.union([z.number().min(0).max(1e9), z.iso.datetime({ offset: true })]),
})

/** Throws Error: one sentence that names the file, and the line. */
export function openTrace(name: string, path: string, options: TraceOptions): SignalProvider {
  const { speed, loop, onUnused = () => {} } = options
  const unused = new Set<string>()
  const moments = parseTrace(path, readTrace(path), unused)
  const lengthMs = moments.at(-1)!.atMs
  if (loop && lengthMs / speed < repeatMs)
    throw new Error(`${path} lasts ${lengthMs / speed} ms at speed ${speed}: what loops must last a second`)
  return {
    name,
    readings: (signal) => {
      for (const one of unused) onUnused(one)
      return play(moments, loop ? lengthMs : null, speed, signal)
    },
  }
}

/** Throws Error: one sentence that names `path` and the line. `unused` gets the names that Carpool has no use for. */
export function parseTrace(path: string, text: string, unused = new Set<string>()): Moment[] {
  const moments: Moment[] = []
  let start: { readonly atMs: number; readonly isRecorded: boolean } | null = null
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const where = `${path}, line ${index + 1},`
    const { at, ...entries } = parseLine(where, line)
    const isRecorded = typeof at === 'string'
    const absoluteMs = isRecorded ? Date.parse(at) : at * 1000
    start ??= { atMs: isRecorded ? absoluteMs : 0, isRecorded }
    if (isRecorded !== start.isRecorded) throw new Error(`${where} mixes seconds with dates in "at"`)
    const atMs = absoluteMs - start.atMs
    if (atMs < (moments.at(-1)?.atMs ?? 0)) throw new Error(`${where} is earlier than the line before it`)
    moments.push({ atMs, values: valuesOf(where, entries, unused) })
  }
  if (moments.length === 0) throw new Error(`${path} has no lines: a trace has at least one`)
  return moments
}

async function* play(
  moments: readonly Moment[],
  loopMs: number | null,
  speed: number,
  signal: AbortSignal,
): AsyncGenerator<VehicleState> {
  let startMs = systemClock.monotonicMs()
  let next = 0
  const known = new Map<SignalPath, unknown>()
  while (!signal.aborted) {
    const elapsedMs = systemClock.monotonicMs() - startMs
    if (next === moments.length && loopMs !== null) {
      next = 0
      startMs += loopMs / speed
      known.clear()
      continue
    }
    const dueMs = next < moments.length ? moments[next]!.atMs / speed - elapsedMs : Number.POSITIVE_INFINITY
    if (dueMs <= 0) {
      const { values } = moments[next]!
      next += 1
      for (const [path, value] of values)
        if (value === null) known.delete(path)
        else known.set(path, value)
      if (values.size > 0) yield stateOf([...values])
      continue
    }
    await sleep(Math.min(dueMs, repeatMs), undefined, { signal }).catch(() => undefined)
    if (!signal.aborted && dueMs > repeatMs && known.size > 0) yield stateOf([...known])
  }
}

function stateOf(values: readonly (readonly [SignalPath, unknown])[]): VehicleState {
  const nowMs = systemClock.now()
  return Object.fromEntries(values.map(([path, value]) => [path, { value, atMs: nowMs }])) as VehicleState
}

function readTrace(path: string): string {
  const { size: bytes } = readable(path, () => statSync(path))
  if (bytes > traceBytesMax)
    throw new Error(`${path} has ${bytes} bytes, and a trace at most ${traceBytesMax}: cut it into parts`)
  return readable(path, () => readFileSync(path, 'utf8'))
}

function readable<Value>(path: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function parseLine(where: string, line: string): z.infer<typeof lineSchema> {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    throw new Error(`${where} is not JSON: ${excerpt(line)}`)
  }
  const parsed = lineSchema.safeParse(json)
  if (!parsed.success)
    throw new Error(`${where} has no "at" in seconds, or as a date and time: ${excerpt(line)}`)
  return parsed.data
}

/** Recordings have signals that Carpool has no use for; they are skipped. Those that it uses must be right. */
function valuesOf(
  where: string,
  entries: Readonly<Record<string, unknown>>,
  unused: Set<string>,
): Map<SignalPath, unknown> {
  const values = new Map<SignalPath, unknown>()
  for (const [name, value] of Object.entries(entries)) {
    const path = signalPathOf(name)
    if (path === undefined) {
      if (unused.size < unusedMax) unused.add(name)
      continue
    }
    try {
      values.set(path, value === null ? null : readingOf(path, value, 0, 0).value)
    } catch (error) {
      throw new Error(`${where} is wrong: ${name} ${(error as Error).message}`)
    }
  }
  return values
}
