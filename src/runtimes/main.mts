/**
 * The main of a slot's child process: frames in on stdin, frames out on stdout, one at a time and in order.
 *
 * It knows nothing of limits. Inference blocks this process's event loop, so everything that must work meanwhile
 * (heartbeats, CPU and memory limits, freezing) is the parent's (src/host/executor), from outside. The child must
 * answer its parent, or end: a document's fault is answered by a record with an error; any other failure ends the
 * process with exit code 70 (EX_SOFTWARE in sysexits.h) and one line on stderr, because a process that failed in an
 * unforeseen way is not one to trust with the next document.
 *
 * The end of stdin means that the parent is gone. A child that is busy notices it at its next record.
 */
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'
import { encodeFrame, FrameReader, type FromChild, type ToChild, toChildBytesMax } from './messages.ts'
import { runtimes as own, type RegisteredRuntime, type Runtimes, runtimeIn } from './registry.ts'
import { type Counter, RecordError, type Runtime, type Session, type Weight } from './runtime.ts'

/** Those that come along, and those of the program that embeds the node. */
let runtimes: Runtimes = own
let session: Session | null = null
let counter: Counter | null = null

try {
  runtimes = { ...own, ...(await given()) }
  if (process.argv.includes('--describe')) await describe()
  else await serve()
  process.exitCode = 0
} catch (error) {
  const line = String(error instanceof Error ? (error.stack ?? error) : error).replaceAll('\n', ' ')
  process.stderr.write(`${line}\n`, () => process.exit(70))
}

/** The runtimes of the modules that the parent names, each by its path: their default exports. */
async function given(): Promise<Runtimes> {
  const paths = process.argv.flatMap((argument) => /^--runtime=(.+)$/s.exec(argument)?.[1] ?? [])
  const modules = await Promise.all(paths.map((path) => import(pathToFileURL(path).href)))
  return Object.fromEntries(
    modules.map(({ default: runtime }: { default: RegisteredRuntime & { name: string } }) => [
      runtime.name,
      runtime,
    ]),
  )
}

async function describe(): Promise<void> {
  const loaded = await Promise.all(Object.values(runtimes).map(({ load }) => load()))
  const mayAccelerate = process.argv.includes('--gpu')
  const engines = await Promise.all(loaded.map((runtime) => runtime.engines(mayAccelerate)))
  const absent = await Promise.all(loaded.map((runtime) => runtime.absent?.(mayAccelerate) ?? []))
  await send({ type: 'hello', engines: engines.flat(), absent: absent.flat() })
}

/** Reading stops while a frame is handled, so what the parent sends ahead waits in the pipe, not in here. */
async function serve(): Promise<void> {
  const reader = new FrameReader<ToChild>(toChildBytesMax)
  for await (const chunk of process.stdin) {
    for (const { header, body } of reader.push(chunk)) await handle(header, body)
  }
}

async function handle(header: ToChild, body: Uint8Array): Promise<void> {
  switch (header.type) {
    case 'load':
      return load(header, body)
    case 'run':
      return run(header, body)
    case 'score':
      return score(header, body)
    case 'inspect': {
      const shape = await (await runtimeNamed(header.runtime)).inspect(body, header)
      return send({ type: 'shape', id: header.id, ...shape })
    }
    case 'count':
      return count(header, body)
    case 'cut':
      return cut(header, body)
    case 'draw':
      return draw(header, body)
    case 'try':
      return send({ type: 'tried', id: header.id, fault: await faultOf(header, body) })
  }
}

async function load(header: ToChild & { type: 'load' }, body: Uint8Array): Promise<void> {
  const weights = new Map<string, Weight>()
  let offset = 0
  for (const { name, bytes, path } of header.weights) {
    weights.set(name, path === null ? body.subarray(offset, offset + bytes) : { path, bytes })
    if (path === null) offset += bytes
  }
  try {
    const runtime = await runtimeNamed(header.runtime)
    if (header.isCounter) counter = (await runtime.counter?.(weights, header.options)) ?? null
    else session = await runtime.load(header.engine, weights, header.options)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return send({ type: 'load-failed', code: error.code, message: error.message })
  }
  return send({ type: 'loaded' })
}

/** A document that no vehicle could answer is sent all the same: its record says why, and is worth the least that is counted. */
async function count({ id }: ToChild & { type: 'count' }, document: Uint8Array): Promise<void> {
  if (counter === null) throw new Error('count before load')
  try {
    return send({ type: 'shape', id, ...(await counter.shapeOf(document)) })
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return send({ type: 'shape', id, pages: 1, pageCostMs: 1, units: { input: 1, output: 0 } })
  }
}

async function cut(
  { id, runtime, passwords, groups }: ToChild & { type: 'cut' },
  document: Uint8Array,
): Promise<void> {
  const pieces = (await (await runtimeNamed(runtime)).cut?.(document, passwords, groups)) ?? []
  return send({ type: 'pieces', id, sizes: pieces.map(({ byteLength }) => byteLength) }, ...pieces)
}

async function draw(
  { id, runtime, page, dpi }: ToChild & { type: 'draw' },
  document: Uint8Array,
): Promise<void> {
  const drawn = (await (await runtimeNamed(runtime)).draw?.(document, page, dpi)) ?? null
  if (drawn === null) return send({ type: 'drawn', id, size: null })
  const { pixels, ...size } = drawn
  return send({ type: 'drawn', id, size }, pixels)
}

/** Null where a session with this weight loads, or this machine has no engine to try it. */
async function faultOf(
  { runtime, name, options }: ToChild & { type: 'try' },
  weight: Uint8Array,
): Promise<string | null> {
  try {
    const known = await runtimeNamed(runtime)
    // Vehicles have what this machine lacks.
    if (!(await known.engines()).some(({ engine }) => engine === 'exact')) return null
    await known.load('exact', new Map([[name, weight]]), options)
    return null
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return error.message
  }
}

async function run(header: ToChild & { type: 'run' }, body: Uint8Array): Promise<void> {
  if (session === null) throw new Error('run before load')
  const { id, page, unitsMax } = header
  const before = process.cpuUsage()
  const cpuMs = () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  try {
    const { output, text, units, log } = await session.run(body, page, unitsMax)
    const counted = units && { units }
    return send({ type: 'record', id, text, error: null, ...counted, cpuMs: cpuMs(), ...logged(log) }, output)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    const { code, message, log } = error
    return send({ type: 'record', id, text: '', error: { code, message }, cpuMs: cpuMs(), ...logged(log) })
  }
}

async function score(
  { id, page, documentBytes, unitsMax }: ToChild & { type: 'score' },
  body: Uint8Array,
): Promise<void> {
  if (session?.score === undefined) throw new Error('the session scores nothing')
  const [document, claimed] = [body.subarray(0, documentBytes), body.subarray(documentBytes)]
  try {
    return send({ type: 'scored', id, score: await session.score(document, page, claimed, unitsMax) })
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    // There is no answer to it, so that none can be claimed.
    return send({ type: 'scored', id, score: null })
  }
}

function logged(log: string | undefined): { readonly log?: string } {
  return log ? { log } : {}
}

async function runtimeNamed(name: string): Promise<Runtime> {
  const load = runtimeIn(runtimes, name)?.load
  if (load === undefined) throw new RecordError('bad-weights', `no runtime is called ${JSON.stringify(name)}`)
  return load()
}

async function send(header: FromChild, ...body: readonly Uint8Array[]): Promise<void> {
  process.stdout.cork()
  for (const part of encodeFrame(header, ...body)) process.stdout.write(part)
  process.stdout.uncork()
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
}
