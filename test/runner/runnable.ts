/** How many threads of this machine run or wait for a core: the mean of the last seconds, by Linux's /proc. */
import { readFileSync } from 'node:fs'

const lookMs = 250
/** A file starts its processes within some seconds: whoever looks only at this moment starts too many at once. */
const rememberedMs = 5_000

export class Runnable {
  #mean = 0
  #heard = () => {}
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => {
      this.#mean += (runnableNow() - this.#mean) * (lookMs / rememberedMs)
      this.#heard()
    }, lookMs)
  }

  /** 0 where the system does not say. */
  get mean(): number {
    return this.#mean
  }

  /** Calls after each look. */
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
