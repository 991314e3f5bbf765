/**
 * When memory runs out, the kernel ends the process that it thinks is worth least. That is to be a slot's, never the node,
 * which has promised results, nor anything that the car's computer is there for; and it is to be known afterwards.
 */
import { writeFileSync } from 'node:fs'
import { memoryGroups, type ReadText, readText } from './memory-groups.ts'

/** The highest that there is: before everything else on the machine. */
const scoreMax = 1_000

/** Has the kernel end this process, and all that it becomes or starts, before any other. Everybody may give up so much. */
export function endFirst(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(scoreMax))
  } catch {
    // It is gone already, or this is not Linux.
  }
}

/** Tells whether the kernel has ended processes of this node as memory ran out. */
export class MemoryKills {
  readonly #read: ReadText
  #seen: number

  constructor(read: ReadText = readText) {
    this.#read = read
    this.#seen = this.#count()
  }

  /**
   * Call for each child that was ended by SIGKILL and not by this node: true as often as the kernel says that it has ended
   * one.
   */
  take(): boolean {
    if (this.#count() <= this.#seen) return false
    this.#seen += 1
    return true
  }

  /** In the innermost group that counts: children are in it, too. Without groups, on the whole machine. */
  #count(): number {
    const kills = memoryGroups(this.#read).find((group) => group.kills !== null)?.kills
    return kills ?? Number(/^oom_kill (\d+)$/m.exec(this.#read('/proc/vmstat') ?? '')?.[1] ?? 0)
  }
}
