/**
 * The link of a child's chain that gives it a root of its own: node, its libraries, its code and its weights, read-only, and no
 * other file of the machine; and an empty folder to stand in, since a library may take a name in a stranger's file for a path
 * from where the process stands.
 */
import { existsSync } from 'node:fs'
import { sep } from 'node:path'
import { findTool } from './tools.ts'

/** The folder of a child's root in which its weights are. */
export const weightsFolder = '/weights'

/**
 * Becomes the rest of its arguments, in a root that holds the paths before the first `--`, the devices before the second, and, each as the
 * file of the folder of weights that is named after it, the files before the third, and nothing else. Runs in a mount
 * namespace with the capabilities of its user namespace; an empty file system covers the old root, since umount needs
 * /proc to find it, and is where the child stands. Perl opens /dev/null for reading; an empty file does. `$1`: an empty
 * place to build on.
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
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$new$1"; else mkdir -p "$new\${1%/*}"; : > "$new$1"; fi
  mount -n --rbind "$1" "$new$1"
  mount -n -o remount,bind,ro,nosuid "$1" "$new$1"
  shift
done
shift
mkdir "$new${weightsFolder}"
while [ "$1" != -- ]; do
  : > "$new${weightsFolder}/$2"
  mount -n --bind "$1" "$new${weightsFolder}/$2"
  mount -n -o remount,bind,ro,nosuid,nodev,noexec "$1" "$new${weightsFolder}/$2"
  shift 2
done
shift
mkdir "$new/empty"
mkdir -p "$new/dev"
: > "$new/dev/null"
mount=$(command -v mount)
cd "$new"
pivot_root . empty
"/empty$mount" -n -o remount,ro none /
"/empty$mount" -n -t tmpfs -o ro,size=4k none /empty
cd /empty
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

/** Returns the link's program and arguments, for a child without devices and weights; null where the machine has no shell, or no place to build on. */
export function ownRoot(needed: readonly string[], folders: readonly string[]): string[] | null {
  const sh = findTool('sh', folders)
  const paths = outermost([...needed, ...systemPaths])
  const place = buildingPlaces.find(
    (folder) => existsSync(folder) && !paths.some((path) => isWithin(path, folder)),
  )
  if (sh === null || place === undefined) return null
  // The script looks up its tools itself, since the child's environment has no PATH.
  return [sh, '-c', `PATH='${folders.join(':')}'\n${enterRoot}`, 'root', place, ...paths, '--', '--', '--']
}

/** Those that are there, without those that lie in others. */
function outermost(paths: readonly string[]): string[] {
  const there = [...new Set(paths)].filter((path) => existsSync(path))
  return there.filter((path) => !there.some((other) => other !== path && isWithin(path, other)))
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}
