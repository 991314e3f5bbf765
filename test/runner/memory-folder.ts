/**
 * A place in memory for what tests write. A power loss is the only thing that a disk would survive and memory does not, and
 * no test can bring one about. An fsync takes 8 µs of processor time there and no time else, instead of 212 µs and some
 * milliseconds, in which all nodes of a mesh in one process stand still.
 */
import { readFileSync, statfsSync } from 'node:fs'

/** Where Linux mounts a file system in memory for everybody. */
const place = '/dev/shm'
/** The suite holds less than a twentieth of it at a time; a container often has no more than 64 MiB. */
const freeBytesMin = 4 * 2 ** 30

/** The place, where it has room and programs may be started from it; null elsewhere. */
export function memoryFolder(): string | null {
  try {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const [, , type, flags = ''] = mounts.find((line) => line.split(' ')[1] === place)?.split(' ') ?? []
    const { bavail, bsize } = statfsSync(place)
    const isFit = type === 'tmpfs' && !flags.split(',').includes('noexec') && bavail * bsize >= freeBytesMin
    return isFit ? place : null
  } catch {
    return null
  }
}
