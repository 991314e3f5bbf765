/**
 * Runs any program that a submitter compiled to a WASI preview1 command: document on stdin, result on stdout.
 *
 * One engine, 'exact': WebAssembly's semantics are deterministic but for three leftovers, and each is dealt
 * with. Relaxed SIMD and threads are refused (admission.ts). Running out of something (stack, memory, time)
 * is an error, never a value, and says nothing of the document: how deep a guest may call is V8's to say, so an
 * exhausted stack is `stack-limit` and no trap. The bits of a NaN are *not* pinned between processors: 0/0 is ffc00000 on
 * x86-64 and 7fc00000 on ARM64 (measured), and V8 has no switch to make them canonical. One processor repeats its own (engine.ts). A
 * program must not print a NaN's bits, nor branch on them; of one that does, owners disagree, and those that lose are not paid for
 * that shard. Nobody but its submitter bans them for it (host/membership/bans.ts).
 *
 * The engine id covers this host and its defaults, and not V8's version: the specification, not the compiler,
 * says what a module computes (bytes were equal between Node 20 and 24, and on emulated CPUs). A compiler bug is a fault like any other, and found like any other.
 *
 * The module is compiled once a session and instantiated anew for each document, so that no document can
 * leave anything behind for the next (30,000 empty instances a second on one EPYC core, Node 24).
 */
import { createHash } from 'node:crypto'
import { optionOf, wrongOption } from '../options.ts'
import { isOutOfStack, RecordError, type RecordOutput, type Runtime } from '../runtime.ts'
import { bytesOf } from '../weight.ts'
import { admit } from './admission.ts'
import { wasmOptions, wasmShapeOf } from './description.ts'
import { compilerFlag, Leftovers } from './engine.ts'
import { trapMessage } from './traps.ts'
import { GuestExit, OutputOverflow, WasiHost, wasiHostVersion } from './wasi-host.ts'

export const wasm: Runtime = {
  name: 'wasm',

  async engines() {
    const [defaults, limits] = [numbersOf('default'), numbersOf('most')]
    const identity = JSON.stringify({ wasiHostVersion, compilerFlag, defaults, limits })
    const id = createHash('sha256').update(`carpool wasm exact ${identity}`).digest('hex').slice(0, 32)
    return [{ runtime: 'wasm', engine: 'exact', id, isa: null, agreement: 'bytes' }]
  },

  inspect(document) {
    return wasmShapeOf(document.byteLength)
  },

  async load(engine, weights, options) {
    if (engine !== 'exact') throw new RecordError('bad-weights', 'the only engine of wasm is exact')
    const weight = weights.get('module')
    if (weight === undefined || weights.size !== 1) {
      throw new RecordError('bad-weights', 'wasm takes one weight, called module')
    }
    const bytes = bytesOf(weight)
    const wrong = wrongOption(wasmOptions, options)
    if (wrong !== undefined) throw new RecordError('bad-weights', wrong)
    const memoryPagesMax = optionOf(wasmOptions, 'memoryPagesMax', options)
    const module = await admit(bytes, memoryPagesMax)
    const outputBytesMax = optionOf(wasmOptions, 'outputBytesMax', options)
    const host = new WasiHost(outputBytesMax)
    const leftovers = new Leftovers()
    return {
      async run(document, page) {
        if (page !== 0) throw new RecordError('no-such-page', 'a document of wasm has one page')
        try {
          const { stdout, log } = runCommand(module, host, document, outputBytesMax)
          return { ...record(stdout), ...(log === '' ? {} : { log }) }
        } finally {
          leftovers.add(host.end() ?? memoryPagesMax * pageBytes)
        }
      },
    }
  },
}

/** A page of a WebAssembly memory. */
const pageBytes = 65_536

function numbersOf(which: 'default' | 'most'): Record<string, number> {
  return Object.fromEntries(Object.entries(wasmOptions).map(([name, option]) => [name, option[which]]))
}

function runCommand(
  module: WebAssembly.Module,
  host: WasiHost,
  document: Uint8Array,
  outputBytesMax: number,
): { readonly stdout: Uint8Array; readonly log: string } {
  host.begin(document)
  try {
    const { exports } = new WebAssembly.Instance(module, host.imports)
    host.attach(exports.memory as WebAssembly.Memory)
    const start = exports._start as () => void
    start()
  } catch (error) {
    const log = host.takeStderr()
    if (error instanceof OutputOverflow)
      throw new RecordError('output-limit', `it writes more than ${outputBytesMax} bytes`, log)
    if (isOutOfStack(error)) throw new RecordError('stack-limit', 'needed too much stack', log)
    if (!(error instanceof GuestExit)) throw new RecordError('trap', trapMessage(error), log)
    if (error.exitCode !== 0) throw new RecordError('exit-code', `exit code ${error.exitCode}`, log)
    return { stdout: host.takeStdout(), log }
  }
  return { stdout: host.takeStdout(), log: host.takeStderr() }
}

/**
 * JSON writes a control character as six, so that a long text of them would be the longest output of all. One that comes to
 * more than this goes in base64, as what is no text does.
 */
const jsonBytesMax = 2 * wasmOptions.outputBytesMax.most

/** `{"text": …, "bytes": n}`, or `{"text": null, "base64": …, "bytes": n}` where stdout is not UTF-8, or too long as JSON. */
function record(stdout: Uint8Array): RecordOutput {
  const bytes = stdout.byteLength
  const text = textOf(stdout)
  const output = text === null ? null : utf8.encode(JSON.stringify({ text, bytes }))
  if (text !== null && output !== null && output.byteLength <= jsonBytesMax) return { output, text }
  const base64 = Buffer.from(stdout).toString('base64')
  return { output: utf8.encode(JSON.stringify({ text: null, base64, bytes })), text: base64 }
}

function textOf(stdout: Uint8Array): string | null {
  try {
    return strictUtf8.decode(stdout)
  } catch {
    return null
  }
}

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
