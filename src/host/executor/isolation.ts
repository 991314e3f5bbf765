/**
 * How a child is started: a chain of small tools, each of which gives something up and then *becomes* the
 * next one (exec), so that the child has one pid and signals reach the right process.
 *
 *   prlimit   bounds on memory and open files, no core dumps
 *   unshare   a network namespace of its own, with nothing in it
 *   setpriv   dies when its parent dies, even a parent that was killed while the child was frozen;
 *             after unshare, because a change of credentials clears the wish
 *   nice      yields the processor to everything else on the vehicle
 *   node      the permission model: reads its own code, writes and starts nothing
 *
 * The boundary that holds a hostile wasm module is V8's sandbox; the chain is what is left if it breaks.
 * Native engines need --allow-addons, which voids the permission model, and run no code of a stranger.
 * Not bubblewrap or a container: this is part of util-linux and coreutils, which every vehicle has.
 *
 * Each tool is tried once; one that is missing or refused (user namespaces often are) is left out, and said.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, extname, join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutorLog } from './contract.ts'
import type { ExecutorLimits } from './limits.ts'

export interface Isolation {
  /** Absolute paths and arguments, to be followed by the program. */
  readonly chain: readonly string[]
  /** Names of the tools that this machine has refused. */
  readonly missing: readonly string[]
}

/** Three times what a child holds open (measured: 22). */
const openFilesMax = 64

const folder = import.meta.dirname
const packageRoot = resolve(folder, '../../..')

/** The child's main stands in the same tree as this file: src/*.ts in a checkout, dist/*.js in a package. */
export const childMain = resolve(folder, `../../runtimes/main${extname(import.meta.filename)}`)

export async function probeIsolation(limits: ExecutorLimits, log: ExecutorLog): Promise<Isolation> {
  const tools: readonly (readonly string[])[] = [
    ['prlimit', `--data=${limits.dataBytesMax}`, `--nofile=${openFilesMax}`, '--core=0'],
    ['unshare', '--user', '--map-root-user', '--net'],
    ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs'],
    ['nice', '-n', '19'],
  ]
  const probed = await Promise.all(tools.map(([name, ...args]) => probe(name!, args)))
  const missing = tools.flatMap(([name], index) => (probed[index] === null ? [name!] : []))
  if (missing.length > 0) log.warn({ missing }, 'children are less isolated: tools missing or refused')
  return { chain: probed.flatMap((link) => link ?? []), missing }
}

/** The whole command line of a child. `trusted` code may load native addons. */
export function childCommand(isolation: Isolation, limits: ExecutorLimits, trusted: boolean): string[] {
  return [
    ...isolation.chain,
    process.execPath,
    '--permission',
    ...readableFolders().map((path) => `--allow-fs-read=${path}`),
    ...(trusted ? ['--allow-addons'] : []),
    '--no-experimental-sqlite',
    '--disallow-code-generation-from-strings',
    `--wasm-max-mem-pages=${limits.wasmPagesMax}`,
    childMain,
  ]
}

/** Code only: the tree of this file and installed packages, wherever npm has hoisted them to. */
function readableFolders(): string[] {
  const folders = [
    resolve(folder, '../..'),
    join(packageRoot, 'package.json'),
    join(packageRoot, 'node_modules'),
  ]
  const parts = packageRoot.split(sep)
  const outermost = parts.indexOf('node_modules')
  if (outermost !== -1) folders.push(parts.slice(0, outermost + 1).join(sep))
  return folders.filter((path) => existsSync(path))
}

async function probe(name: string, args: readonly string[]): Promise<string[] | null> {
  const tool = findTool(name)
  const harmless = findTool('true')
  if (tool === null || harmless === null) return null
  try {
    await promisify(execFile)(tool, [...args, harmless])
    return [tool, ...args]
  } catch {
    return null
  }
}

/** Looked up here, because the child's environment has no PATH. */
function findTool(name: string): string | null {
  for (const path of (process.env.PATH ?? '').split(delimiter)) {
    if (path !== '' && existsSync(join(path, name))) return join(path, name)
  }
  return null
}
