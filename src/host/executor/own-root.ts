/**
 * The link of a child's chain that gives it a root of its own: node, its libraries, its code and its weights, read-only, and no
 * other file of the machine; and an empty folder to stand in, since a library may take a name in a stranger's file for a path
 * from where the process stands.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { findTool } from './tools.ts'

/** The folder of a child's root in which its weights are. */
export const weightsFolder = '/weights'

/** Below this folder a child finds compiled code. It may not add any. */
export const compiledFolder = '/compiled'

/** A file or folder of the machine, and its path in a child's root. */
interface Shown {
  readonly source: string
  readonly target: string
}

/**
 * A script that becomes the rest of its arguments, in a root that holds what is `shown`, the devices before the first `--`, and, each as
 * the file of the folder of weights that is named after it, the files before the second, and nothing else. Runs in a mount namespace with the
 * capabilities of its user namespace; an empty file system covers the old root, since umount needs /proc to find it, and is
 * where the child stands. It writes no file after its own list. Perl opens /dev/null for reading; an empty file does. One `mount` mounts all that is shown: each
 * process takes 1 ms, and there would be three for each path.
 */
function enterRoot(place: string, shown: readonly Shown[], toolFolders: readonly string[]): string {
  const isFolder = ({ source }: Shown) => statSync(source).isDirectory()
  const files = shown.filter((one) => !isFolder(one)).map(({ target }) => target)
  const folders = [
    ...shown.filter(isFolder).map(({ target }) => target),
    ...files.map((path) => dirname(path)),
  ]
  const words = (paths: readonly string[]) => [...new Set(paths)].map((path) => quoted(`.${path}`)).join(' ')
  const list = shown.map(
    ({ source, target }) => `${field(source)} ${field(place + target)} none rbind,ro,nosuid,nodev 0 0\n`,
  )
  // The script looks up its tools itself, since the child's environment has no PATH.
  return `PATH=${quoted(toolFolders.join(':'))}
set -e
mount -n -t tmpfs -o mode=755,size=64k,nr_inodes=512 none ${place}
cd ${place}
mkdir -p empty dev .${weightsFolder} ${words(folders)}
for file in dev/null ${words(files)}; do : > "$file"; done
printf %s ${quoted(list.join(''))} > empty/mounts
ulimit -f 0
mount -n -a -T empty/mounts
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p ".$1"; else mkdir -p ".\${1%/*}"; : > ".$1"; fi
  mount -n --rbind "$1" ".$1"
  mount -n -o remount,bind,ro,nosuid "$1" "$PWD$1"
  shift
done
shift
while [ "$1" != -- ]; do
  : > ".${weightsFolder}/$2"
  mount -n --bind "$1" ".${weightsFolder}/$2"
  mount -n -o remount,bind,ro,nosuid,nodev,noexec "$1" "$PWD${weightsFolder}/$2"
  shift 2
done
shift
mount=$(command -v mount)
pivot_root . empty
"/empty$mount" -n -o remount,ro none /
"/empty$mount" -n -t tmpfs -o ro,size=4k none /empty
cd /empty
unset PWD OLDPWD
exec "$@"`
}

/** As a word of a shell's script. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** As a field of fstab(5). */
function field(path: string): string {
  return path.replaceAll(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

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

/** Graphics processors, as their drivers name them, and what their libraries read of them. Left out where they are not there. */
const acceleratorPaths = [
  '/dev/dri',
  '/dev/nvidia0',
  '/dev/nvidia1',
  '/dev/nvidiactl',
  '/dev/nvidia-uvm',
  '/dev/nvidia-uvm-tools',
  '/dev/nvidia-modeset',
  '/etc/vulkan',
  '/proc/driver/nvidia',
  '/sys/class/drm',
  '/sys/dev/char',
  '/sys/devices',
  '/usr/share/glvnd',
  '/usr/share/nvidia',
  '/usr/share/vulkan',
]

/** The devices of a child that may use them. */
export function accelerators(): string[] {
  return acceleratorPaths.filter((path) => existsSync(path))
}

/** Places for the new root, in the child's own view only. The first that holds nothing the child needs is taken. */
const buildingPlaces = ['/mnt', '/media', '/srv', '/opt', '/tmp']

/**
 * Returns the link's program and arguments, for a child without devices and weights; null where the machine has no shell, or no place to
 * build on. `compiled`: the folder of compiled code, if there is one. `folders`: those in which tools are looked for.
 */
export function ownRoot(
  needed: readonly string[],
  compiled: string | null,
  folders: readonly string[],
): string[] | null {
  const sh = findTool('sh', folders)
  const paths = outermost([...needed, ...systemPaths])
  const sources = compiled === null ? paths : [...paths, compiled]
  const place = buildingPlaces.find(
    (folder) => existsSync(folder) && !sources.some((path) => isWithin(path, folder)),
  )
  if (sh === null || place === undefined) return null
  const shown = sources.map((source) => ({ source, target: source === compiled ? compiledFolder : source }))
  return [sh, '-c', enterRoot(place, shown, folders), 'root', '--', '--']
}

/** Those that are there, without those that lie in others. */
function outermost(paths: readonly string[]): string[] {
  const there = [...new Set(paths)].filter((path) => existsSync(path))
  return there.filter((path) => !there.some((other) => other !== path && isWithin(path, other)))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}
