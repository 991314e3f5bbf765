/**
 * llama.cpp as machine code, from an optional package for each architecture, and held to one hash: we know these files, and how two of
 * their results differ.
 *
 * The package has a library of kernels for each generation of processors. They sum in different orders, so the same bits come out within
 * one of them and not across; which one loads is the class of the machine.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isLlamaHere, llamaAbsence } from '../binary.ts'
import { acceleratorBuilds } from './accelerator.ts'
import { startAddon } from './addon.ts'
import { addonFolder, filesHash, version } from './packages.ts'

/** By Node's name of the architecture: the package's folder of files, and the sha256 of their names and hashes, in the order of names. */
const builds: Readonly<Record<string, { readonly folder: string; readonly hash: string }>> = {
  x64: { folder: 'linux-x64', hash: 'd1966d6abe7d15b71c7f544b58b3a037acfc3052db06405e4944ae0a6d82ecc3' },
  arm64: { folder: 'linux-arm64', hash: '19c647ed8af73da5f4d702467cdb15b98e654694fa0e64e2b0b008837897dd0a' },
}

export interface NativeLlamaBuild {
  /** The folder of the addon and its libraries. */
  readonly folder: string
  /** Names all of its files. */
  readonly hash: string
  /** Names the library of kernels that this machine loads, with the architecture: within it, equal requests give equal bits. */
  readonly isa: string
}

let known: Promise<NativeLlamaBuild | string> | undefined

/** The build that this machine runs, or a sentence for its owner why it runs none. Loads it. */
export function nativeBuild(): Promise<NativeLlamaBuild | string> {
  known ??= findBuild()
  return known
}

async function findBuild(): Promise<NativeLlamaBuild | string> {
  // It makes prompts and grammars of this one's requests.
  if (!(await isLlamaHere())) return llamaAbsence
  const build = process.platform === 'linux' && Object.hasOwn(builds, process.arch) && builds[process.arch]
  if (!build) return `there is no build of llama.cpp for ${process.platform} on ${process.arch}`
  const name = `@node-llama-cpp/${build.folder}`
  const folder = addonFolder(build.folder)
  if (folder === undefined || filesHash(folder) !== build.hash)
    return `the optional package ${name} ${version} is not installed, or is another version; run npm install in the folder of Carpool`
  try {
    await startAddon(folder)
  } catch {
    return `the optional package ${name} does not load on this machine; it needs glibc 2.34 or newer`
  }
  const library = loadedLibrary(readFileSync('/proc/self/maps', 'utf8'))
  if (library === null) return `the optional package ${name} has no kernels for this processor`
  return {
    folder,
    hash: build.hash,
    isa: `${process.arch === 'x64' ? 'x86-64' : process.arch}-ggml-${library}`,
  }
}

/** The name of the library of kernels among the files that a process has mapped (proc(5), maps); null: there is none. */
export function loadedLibrary(maps: string): string | null {
  return /\/libggml-cpu-([^/\s]+)\.so$/m.exec(maps)?.[1] ?? null
}

/** Undefined where the package is not installed. Where a session is loaded, the files were hashed before. */
export function nativeLlamaFolder(): string | undefined {
  const folder = builds[process.arch]?.folder
  return folder && addonFolder(folder)
}

/** By Node's name of the architecture, the kernels that every processor of it runs on which the addon loads. */
const oldestKernels: Readonly<Record<string, string>> = { x64: 'sse42', arm64: 'armv8.0_1' }

/** Loads the addon with kernels that sum otherwise than this machine's own, as older machines do. The process has them from then on. */
export async function startOldest(folder: string): Promise<void> {
  await startAddon(folder, oldestKernels[process.arch] ?? null)
}

/** Names the engine of which any build may be. First 32 hex digits of sha256. */
export function scoredEngineId(use: object): string {
  return createHash('sha256').update(JSON.stringify({ builds, use })).digest('hex').slice(0, 32)
}

/** Names the engine of which any accelerator may be. First 32 hex digits of sha256. */
export function gpuEngineId(use: object): string {
  return createHash('sha256')
    .update(JSON.stringify({ builds, acceleratorBuilds, use }))
    .digest('hex')
    .slice(0, 32)
}

/** Names the engine by the build, its class, and by what its user makes of it. First 32 hex digits of sha256. */
export function nativeEngineId({ hash, isa }: NativeLlamaBuild, use: object): string {
  return createHash('sha256').update(JSON.stringify({ hash, isa, use })).digest('hex').slice(0, 32)
}
