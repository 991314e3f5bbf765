/**
 * llama.cpp as WebAssembly, from an optional package, and held to one hash: these bytes give the same results on every processor, and
 * nobody has looked at others.
 *
 * The binary uses SIMD, a memory of 64 bits and exceptions, whose meaning the specification fixes, and neither relaxed SIMD nor
 * threads (a test reads it by wabt). It is compiled without a choice of instructions, so what it costs is speed: six to eight times
 * the processor time of native code.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LlamaModule } from '@fugood/node-llama-wasm/wasm/llama-node.js'
import { areKnown, packageFolder } from '../known-files.ts'

/** The hashes of @fugood/node-llama-wasm 1.7.15: of the binary, and of the JavaScript that Emscripten wrote for it. */
const hashes = {
  'llama-node.wasm': '26a9c48114373aa516caf45b3b93a5c7a36248478294ed6fbf81ca461194c323',
  'llama-node.js': '955cfdb288cc2b01ecc102009f65dfc2ee5a6faf3e66d68f448a6b58e7726c8d',
} as const

/** For the machine's owner. */
export const llamaAbsence =
  'the optional package @fugood/node-llama-wasm 1.7.15 is not installed, or is another version; run npm install in the folder of Carpool'

/** Undefined where the package is not installed. */
export function llamaWasmPath(): string | undefined {
  const folder = llamaFolder()
  return folder && join(folder, 'llama-node.wasm')
}

/** Tells whether the package is installed, in the version that we know. */
export function isLlamaHere(): Promise<boolean> {
  return areKnown(llamaFolder(), hashes)
}

/** Names the engine by the binary, and by what its user makes of it. First 32 hex digits of sha256. */
export function llamaEngineId(use: object): string {
  return createHash('sha256').update(JSON.stringify({ hashes, use })).digest('hex').slice(0, 32)
}

/** An instance with a memory of its own. Takes 0.2 s of processor time. */
export async function startLlama(): Promise<LlamaModule> {
  // Local time is a fact of the machine, and templates may ask for it.
  process.env.TZ = 'UTC'
  const { default: make } = await import('@fugood/node-llama-wasm/wasm/llama-node.js')
  const silent = () => {}
  return make({
    wasmBinary: await readFile(llamaWasmPath()!),
    locateFile: (file) => file,
    print: silent,
    printErr: silent,
  })
}

function llamaFolder(): string | undefined {
  return packageFolder('@fugood/node-llama-wasm/wasm/llama-node.wasm')
}
