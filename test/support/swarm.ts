/** What the tests with real processes share: swarms that end with their test, documents, and jobs of wasm. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Member } from '../../src/cli/swarm/member.ts'
import { Swarm, type SwarmOptions } from '../../src/cli/swarm/swarm.ts'
import type { JobStatus, ResultLine, ResultsEnd, SubmitRequest } from '../../src/host/api.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import { launcher } from './launcher.ts'
import { wasmModule } from './wasm/modules.ts'

/** For a machine at a standstill; nothing here takes a tenth of it. */
const waitMsMax = 180_000

/** Each question costs the node that answers it some milliseconds of work. */
const pollMs = 100

/** What a test with processes may take before it is called hung. */
export const testTimeout = { timeout: 400_000 }

/** From 0 to 70, the same for all documents, or by their place in the submission. */
type Tenths = number | ((place: number) => number)

/** More than one fits into no shard: a document of this size is a shard by itself. */
const ownShardBytes = 2_200_000

/** Ended with the test, however that ends; a failed one tells what its nodes had logged. */
export async function startSwarm(t: TestContext, options: SwarmOptions): Promise<Swarm> {
  const swarm = await Swarm.start({ program: launcher, ...options })
  t.after(async () => {
    tellLogs(t, swarm)
    await swarm.stop()
  })
  return swarm
}

/**
 * One swarm for all tests of a file, started by the first that asks for it and ended after the last: the tests come in
 * their order, leave it as they found it or say what they change, and tell their jobs apart by name.
 */
export function sharedSwarm(options: SwarmOptions): (t: TestContext) => Promise<Swarm> {
  let started: Promise<Swarm> | undefined
  after(async () => (await started?.catch(() => undefined))?.stop())
  return async (t) => {
    started ??= Swarm.start({ program: launcher, ...options })
    const swarm = await started
    t.after(() => tellLogs(t, swarm))
    return swarm
  }
}

/** A failed test tells what the nodes had logged. */
function tellLogs(t: TestContext, swarm: Swarm): void {
  if (!(t as TestContext & { readonly passed: boolean }).passed)
    for (const member of swarm.members()) t.diagnostic(`${member.name}: ${member.log().slice(-2000)}`)
}

/** car-1, car-2 … of owners of their own. */
export function cars(count: number): { readonly name: string }[] {
  return Array.from({ length: count }, (_, i) => ({ name: `car-${i + 1}` }))
}

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Polls what sends no event. `what` ends "never happened: …". */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + waitMsMax
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`)
    await delay(pollMs)
  }
}

/** Small documents of these texts, named in their order. Answers the folder. */
export function writeDocuments(t: TestContext, texts: readonly (string | Uint8Array)[]): string {
  const folder = temporaryFolder(t)
  for (const [i, text] of texts.entries())
    writeFileSync(join(folder, `${String(i).padStart(3, '0')}.txt`), text)
  return folder
}

/**
 * Documents that are one shard each, for the module `slow`, which works on each of them for about `tenths` of a
 * second or a few times that. `first`: the number of the first, for jobs of one swarm that should share none.
 */
export function writeSlowDocuments(t: TestContext, count: number, tenths: Tenths, first = 0): string {
  const folder = writeDocuments(t, slowTexts(count, tenths, first))
  for (const name of readdirSync(folder)) truncateSync(join(folder, name), ownShardBytes)
  return folder
}

/** Documents that take a paced node so many tenths of a second each. `first`: as for writeSlowDocuments. */
export function writePacedDocuments(t: TestContext, count: number, tenths: Tenths, first = 0): string {
  return writeDocuments(t, slowTexts(count, tenths, first))
}

/** Documents of which a paced node does one, and the others once the gate is open. */
export function writeHeldDocuments(
  t: TestContext,
  count: number,
): { readonly folder: string; readonly texts: readonly string[]; readonly openGate: () => void } {
  const gate = join(temporaryFolder(t), 'gate')
  const texts = Array.from({ length: count }, (_, i) => `hold ${gate} ${i}`)
  return { folder: writeDocuments(t, texts), texts, openGate: () => writeFileSync(gate, '') }
}

/** The path of the assembled module. */
export async function writeModule(t: TestContext, name: string): Promise<string> {
  const path = join(temporaryFolder(t), `${name}.wasm`)
  writeFileSync(path, await wasmModule(name))
  return path
}

/** A job of the wasm runtime on this folder, at the usual error bound unless told otherwise. */
export async function wasmJob(
  t: TestContext,
  module: string,
  folder: string,
  changes: Partial<SubmitRequest> = {},
): Promise<SubmitRequest> {
  return { ...requestFor(folder), module: await writeModule(t, module), ...changes }
}

function requestFor(folder: string): SubmitRequest {
  return { ...submitDefaults, paths: [folder], runtime: 'wasm', standbys: 0 }
}

/** Verified by two owners unless told otherwise. */
export function ocrJob(paths: readonly string[], changes: Partial<SubmitRequest> = {}): SubmitRequest {
  return { ...requestFor(''), paths, runtime: 'ocr', ...changes }
}

/** The job's last status. */
export function untilEnded({ node }: Pick<Member, 'node'>, job: string): Promise<JobStatus> {
  return untilStatus({ node }, job, `job ${job} ended`, ({ state }) => state !== 'running')
}

/** The first status of which this holds; fails when the job ends without. */
export async function untilStatus(
  { node }: Pick<Member, 'node'>,
  job: string,
  what: string,
  test: (status: JobStatus) => boolean,
): Promise<JobStatus> {
  const signal = AbortSignal.timeout(waitMsMax)
  let last: JobStatus | undefined
  for await (const status of node.watch(job, signal)) {
    if (test(status)) return status
    last = status
  }
  throw new Error(`never happened: ${what}; the job was last seen as ${JSON.stringify(last)}`)
}

/** Resolves when the vehicle executes something. */
export function untilAtWork({ node, name }: Member): Promise<void> {
  return until(`${name} is at work`, async () => {
    const { vehicle } = await node.info()
    return vehicle.leases > 0 && vehicle.slots.free < vehicle.slots.total
  })
}

export async function resultsOf(
  { node }: Pick<Member, 'node'>,
  job: string,
): Promise<{ readonly lines: readonly ResultLine[]; readonly end: ResultsEnd }> {
  const lines: ResultLine[] = []
  const results = node.results(job)
  for (;;) {
    const next = await results.next()
    if (next.done) return { lines, end: next.value }
    lines.push(next.value)
  }
}

export async function textsOf(member: Pick<Member, 'node'>, job: string): Promise<unknown[]> {
  const { lines, end } = await resultsOf(member, job)
  assert.deepEqual(end.missing, [])
  return lines.map(({ result }) => result?.text)
}

/** The texts of writeSlowDocuments and writePacedDocuments, which are their results, too. */
export function slowTexts(count: number, tenths: Tenths, first = 0): string[] {
  const of = typeof tenths === 'number' ? () => tenths : tenths
  return Array.from(
    { length: count },
    (_, i) => `${String.fromCharCode(48 + of(i))} doc ${String(first + i).padStart(3, '0')} of it.`,
  )
}
