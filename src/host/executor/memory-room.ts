/**
 * How many slots fit into the memory of this machine. As many as the owner asks for may be too many: then the kernel would
 * end one process after another, and at last the node.
 */
import { memoryGroups, type ReadText, readText } from './memory-groups.ts'

/**
 * The node itself grows by this after its start: 256 MiB of documents that its slots share, and as much again for records
 * and connections. A guess.
 */
export const nodeBytes = 512 * 2 ** 20

/** Returns the bytes that this process and its children may still take; null where nothing tells. */
export function availableBytes(read: ReadText = readText): number | null {
  const machine = /^MemAvailable:\s*(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  const groups = memoryGroups(read).map(({ limitBytes, usedBytes }) => Math.max(0, limitBytes - usedBytes))
  const bytes = Math.min(machine === undefined ? Number.POSITIVE_INFINITY : Number(machine) * 1024, ...groups)
  return Number.isFinite(bytes) ? bytes : null
}

/** Returns the bytes of memory that this machine has, or that the process may have of it; infinity where nothing tells. */
export function memoryBytes(read: ReadText = readText): number {
  const machine = /^MemTotal:\s*(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]
  const groups = memoryGroups(read).map(({ limitBytes }) => limitBytes)
  return Math.min(machine === undefined ? Number.POSITIVE_INFINITY : Number(machine) * 1024, ...groups)
}

export interface SlotsThatFit {
  readonly slots: number
  /** One sentence for the owner where there is less memory than the slots that were asked for may need. */
  readonly why: string | null
}

/**
 * `slotBytes`: the most that a slot may take; 0 where nobody knows. One slot is opened in any case: few pages need that much, and a process that
 * outgrows the machine is ended before the node is (out-of-memory.ts).
 */
export function slotsThatFit(asked: number, slotBytes: number, available: number | null): SlotsThatFit {
  if (asked === 0 || slotBytes === 0 || available === null) return { slots: asked, why: null }
  const fitting = Math.max(0, Math.floor((available - nodeBytes) / slotBytes))
  if (fitting >= asked) return { slots: asked, why: null }
  const slots = Math.max(1, fitting)
  const number = slots === 1 ? 'one slot' : `${slots} slots`
  const opened = slots < asked ? `${number} instead of ${asked}` : number
  const need = `a slot may need ${inGib(slotBytes)} of memory, the node itself ${inGib(nodeBytes)}`
  const then = fitting === 0 ? 'a page that needs more fails' : 'a node that starts again looks again'
  return {
    slots,
    why: `the node opens ${opened}: ${need}, and ${inGib(available)} are available; ${then}`,
  }
}

function inGib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}
