/**
 * How a child is started: a chain of small tools, each of which gives something up and then *becomes* the
 * next one (exec), so that the child has one pid and signals reach the right process.
 *
 *   prlimit   bounds on memory and open files, files of no length, no core dumps
 *   nice      yields the processor to everything else on the vehicle
 *   unshare   namespaces of its own: a network with nothing in it, mounts, System V and POSIX IPC, the host's name
 *   sh        a root of its own, read-only: node, its libraries and its code, and no other file of the machine
 *   setpriv   no capabilities, so that no mount can be undone; dies when its parent dies, even a parent that was
 *             killed while the child was frozen; after unshare, because a change of credentials clears the wish
 *   node      the permission model: reads its own code, writes and starts nothing
 *
 * The boundary that holds a hostile wasm module is V8's sandbox; the chain is what is left if it breaks.
 * Native engines need --allow-addons, which voids the permission model, and run no code of a stranger.
 * Not bubblewrap or a container: this is part of util-linux and coreutils, which every vehicle has. Not a namespace of
 * processes, which would need a second process in between, and freezing must reach the child itself: so code that has
 * broken out of V8 can still signal other processes of this user. Not seccomp: no tool of Debian 12 loads a filter.
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

/**
 * Becomes the rest of its arguments, in a root that holds the paths before `--` and nothing else. Runs in a mount
 * namespace with the capabilities of its user namespace; an empty file system covers the old root, since umount needs
 * /proc to find it. `$1`: an empty place to build on.
 */
const enterRoot = `set -e
new=$1; shift
mount -n -t tmpfs -o mode=755,size=64k,nr_inodes=512 none "$new"
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$new$1"; else mkdir -p "$new\${1%/*}"; : > "$new$1"; fi
  mount -n --rbind "$1" "$new$1"
  mount -n -o remount,bind,ro,nosuid,nodev "$1" "$new$1"
  shift
done
shift
mkdir "$new/old"
mount=$(command -v mount)
cd "$new"
pivot_root . old
"/old$mount" -n -o remount,ro none /
"/old$mount" -n -t tmpfs -o ro,size=4k none /old
cd /
unset PWD OLDPWD
exec "$@"`

/**
 * Shared libraries, and the files in which native engines look up the processor's abilities. Left out where they are
 * not there.
 */
const systemPaths = [
  '/lib',
  '/lib64',
  '/usr/lib',
  '/usr/lib64',
  '/etc/ld.so.cache',
  '/proc/cpuinfo',
  '/sys/devices/system/cpu',
]

/** Places for the new root, in the child's own view only. The first that holds nothing the child needs is taken. */
const buildingPlaces = ['/mnt', '/media', '/srv', '/opt', '/tmp']

/** Three times what a child holds open (measured: 22). */
const openFilesMax = 64

const folder = import.meta.dirname
const packageRoot = resolve(folder, '../../..')

/** The child's main stands in the same tree as this file: src/*.ts in a checkout, dist/*.js in a package. */
export const childMain = resolve(folder, `../../runtimes/main${extname(import.meta.filename)}`)

export async function probeIsolation(limits: ExecutorLimits, log: ExecutorLog): Promise<Isolation> {
  const namespaces = ['--user', '--map-root-user', '--net']
  const [prlimit, nice, unshare, unshareAll, setpriv] = await Promise.all([
    probe('prlimit', [`--data=${limits.dataBytesMax}`, `--nofile=${openFilesMax}`, '--fsize=0', '--core=0']),
    probe('nice', ['-n', '19']),
    probe('unshare', namespaces),
    probe('unshare', [...namespaces, '--mount', '--ipc', '--uts']),
    probe('setpriv', ['--pdeathsig', 'KILL', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']),
  ])
  const root = unshareAll && (await probeRoot(unshareAll, setpriv ?? []))
  const links = { prlimit, nice, unshare: unshareAll ?? unshare, root, setpriv }
  const missing = Object.entries(links).flatMap(([name, link]) => (link === null ? [name] : []))
  if (missing.length > 0) log.warn({ missing }, 'children are less isolated: tools missing or refused')
  return { chain: Object.values(links).flatMap((link) => link ?? []), missing }
}

/** Checks that node runs in a root of its own, and finds its code there. */
async function probeRoot(unshare: readonly string[], setpriv: readonly string[]): Promise<string[] | null> {
  const sh = findTool('sh')
  const paths = rootPaths([...readableFolders(), process.execPath, ...setpriv.slice(0, 1), ...systemPaths])
  const place = buildingPlaces.find(
    (folder) => existsSync(folder) && !paths.some((path) => isWithin(path, folder)),
  )
  if (sh === null || place === undefined) return null
  // Its tools are looked up by the script, since the child's environment has no PATH.
  const script = `PATH='${(process.env.PATH ?? '').replaceAll("'", '')}'\n${enterRoot}`
  const link = [sh, '-c', script, 'root', place, ...paths, '--']
  const look = `require('node:fs').accessSync(${JSON.stringify(childMain)})`
  const [program, ...args] = [...unshare, ...link, ...setpriv, process.execPath, '--eval', look]
  return (await succeeds(program!, args)) ? link : null
}

/** Those that are there, without those that lie in others. */
function rootPaths(paths: readonly string[]): string[] {
  const there = [...new Set(paths)].filter((path) => existsSync(path))
  return there.filter((path) => !there.some((other) => other !== path && isWithin(path, other)))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
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
  return (await succeeds(tool, [...args, harmless])) ? [tool, ...args] : null
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program, args, { env: {}, cwd: '/' })
    return true
  } catch {
    return false
  }
}

/** Looked up here, because the child's environment has no PATH. */
function findTool(name: string): string | null {
  for (const path of (process.env.PATH ?? '').split(delimiter)) {
    if (path !== '' && existsSync(join(path, name))) return join(path, name)
  }
  return null
}
