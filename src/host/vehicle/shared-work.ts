/**
 * Work that several wait for and that is done once. It goes on as long as one of them waits: when the last gives up, it
 * is aborted, and whoever comes then begins it anew.
 */
import { abortable } from '../network/abort.ts'

interface UnderWay {
  readonly keys: readonly string[]
  readonly controller: AbortController
  readonly done: Promise<void>
  waiting: number
}

export class SharedWork {
  readonly #underWay = new Map<string, UnderWay>()

  has(key: string): boolean {
    return this.#underWay.has(key)
  }

  /** Begins work that is known by these keys, of which none is under way. Rejects as it does, or with the signal's reason. */
  begin(
    keys: readonly string[],
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const controller = new AbortController()
    const started: UnderWay = { keys, controller, done: work(controller.signal), waiting: 0 }
    for (const key of keys) this.#underWay.set(key, started)
    const forget = () => this.#forget(started)
    started.done.then(forget, forget)
    return this.#wait(started, signal)
  }

  /** Waits for the work that is under way under these keys. */
  async join(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const all = new Set(keys.flatMap((key) => this.#underWay.get(key) ?? []))
    await Promise.all([...all].map((one) => this.#wait(one, signal)))
  }

  async #wait(one: UnderWay, signal: AbortSignal): Promise<void> {
    one.waiting += 1
    try {
      await abortable(one.done, signal)
    } finally {
      one.waiting -= 1
      if (one.waiting === 0 && signal.aborted) {
        this.#forget(one)
        one.controller.abort(signal.reason)
      }
    }
  }

  #forget(one: UnderWay): void {
    for (const key of one.keys) if (this.#underWay.get(key) === one) this.#underWay.delete(key)
  }
}
