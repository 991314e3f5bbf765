/**
 * Says whether a model fits a slot in the native engine. The file is mapped: its pages are shared between slots, and the kernel drops them
 * when somebody needs the room, so they do not count. Weights of some types do, since the engine keeps a copy in another order.
 */
import { bytesOf } from '../../gguf/check.ts'
import type { GgufHeader } from '../../gguf/header.ts'
import type { LlamaSettings } from '../llama.ts'
import { mebibytes, stateBytes } from '../room.ts'

/** The memory that a process may keep to itself on a vehicle (host/executor/limits.ts: 1,536 MiB). */
const privateBytesMax = 1536 * 2 ** 20
/** Node, the engine's code and tables, and the small instance that makes prompts. Measured: 150 MB; the rest is a margin. */
const engineBytes = 256 * 2 ** 20

/**
 * The types, by GGML's number, whose weights are copied in another order on some processor of the architecture (ggml-cpu/repack.cpp):
 * on x86-64 Q4_0, Q2_K, Q4_K, Q5_K, Q6_K, IQ4_NL and MXFP4, on ARM64 also Q8_0.
 */
const repacked: Readonly<Record<string, readonly number[]>> = {
  x64: [2, 10, 12, 13, 14, 20, 39],
  arm64: [2, 8, 10, 12, 13, 14, 20, 39],
}

/** Null where it fits. `architecture`: Node's name. */
export function nativeRoomFault(
  header: GgufHeader,
  settings: LlamaSettings,
  architecture: string = process.arch,
): string | null {
  const copied = header.tensors
    .filter(({ type }) => repacked[architecture]?.includes(type))
    .reduce((sum, tensor) => sum + bytesOf(tensor), 0)
  const needs = copied + stateBytes(header, settings) + engineBytes
  if (needs <= privateBytesMax) return null
  return `the model needs about ${mebibytes(needs)} MiB of memory beside its file with a context of ${settings.contextTokens} tokens, and a slot has ${mebibytes(privateBytesMax)}; take a shorter context, or a smaller model${copied > 0 ? ', or one in Q8_0 or F16, which is not copied on x86-64' : ''}`
}

/** Buffers of an accelerator beside weights and state. A guess. */
const acceleratorSpareBytes = 256 * 2 ** 20

/** Tells whether an accelerator's memory, in bytes, holds the whole network. */
export function fitsAccelerator(
  { total, used }: { readonly total: number; readonly used: number },
  header: GgufHeader,
  settings: LlamaSettings,
): boolean {
  const weights = header.tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0)
  return weights + stateBytes(header, settings) + acceleratorSpareBytes <= total - used
}
