/**
 * How a child is started: a chain of small tools, each of which gives something up and then *becomes* the
 * next one (exec), so that the child has one pid and signals reach the right process.
 *
 *   prlimit   bounds on memory and open files, files of no length, no core dumps
 *   nice      yields the processor to everything else on the vehicle
 *   unshare   namespaces of its own: a network with nothing in it, mounts, System V and POSIX IPC, the host's name
 *   sh        a root of its own, read-only, with the weights of its job, and an empty folder to stand in (own-root.ts)
 *   setpriv   no capabilities, so that no mount can be undone; dies when its parent dies, even a parent that was
 *             killed while the child was frozen; after unshare, because a change of credentials clears the wish
 *   perl      closes every file but the three of the child, and loads a filter of system calls (seccomp.ts)
 *   node      the permission model: reads its own code and the weights, writes and starts nothing. It may write to the folder
 *             of compiled code, as Node asks of who reads from there; but that is read-only like all of its root
 *
 * The boundary that holds a hostile wasm module is V8's sandbox; the chain is what is left if it breaks. A native engine
 * has no such boundary: it runs machine code on a model that a stranger chose, and needs --allow-addons, which voids the
 * permission model. The chain is all that confines it, so it is offered only where every link holds but the last, the
 * filter, which not every system can load.
 *
 * Not bubblewrap or a container: this is part of util-linux, coreutils and, for the filter, perl, which Debian and its
 * kin cannot be without. Not a namespace of processes, which would need a second process in between, and freezing must
 * reach the child itself; the filter refuses signals to other processes instead.
 *
 * Tools are looked for in the system's own folders, never by PATH. Each is tried once; one that is missing or refused
 * (user namespaces often are) is left out, and said.
 */
import { execFile } from 'node:child_process'
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, extname, join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import type { RuntimeModule } from '../../runtimes/registry.ts'
import { compiledCode, withCompiledCode } from './compiled-code.ts'
import type { ExecutorLog } from './contract.ts'
import type { ExecutorLimits } from './limits.ts'
import { compiledFolder, ownRoot, weightsFolder } from './own-root.ts'
import { seccompArguments } from './seccomp.ts'
import { findTool, systemFolders } from './tools.ts'

export interface Isolation {
  /** Absolute paths and arguments, to be followed by the program. */
  readonly chain: readonly string[]
  /** Names of the links that this machine lacks or has refused. */
  readonly missing: readonly string[]
  /** The place in the chain at which the files go that a child is given, behind its devices; null: it has no root of its own, and sees them where they are. */
  readonly filesAt: number | null
  /** The links that make a process the user that children are; null where children find no compiled code. */
  readonly compilesAs: readonly string[] | null
}

/** A file of this machine that a child may read, and its name in the child's folder of weights. */
export interface GivenFile {
  readonly path: string
  readonly name: string
}

/** Each link, and what a child lacks without it. */
const links = {
  prlimit: 'bounds on its memory and files',
  nice: 'the lowest priority',
  unshare: 'a network and mounts of its own',
  root: 'a file system of its own',
  setpriv: 'the loss of all capabilities',
  seccomp: 'a filter of system calls',
} as const

type LinkName = keyof typeof links

/** Three times what a child holds open (measured: 22). */
const openFilesMax = 64
/** Files of no length. */
const noFiles = '--fsize=0'

const folder = import.meta.dirname
const packageRoot = resolve(folder, '../../..')

/**
 * The child's main stands in the same tree as this file: src/*.ts in a checkout, dist/*.js in a package. Its own name says that it
 * is a module (.mts, .mjs): a child may not look that up in the package, and would compile it as a script first.
 */
export const childMain = resolve(
  folder,
  `../../runtimes/main${extname(import.meta.filename).replace('.', '.m')}`,
)

/** A checkout's own modules find each other by their sources (package.json, `exports`). */
const conditions = extname(import.meta.filename) === '.ts' ? ['--conditions=carpool-source'] : []

/** The arguments by which node becomes a child. `modules`: those of runtimes that do not come along. */
export function childProgram(modules: readonly RuntimeModule[]): string[] {
  return [...conditions, childMain, ...modules.map(({ path }) => `--runtime=${path}`)]
}

/** `folders`: those in which tools are looked for. `modules`: those of runtimes that do not come along. */
export async function probeIsolation(
  limits: ExecutorLimits,
  log: ExecutorLog,
  folders: readonly string[] = systemFolders,
  modules: readonly RuntimeModule[] = [],
): Promise<Isolation> {
  const probe = async (name: string, args: readonly string[] | null, ...program: readonly string[]) => {
    const tool = findTool(name, folders)
    const [harmless = findTool('true', folders), ...rest] = program
    if (tool === null || harmless === null || args === null) return null
    return (await succeeds([tool, ...args, harmless, ...rest])) ? [tool, ...args] : null
  }
  const user = ['--user', '--map-root-user']
  const namespaces = [...user, '--net']
  const [prlimit, nice, unshare, unshareAll, setpriv, seccomp] = await Promise.all([
    probe('prlimit', [`--data=${limits.dataBytesMax}`, `--nofile=${openFilesMax}`, '--core=0', noFiles]),
    probe('nice', ['-n', '19']),
    probe('unshare', namespaces),
    probe('unshare', [...namespaces, '--mount', '--ipc', '--uts']),
    probe('setpriv', ['--pdeathsig', 'KILL', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all']),
    // Node itself has to be able to live with the filter.
    probe('perl', seccompArguments(process.arch), process.execPath, '--eval', '0'),
  ])
  const compiled = compiledCode()
  const below = [setpriv ?? [], seccomp ?? []]
  const root = unshareAll && (await probeRoot(unshareAll, below, compiled, folders, modules))
  const found: Readonly<Record<LinkName, readonly string[] | null>> = {
    // The root's script writes a list, and then takes this bound upon itself.
    prlimit: root && prlimit ? prlimit.filter((argument) => argument !== noFiles) : prlimit,
    nice,
    unshare: unshareAll ?? unshare,
    root,
    setpriv,
    seccomp,
  }
  const missing = Object.entries(found).flatMap(([name, link]) => (link === null ? [name] : []))
  if (missing.length > 0) log.warn({ missing }, `children are less isolated: ${lacking(missing)}`)
  const chain = Object.values(found).flatMap((link) => link ?? [])
  const before = [found.prlimit, nice, found.unshare, root].flatMap((link) => link ?? [])
  const isSameUser = process.getuid?.() === 0
  return {
    chain,
    missing,
    // Before the last of the root's two `--`.
    filesAt: root === null ? null : before.length - 1,
    compilesAs: root === null || compiled === null ? null : isSameUser ? [] : [unshareAll![0]!, ...user],
  }
}

/** The path under which a child finds a file that it is given. */
export function pathInChild({ filesAt }: Isolation, { path, name }: GivenFile): string {
  return filesAt === null ? path : `${weightsFolder}/${name}`
}

/** The chain of a child that is given devices and files. */
function chainWith(
  { chain, filesAt }: Isolation,
  devices: readonly string[],
  files: readonly GivenFile[],
): readonly string[] {
  if (filesAt === null) return chain
  const given = files.flatMap(({ path, name }) => [path, name])
  const devicesAt = filesAt - 1
  return [...chain.slice(0, devicesAt), ...devices, '--', ...given, ...chain.slice(filesAt)]
}

/** Names the links without which no machine code may see a stranger's bytes here; empty where it may. */
export function missingForNative({ missing }: Isolation): readonly string[] {
  return missing.filter((name) => name !== 'seccomp')
}

/** The words for what children lack without these links. */
export function lacking(missing: readonly string[]): string {
  const words = missing.map((name) => (Object.hasOwn(links, name) ? links[name as LinkName] : name))
  return `this system does not give them ${words.join(', ')} (${missing.join(', ')}: missing or refused)`
}

/** Checks that node runs in a root of its own, and can read its code there and not change it. `below`: the links that follow. */
async function probeRoot(
  unshare: readonly string[],
  below: readonly (readonly string[])[],
  compiled: string | null,
  folders: readonly string[],
  modules: readonly RuntimeModule[],
): Promise<string[] | null> {
  const programs = below.flatMap((link) => link.slice(0, 1))
  const root = ownRoot([...readableFolders(modules), process.execPath, ...programs], compiled, folders)
  if (root === null) return null
  const look = [
    '--eval',
    `(${canReadOnly})(${JSON.stringify([childMain, ...(compiled ? [compiledFolder] : [])])})`,
  ]
  return (await succeeds([...unshare, ...root, ...below.flat(), process.execPath, ...look])) ? root : null
}

/** The things that a child may have beside its code. */
export interface Given {
  readonly files?: readonly GivenFile[]
  readonly devices?: readonly string[]
  /** Those of runtimes that do not come along. */
  readonly modules?: readonly RuntimeModule[]
}

/** Runs in a child. Throws where one of the paths is not there, or may be written. */
function canReadOnly(paths: readonly string[]): void {
  const { accessSync, constants } = process.getBuiltinModule('node:fs')
  for (const path of paths) {
    accessSync(path)
    let isWritable = true
    try {
      accessSync(path, constants.W_OK)
    } catch {
      isWritable = false
    }
    if (isWritable) throw new Error(path)
  }
}

/** The environment of a child: nothing, or where its compiled code is. */
export function childEnvironment({ compilesAs }: Isolation): NodeJS.ProcessEnv {
  return withCompiledCode(compilesAs === null ? null : compiledFolder)
}

/**
 * The command line of the child that describes engines. None of a stranger's bytes are shown to it, so that it needs no
 * isolation, and may write compiled code: for the others, since it is the same user and has the same flags of V8.
 */
export function describingCommand(
  { compilesAs }: Isolation,
  limits: ExecutorLimits,
  modules: readonly RuntimeModule[],
  mayAccelerate: boolean,
): string[] {
  const asked = ['--describe', ...(mayAccelerate ? ['--gpu'] : [])]
  return [...(compilesAs ?? []), process.execPath, ...engineFlags(limits), ...childProgram(modules), ...asked]
}

/** V8 takes no code that was compiled under other flags. */
function engineFlags(limits: ExecutorLimits): string[] {
  return ['--disallow-code-generation-from-strings', `--wasm-max-mem-pages=${limits.wasmPagesMax}`]
}

/** The whole command line of a child. `trusted` code may load native addons. */
export function childCommand(
  isolation: Isolation,
  limits: ExecutorLimits,
  trusted: boolean,
  { files = [], devices = [], modules = [] }: Given = {},
): string[] {
  const readable = [...readableFolders(modules), ...files.map((file) => pathInChild(isolation, file))]
  return [
    ...chainWith(isolation, devices, files),
    process.execPath,
    '--permission',
    ...readable.map((path) => `--allow-fs-read=${path}`),
    ...(isolation.compilesAs === null
      ? []
      : [`--allow-fs-read=${compiledFolder}`, `--allow-fs-write=${compiledFolder}`]),
    ...(trusted ? ['--allow-addons'] : []),
    '--no-experimental-sqlite',
    ...engineFlags(limits),
    ...childProgram(modules),
  ]
}

/** Code only: the tree of this file and installed packages, wherever npm has hoisted them to, or a link leads, and what others bring. */
function readableFolders(modules: readonly RuntimeModule[]): string[] {
  const folders = [
    resolve(folder, '../..'),
    join(packageRoot, 'package.json'),
    join(packageRoot, 'node_modules'),
  ]
  const parts = packageRoot.split(sep)
  const outermost = parts.indexOf('node_modules')
  if (outermost !== -1) folders.push(parts.slice(0, outermost + 1).join(sep))
  folders.push(...modules.flatMap(({ path, files }) => [path, ...files]))
  const there = folders.filter((path) => existsSync(path))
  return [...new Set(there.flatMap((path) => [...linksFrom(path), realpathSync(path)]))]
}

/** The path and, where it is a link, all that lead on from it: Node follows one after the other, and may read none but those it is told. */
function* linksFrom(path: string): Generator<string> {
  yield path
  if (lstatSync(path).isSymbolicLink()) yield* linksFrom(resolve(dirname(path), readlinkSync(path)))
}

async function succeeds([program, ...args]: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program!, args, { env: {}, cwd: '/' })
    return true
  } catch {
    return false
  }
}
