/**
 * How busy the machine is, by the threads that run or wait for a core (Linux's /proc). On a slow or busy one, more files at
 * once make none end sooner, and each wait longer than its limits allow.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const lookMs = 250
/** A file starts its processes within some seconds: whoever looks only at this moment starts too many at once. */
const rememberedMs = 5_000
/** So many threads for each core keep it busy, whatever some of them wait for. A guess. */
const runnableMax = 3 * availableParallelism()
/** A file wants as many while it starts, and that is known only later. */
const threadsOfStart = 2
/** On a machine that others keep busy the tests go on all the same. */
const filesAtLeast = availableParallelism() + 1

export class Runnable {
  #mean = runnableMax
  #heard = () => {}
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => {
      this.#mean += (runnableNow() - this.#mean) * (lookMs / rememberedMs)
      this.#heard()
    }, lookMs)
  }

  /** Tells whether one more file may begin beside so many. True where the system does not say how busy it is. */
  hasRoom(files: number): boolean {
    return files < filesAtLeast || this.#mean <= runnableMax
  }

  /** One more began. */
  began(): void {
    this.#mean += threadsOfStart
  }

  /** Calls after each look: there may be room. */
  onLook(heard: () => void): void {
    this.#heard = heard
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** Its own thread is not counted. */
function runnableNow(): number {
  try {
    const [, , , threads = ''] = readFileSync('/proc/loadavg', 'latin1').split(' ')
    return Math.max(0, Number.parseInt(threads, 10) - 1)
  } catch {
    return 0
  }
}
