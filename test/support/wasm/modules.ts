/**
 * The WASI commands of the tests, assembled from the .wat beside this file. In milliseconds, unlike a
 * compiler, and readable, unlike a committed binary.
 */
import { readFileSync } from 'node:fs'
import wabt from 'wabt'

/** Assembles `<name>.wat`. */
export function wasmModule(name: string): Promise<Uint8Array> {
  return assemble(readFileSync(new URL(`./${name}.wat`, import.meta.url), 'utf8'))
}

export async function assemble(wat: string): Promise<Uint8Array> {
  const { parseWat } = await wabt()
  const everything = { simd: true, relaxed_simd: true, threads: true, exceptions: true, memory64: true }
  // As bytes, because wabt 1.0.39 counts a string's characters where it copies its bytes.
  const module = parseWat('test.wat', new TextEncoder().encode(wat), everything)
  try {
    return module.toBinary({}).buffer
  } finally {
    module.destroy()
  }
}

export const noOpModule = () => wasmModule('no-op')
export const echoModule = () => wasmModule('echo')
export const wordCountModule = () => wasmModule('word-count')
