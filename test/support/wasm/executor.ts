/** What the executor's tests share: sessions of the fixture modules, and a look at the child processes. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutorLog, SessionSpec, WeightFile } from '../../../src/host/executor/contract.ts'
import { wasmModule } from './modules.ts'

export const silent: ExecutorLog = { debug() {}, info() {}, warn() {} }

/** A session of `<name>.wat`. */
export function sessionOf(name: string, key = name): SessionSpec {
  const weights = async () => new Map([['module', weightFile(await wasmModule(name))]])
  return { key, runtime: 'wasm', engine: 'exact', options: {}, weights }
}

/** Weights that are in memory as a whole. */
export function weightFile(bytes: Uint8Array): WeightFile {
  return { bytes: bytes.byteLength, read: () => [bytes] }
}

/** Of a process (this one by default), by any of its threads. */
export function childPids(parent: number = process.pid): number[] {
  return readdirSync(`/proc/${parent}/task`).flatMap((thread) => {
    const children = readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  })
}

/** A letter of proc(5): R running, S sleeping, T stopped, Z a corpse; null where there is no such process. */
export function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  } catch {
    return null
  }
}

export function isAlive(pid: number): boolean {
  return ![null, 'Z', 'X'].includes(stateOf(pid))
}

/** Waits for something that sends no event; 30 s is for a machine at a standstill. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never came true: ${condition}`)
    await delay(2)
  }
}
