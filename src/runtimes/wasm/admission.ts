/**
 * Decides which wasm modules may run at all, and lowers the limits of those that may.
 *
 * Determinism is a property of the specification, so admission is too: WebAssembly 2.0 and nothing newer.
 * Everything that lets two correct engines differ came later: relaxed SIMD (rounding is the engine's choice)
 * and threads (order is the scheduler's). V8 accepts both, with no flag to refuse them, hence wabt, whose
 * reader takes a list of features.
 *
 * How far memory may grow is part of the result, because a program sees memory.grow fail. So the cap is
 * written into the module as the maximum of its own memory and tables: every engine then refuses the same
 * growth at the same point. `--wasm-max-mem-pages` stays as a second fence around the whole process.
 * (Declined: the flag alone. It is one number a process, and invisible in the engine id.)
 *
 * A module that is nested so deep that wabt runs out of stack is neither admitted nor refused: how deep that is differs, so
 * this vehicle failed at it (runtime.ts).
 *
 * Imports and `_start` are checked down to their types: WebAssembly's JavaScript interface would otherwise
 * convert arguments, and a BigInt where the host counts on a number is a TypeError in the host.
 */
import wabt from 'wabt'
import { optionOf, type RuntimeOptions, wrongOption } from '../options.ts'
import { hasRunOut, RecordError } from '../runtime.ts'
import { wasmOptions } from './description.ts'
import { pinCompiler } from './engine.ts'
import { readSections, type Sections, withLimitsMax } from './module-sections.ts'
import { wasiModule, wasiSignatures } from './wasi-host.ts'

/** Entries of one table, 8 MB in V8; function tables of large programs have some ten thousand. A guess. */
const tableEntriesMax = 1_000_000

const webAssembly2 = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
  simd: true,
  relaxed_simd: false,
  threads: false,
  exceptions: false,
  tail_call: false,
  function_references: false,
  gc: false,
  memory64: false,
  extended_const: false,
  annotations: false,
  code_metadata: false,
}

/** Throws RecordError('not-a-wasi-command') with the reason; and what wabt or V8 throws where this vehicle ran out of something. */
export async function admit(bytes: Uint8Array, memoryPagesMax: number): Promise<WebAssembly.Module> {
  await validate(bytes)
  const sections = readSections(bytes)
  checkImports(sections)
  checkExports(sections)
  for (const { minimum } of sections.memories) {
    if (minimum > memoryPagesMax) refuse(`needs more than ${memoryPagesMax} pages of memory`)
  }
  for (const { minimum } of sections.tables) {
    if (minimum > tableEntriesMax) refuse(`needs a table of more than ${tableEntriesMax} entries`)
  }
  const limited = withLimitsMax(bytes, sections, memoryPagesMax, tableEntriesMax)
  pinCompiler()
  try {
    return new WebAssembly.Module(limited)
  } catch (error) {
    if (hasRunOut(error)) throw error
    return refuse('valid, but beyond the limits of the engine')
  }
}

/** Why no vehicle would take the module of a job with these options; null: they would. */
export async function faultOfModule(bytes: Uint8Array, options: RuntimeOptions): Promise<string | null> {
  try {
    // Options out of range are refused elsewhere.
    const isRight = wrongOption(wasmOptions, options) === undefined
    await admit(bytes, optionOf(wasmOptions, 'memoryPagesMax', isRight ? options : {}))
    return null
  } catch (error) {
    if (error instanceof RecordError) return error.message
    throw error
  }
}

async function validate(bytes: Uint8Array): Promise<void> {
  const { readWasm } = await wabt()
  let module: ReturnType<typeof readWasm> | null = null
  try {
    // A copy, because wabt 1.0.39 reads a view's whole buffer: here, the weights that came in the same frame.
    module = readWasm(new Uint8Array(bytes), webAssembly2)
    module.validate()
  } catch (error) {
    if (hasRunOut(error)) throw error
    refuse(`not WebAssembly 2.0: ${firstReason(error)}`)
  } finally {
    module?.destroy()
  }
}

/** wabt says `readWasm failed:\n000006a: error: unexpected opcode: 0xfd 0x85 0x2`. */
function firstReason(error: unknown): string {
  return /error: (.*)/.exec(error instanceof Error ? error.message : '')?.[1]?.slice(0, 200) ?? 'invalid'
}

function checkImports(sections: Sections): void {
  for (const { module, name, type } of sections.imports) {
    const wanted = Object.hasOwn(wasiSignatures, name) ? wasiSignatures[name] : undefined
    const shown = `${module}.${name}`.slice(0, 100)
    if (module !== wasiModule || wanted === undefined) refuse(`imports ${shown}`)
    if (type !== wanted) refuse(`imports ${shown} with another type`)
  }
}

function checkExports(sections: Sections): void {
  const start = sections.exports.get('_start')
  if (start?.kind !== 'function') refuse('does not export the function _start')
  if (sections.functionTypes[start.index] !== ':') refuse('_start takes parameters or gives results')
  if (sections.exports.get('memory')?.kind !== 'memory') refuse('does not export its memory')
}

function refuse(reason: string): never {
  throw new RecordError('not-a-wasi-command', reason)
}
