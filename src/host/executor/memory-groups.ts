/**
 * Reads the bounds that Linux sets on the memory of this process: its control groups, of version 2 or 1, from its own up
 * to the outermost one that it can see. In a container that is the container's.
 */
import { readFileSync } from 'node:fs'

/** Returns the text of a file; null where it is not here, or may not be read. */
export type ReadText = (path: string) => string | null

export interface MemoryGroup {
  /** Infinity where the group has no bound. */
  readonly limitBytes: number
  /** Without pages of files that can be dropped at once. */
  readonly usedBytes: number
  /** How many processes in it the kernel has ended as memory ran out; null where it does not count them. */
  readonly kills: number | null
}

interface Layout {
  readonly folder: string
  readonly limits: readonly string[]
  readonly used: string
  readonly droppable: RegExp
  readonly kills: string
}

const versions: Readonly<Record<1 | 2, Layout>> = {
  2: {
    folder: '/sys/fs/cgroup',
    limits: ['memory.max', 'memory.high'],
    used: 'memory.current',
    droppable: /^inactive_file (\d+)$/m,
    kills: 'memory.events',
  },
  1: {
    folder: '/sys/fs/cgroup/memory',
    limits: ['memory.limit_in_bytes'],
    used: 'memory.usage_in_bytes',
    droppable: /^total_inactive_file (\d+)$/m,
    kills: 'memory.oom_control',
  },
}

/** Version 1 writes the largest multiple of a page where there is no limit. */
const unlimitedBytes = 2 ** 60

export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/** Returns the groups, the innermost first; none where Linux tells of none. */
export function memoryGroups(read: ReadText = readText): MemoryGroup[] {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'))
  return lines.flatMap(([, controllers, ...path]) => {
    const isOne = controllers?.split(',').includes('memory')
    if (!isOne && controllers !== '') return []
    const layout = versions[isOne ? 1 : 2]
    return foldersUp(layout.folder, path.join(':')).flatMap((folder) => groupAt(folder, layout, read) ?? [])
  })
}

function foldersUp(root: string, path: string): string[] {
  const names = path.split('/').filter((name) => name !== '')
  return Array.from({ length: names.length + 1 }, (_, up) =>
    [root, ...names.slice(0, names.length - up)].join('/'),
  )
}

function groupAt(folder: string, layout: Layout, read: ReadText): MemoryGroup | null {
  const used = read(`${folder}/${layout.used}`)
  if (used === null) return null // the outermost group of version 2, or another one's place
  const limits = layout.limits.map((name) => Number(read(`${folder}/${name}`) ?? Number.NaN))
  const known = limits.filter((bytes) => bytes < unlimitedBytes)
  const droppable = layout.droppable.exec(read(`${folder}/memory.stat`) ?? '')?.[1]
  const kills = /^oom_kill (\d+)$/m.exec(read(`${folder}/${layout.kills}`) ?? '')?.[1]
  return {
    limitBytes: Math.min(Number.POSITIVE_INFINITY, ...known),
    usedBytes: Math.max(0, Number(used) - Number(droppable ?? 0)),
    kills: kills === undefined ? null : Number(kills),
  }
}
