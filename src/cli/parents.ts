/**
 * Ends this process when the one that it belongs to has ended, however that was: nobody is left to stop it then, and a node
 * that nobody knows of goes on working.
 *
 * A launcher, and a program that starts a node over a channel (carpool swarm), are noticed by the channel's end. npm gives no
 * channel and passes no SIGKILL on, so its process is looked at every second. Nothing else is watched: a node that somebody
 * leaves running in the background is meant to.
 */
import { readFileSync } from 'node:fs'
import { statOf } from '../host/executor/usage.ts'

const lookMs = 1_000
/** npm, a shell, the launcher, and some room. */
const ancestorsMax = 6

export function endWithParents(): void {
  let isOver = false
  const orphaned = () => {
    if (!isOver) process.kill(process.pid, 'SIGTERM')
    isOver = true
  }
  if (process.send !== undefined && !process.connected) orphaned()
  process.once('disconnect', orphaned)
  process.channel?.unref()
  const ancestors = process.env.npm_execpath === undefined ? [] : npmAncestors()
  if (ancestors.length === 0) return
  const look = setInterval(() => {
    if (process.ppid === ancestors[0]!.pid && ancestors.every(isThere)) return
    clearInterval(look)
    orphaned()
  }, lookMs)
  look.unref()
}

interface Ancestor {
  readonly pid: number
  readonly startedTicks: number
}

/** From the parent up to npm; none where npm is not among them: somebody has left it behind. */
function npmAncestors(): Ancestor[] {
  const found: Ancestor[] = []
  for (let pid = process.ppid; pid > 1 && found.length < ancestorsMax; pid = parentOf(pid)) {
    const stat = statOf(pid)
    if (stat === null) return []
    found.push({ pid, startedTicks: stat.startedTicks })
    if (isNpm(pid)) return found
  }
  return []
}

function isThere({ pid, startedTicks }: Ancestor): boolean {
  return statOf(pid)?.startedTicks === startedTicks
}

/** It calls itself "npm start", or is a script of that name. */
function isNpm(pid: number): boolean {
  const [first = '', second = ''] = readText(`/proc/${pid}/cmdline`).split('\0')
  return /^np[mx]( |$)/.test(first) || /\/np[mx](-cli\.js)?$/.test(second)
}

/** 0 where it cannot be read. (proc(5): ppid is the second field behind the name.) */
function parentOf(pid: number): number {
  const stat = readText(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) || 0
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
