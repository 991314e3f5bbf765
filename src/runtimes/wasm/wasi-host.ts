/**
 * A WASI preview1 host with nothing in it: bytes on stdin, bytes on stdout, and no way to learn where it runs.
 *
 * Two vehicles must give the same bytes for the same module and document, so everything a program can
 * observe is made up: a clock that advances by one fixed step each time it is read, a random stream with a
 * fixed seed, one argument, no environment, no files. (Not node:wasi, which is experimental, whose page says
 * "do not rely on it to run untrusted code", and whose clock and random numbers are real.)
 *
 * The guest is hostile. Every pointer is compared with the memory's size before it is used, and answered with
 * EFAULT when it does not fit: a RangeError caught afterwards could not be told from an exhausted stack, whose
 * depth differs between machines. Signatures were checked before (admission.ts), so arguments are i32 and
 * i64 as declared here.
 *
 * Source: https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */

export const wasiModule = 'wasi_snapshot_preview1'

/** Part of every engine id: raise it with any change that a guest could observe. */
export const wasiHostVersion = 2

/** The functions that the guest may import, with wasm signatures (parameters:results; i is i32, I is i64). */
export const wasiSignatures: Readonly<Record<string, string>> = {
  args_get: 'ii:i',
  args_sizes_get: 'ii:i',
  clock_res_get: 'ii:i',
  clock_time_get: 'iIi:i',
  environ_get: 'ii:i',
  environ_sizes_get: 'ii:i',
  fd_close: 'i:i',
  fd_fdstat_get: 'ii:i',
  fd_fdstat_set_flags: 'ii:i',
  fd_filestat_get: 'ii:i',
  fd_prestat_dir_name: 'iii:i',
  fd_prestat_get: 'ii:i',
  fd_read: 'iiii:i',
  fd_seek: 'iIii:i',
  fd_tell: 'ii:i',
  fd_write: 'iiii:i',
  path_create_directory: 'iii:i',
  path_filestat_get: 'iiiii:i',
  path_open: 'iiiiiIIii:i',
  path_readlink: 'iiiiii:i',
  path_remove_directory: 'iii:i',
  path_rename: 'iiiiii:i',
  path_unlink_file: 'iii:i',
  poll_oneoff: 'iiii:i',
  proc_exit: 'i:',
  random_get: 'ii:i',
  sched_yield: ':i',
}

/** proc_exit was called; unwinds the guest. */
export class GuestExit extends Error {
  readonly exitCode: number
  constructor(exitCode: number) {
    super('proc_exit')
    this.exitCode = exitCode
  }
}

/** The guest wrote more than `outputBytesMax` to stdout. */
export class OutputOverflow extends Error {}

/** The end of stderr that is kept, for people who look for a mistake. */
const stderrBytesMax = 4096

const errno = { success: 0, badf: 8, fault: 21, inval: 28, notsup: 58, spipe: 70 }

/** IOV_MAX of Linux; more in one call is refused with EINVAL. */
const vectorsMax = 1024
/** A program that waits for 100 ms to pass is done after 100 looks at the clock. */
const clockStepNs = 1_000_000n
/** The file type of stdout: 0 is "unknown". isatty() asks for 2, a character device, and libc would then write by lines. */
const fileTypeUnknown = 0
const rights = { read: 2n, write: 64n }
const programName = new TextEncoder().encode('task\0')

/** Serves one instance at a time; `begin` forgets everything about the one before. */
export class WasiHost {
  readonly imports: WebAssembly.Imports
  readonly #outputBytesMax: number
  /** Null while the module's start function runs: until then every pointer is out of bounds. */
  #memory: WebAssembly.Memory | null = null
  #stdin: Uint8Array = new Uint8Array(0)
  #stdinOffset = 0
  #stdout: Uint8Array[] = []
  #stdoutBytes = 0
  #stderr: Uint8Array = new Uint8Array(0)
  #clockNs = 0n
  #random = new Uint32Array(4)

  constructor(outputBytesMax: number) {
    this.#outputBytesMax = outputBytesMax
    this.imports = { [wasiModule]: this.#functions() }
  }

  begin(stdin: Uint8Array): void {
    this.#memory = null
    this.#stdin = stdin
    this.#stdinOffset = 0
    this.#stdout = []
    this.#stdoutBytes = 0
    this.#stderr = new Uint8Array(0)
    this.#clockNs = 0n
    this.#random.set([123456789, 362436069, 521288629, 88675123])
  }

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory
  }

  /** Lets go of the instance's memory, and returns how many bytes it had; null where none was attached. */
  end(): number | null {
    const bytes = this.#memory?.buffer.byteLength ?? null
    this.#memory = null
    return bytes
  }

  takeStdout(): Uint8Array {
    const stdout = this.#stdout.length === 1 ? this.#stdout[0]! : Buffer.concat(this.#stdout)
    this.#stdout = []
    return stdout
  }

  /** The end of what the guest wrote to stderr, as text: bytes that are none become �. */
  takeStderr(): string {
    const text = new TextDecoder().decode(this.#stderr)
    this.#stderr = new Uint8Array(0)
    // A character that was cut stands for up to three bytes more than itself.
    return text.slice(-stderrBytesMax)
  }

  #functions(): Record<string, (...parameters: never[]) => number> {
    const nothingThere = () => errno.badf
    return {
      args_sizes_get: (count: number, bytes: number) =>
        this.#storePair(count, 1, bytes, programName.byteLength),
      args_get: (pointers: number, text: number) => {
        if (!this.#fits(text, programName.byteLength) || !this.#fits(pointers, 4)) return errno.fault
        this.#view().setUint32(pointers >>> 0, text, true)
        this.#bytes().set(programName, text >>> 0)
        return errno.success
      },
      environ_sizes_get: (count: number, bytes: number) => this.#storePair(count, 0, bytes, 0),
      environ_get: () => errno.success,
      clock_res_get: (clock: number, result: number) =>
        isClock(clock) ? this.#storeLong(result, clockStepNs) : errno.inval,
      clock_time_get: (clock: number, _precision: bigint, result: number) => {
        if (!isClock(clock)) return errno.inval
        this.#clockNs += clockStepNs
        return this.#storeLong(result, this.#clockNs)
      },
      random_get: (start: number, length: number) => this.#fillRandom(start, length),
      fd_read: (fd: number, vectors: number, count: number, result: number) =>
        fd === 0 ? this.#read(vectors, count, result) : errno.badf,
      fd_write: (fd: number, vectors: number, count: number, result: number) =>
        fd === 1 || fd === 2 ? this.#write(fd, vectors, count, result) : errno.badf,
      fd_close: (fd: number) => (isStream(fd) ? errno.success : errno.badf),
      fd_seek: (fd: number) => (isStream(fd) ? errno.spipe : errno.badf),
      fd_tell: (fd: number) => (isStream(fd) ? errno.spipe : errno.badf),
      fd_fdstat_set_flags: (fd: number) => (isStream(fd) ? errno.success : errno.badf),
      fd_fdstat_get: (fd: number, result: number) => {
        if (!isStream(fd)) return errno.badf
        if (!this.#fits(result, 24)) return errno.fault
        this.#bytes().fill(0, result >>> 0, (result >>> 0) + 24)
        this.#view().setUint8(result >>> 0, fileTypeUnknown)
        return this.#storeLong(result + 8, fd === 0 ? rights.read : rights.write)
      },
      fd_filestat_get: (fd: number, result: number) => {
        if (!isStream(fd)) return errno.badf
        if (!this.#fits(result, 64)) return errno.fault
        this.#bytes().fill(0, result >>> 0, (result >>> 0) + 64)
        return errno.success
      },
      // Programs look for directories by asking for 3, 4, … until EBADF; paths need a directory to start from.
      fd_prestat_get: nothingThere,
      fd_prestat_dir_name: nothingThere,
      path_create_directory: nothingThere,
      path_filestat_get: nothingThere,
      path_open: nothingThere,
      path_readlink: nothingThere,
      path_remove_directory: nothingThere,
      path_rename: nothingThere,
      path_unlink_file: nothingThere,
      poll_oneoff: () => errno.notsup,
      sched_yield: () => errno.success,
      proc_exit: (exitCode: number) => {
        throw new GuestExit(exitCode >>> 0)
      },
    }
  }

  #read(vectors: number, count: number, result: number): number {
    const list = this.#vectors(vectors, count)
    if (typeof list === 'number') return list
    if (!this.#fits(result, 4)) return errno.fault
    const memory = this.#bytes()
    let total = 0
    for (const { start, length } of list) {
      const part = this.#stdin.subarray(this.#stdinOffset, this.#stdinOffset + length)
      memory.set(part, start)
      this.#stdinOffset += part.byteLength
      total += part.byteLength
    }
    this.#view().setUint32(result >>> 0, total, true)
    return errno.success
  }

  /** Writes for the guest. Of stderr only the end is kept, and none of it is part of the record. */
  #write(fd: 1 | 2, vectors: number, count: number, result: number): number {
    const list = this.#vectors(vectors, count)
    if (typeof list === 'number') return list
    if (!this.#fits(result, 4)) return errno.fault
    const total = list.reduce((bytes, { length }) => bytes + length, 0)
    if (fd === 1) {
      // Before anything is copied: a thousand vectors may all name the same 64 MiB.
      if (this.#stdoutBytes + total > this.#outputBytesMax) throw new OutputOverflow()
      this.#stdoutBytes += total
      const memory = this.#bytes()
      for (const { start, length } of list) {
        if (length > 0) this.#stdout.push(memory.slice(start, start + length))
      }
    } else for (const { start, length } of list) this.#keepEnd(start, length)
    this.#view().setUint32(result >>> 0, total >>> 0, true)
    return errno.success
  }

  #keepEnd(start: number, length: number): void {
    const kept = Math.min(length, stderrBytesMax)
    const end = this.#bytes().slice(start + length - kept, start + length)
    const before = this.#stderr.subarray(Math.max(0, this.#stderr.byteLength + kept - stderrBytesMax))
    this.#stderr = Buffer.concat([before, end])
  }

  #vectors(vectors: number, count: number): { start: number; length: number }[] | number {
    const length = count >>> 0
    if (length > vectorsMax) return errno.inval
    if (!this.#fits(vectors, 8 * length)) return errno.fault
    const view = this.#view()
    const list = []
    for (let at = vectors >>> 0; list.length < length; at += 8) {
      const vector = { start: view.getUint32(at, true), length: view.getUint32(at + 4, true) }
      if (!this.#fits(vector.start, vector.length)) return errno.fault
      list.push(vector)
    }
    return list
  }

  /** xorshift128 with its paper's own seed (Marsaglia, "Xorshift RNGs", 2003, p. 5): spread, not secrecy. */
  #fillRandom(start: number, length: number): number {
    if (!this.#fits(start, length)) return errno.fault
    const memory = this.#bytes()
    const random = this.#random
    for (let offset = 0; offset < length >>> 0; offset++) {
      const mixed = random[0]! ^ (random[0]! << 11)
      random.copyWithin(0, 1)
      random[3] = random[2]! ^ (random[2]! >>> 19) ^ mixed ^ (mixed >>> 8)
      memory[(start >>> 0) + offset] = random[3]! & 255
    }
    return errno.success
  }

  #storePair(first: number, firstValue: number, second: number, secondValue: number): number {
    if (!this.#fits(first, 4) || !this.#fits(second, 4)) return errno.fault
    this.#view().setUint32(first >>> 0, firstValue, true)
    this.#view().setUint32(second >>> 0, secondValue, true)
    return errno.success
  }

  #storeLong(result: number, value: bigint): number {
    if (!this.#fits(result, 8)) return errno.fault
    this.#view().setBigUint64(result >>> 0, value, true)
    return errno.success
  }

  #fits(start: number, length: number): boolean {
    return (start >>> 0) + (length >>> 0) <= (this.#memory?.buffer.byteLength ?? -1)
  }

  /** Made anew for each use: growing the memory detaches its old buffer. */
  #bytes(): Uint8Array {
    return new Uint8Array(this.#memory!.buffer)
  }

  #view(): DataView {
    return new DataView(this.#memory!.buffer)
  }
}

function isStream(fd: number): boolean {
  return fd >= 0 && fd <= 2
}

/** Realtime, monotonic, and the process's and thread's CPU time: all of them the same made-up clock. */
function isClock(clock: number): boolean {
  return clock >= 0 && clock <= 3
}
