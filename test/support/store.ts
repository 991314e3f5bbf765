/** What the store's tests share: data directories that vanish, blocks, and child processes that get killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Block } from '../../src/host/store/blocks.ts'
import { cidOf } from '../../src/host/store/cid.ts'
import { openStore, type Store } from '../../src/host/store.ts'
import type { JobId } from '../../src/protocol/ids.ts'

export function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carpool-store-'))
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** A store that is closed before its directory goes. */
export function temporaryStore(t: TestContext, options: Parameters<typeof openStore>[1] = {}): Store {
  const path = temporaryDirectory(t)
  const store = openStore(path, options)
  t.after(() => store.close())
  return store
}

/** A raw block of this size; another seed, another block. */
export function blockOf(bytes: number, seed = 0): Block {
  const body = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i += 1) body[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff
  if (bytes >= 4) new DataView(body.buffer).setUint32(0, seed)
  return { cid: cidOf('raw', body), bytes: body }
}

export function jobNamed(name: string): JobId {
  return cidOf('dag-cbor', new TextEncoder().encode(name))
}

interface RunOptions {
  /** A limit that the kernel sets on the size of the files that the child writes. */
  readonly fileBytesMax: number
}

/** Runs a module that imports from src/host/store/ as './…', in a process of its own. */
export function runChild(
  t: TestContext,
  code: string,
  path: string,
  ...rest: (string | RunOptions)[]
): ChildProcess & { lines: AsyncIterable<string> } {
  const base = new URL('../../src/host/', import.meta.url).href
  const program = code.replaceAll("from './", `from '${base}`)
  const limits = rest.filter((one) => typeof one !== 'string')
  const args = ['--input-type=module', '-e', program, path, ...rest.filter((one) => typeof one === 'string')]
  const limit = limits.map(({ fileBytesMax }) => `ulimit -f ${Math.ceil(fileBytesMax / 512)};`).join(' ')
  const child = spawn('/bin/sh', ['-c', `${limit} exec "$0" "$@"`, process.execPath, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return Object.assign(child, { lines: linesOf(child) })
}

export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

export async function firstOf(lines: AsyncIterable<string>): Promise<string | undefined> {
  return (await lines[Symbol.asyncIterator]().next()).value
}

/** Whole lines only: a line that a kill cut short was not acknowledged. */
async function* linesOf(child: ChildProcess): AsyncGenerator<string, void, undefined> {
  let rest = ''
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    yield* lines
  }
}
