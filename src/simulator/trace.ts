/** The trace of a world: a hash of everything that happened, and the last events in readable form. */
const lastEventsMax = 30

export class Trace {
  readonly last: string[] = []
  readonly #lanes = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b]

  note(nowMs: number, event: string): void {
    const text = `${nowMs} ${event}`
    const lanes = this.#lanes
    for (let i = 0; i < text.length; i += 1) {
      const lane = i & 3
      lanes[lane] = Math.imul(lanes[lane]! ^ text.charCodeAt(i), 0x01000193) ^ (lanes[(lane + 1) & 3]! >>> 7)
    }
    this.last.push(text)
    if (this.last.length > lastEventsMax) this.last.shift()
  }

  /** 32 hexadecimal digits: the same events in the same order give the same. */
  get hash(): string {
    return this.#lanes.map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }
}
