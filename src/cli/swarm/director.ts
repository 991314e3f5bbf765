/**
 * Plays traces of vehicles to the nodes of a demonstration, on cue.
 *
 * An event in the middle of a job cannot stand in a trace by its time: nobody knows beforehand when the job is there.
 * So each node reads its signals from a program (`command:`), as it would from a maker's glue; the program follows a
 * file, and the director writes into that file what a sample trace says, from when it is told to.
 */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openTrace } from '../../host/signals/trace.ts'
import type { CastVehicle } from './cast.ts'

const tracesFolder = fileURLToPath(new URL('../../../samples/traces', import.meta.url))

/** The price that every owner asks for a page. */
const price = 'ocr=0.0002EUR'

/** In every trace the first moment lasts: played as slowly as this, nothing changes within a demonstration. */
const standing = 0.01

interface Score {
  readonly trace: string
  /** Seconds of the trace in a second, before the cue … */
  readonly before: number
  /** … and after it, begun anew. */
  readonly after: number
}

/** Chosen so that what is to be seen happens within seconds of the cue. */
const scores: Readonly<Record<CastVehicle['part'], Score>> = {
  steady: { trace: 'drives-off', before: standing, after: standing },
  liar: { trace: 'drives-off', before: standing, after: standing },
  // Its owner unplugs it after 30 minutes.
  'drive-off': { trace: 'drives-off', before: standing, after: 1_200 },
  'low-charge': { trace: 'charge-30-percent', before: standing, after: 60 },
  // The pack is too warm after 20 minutes, and fit for work again two and a half hours later.
  hot: { trace: 'gets-hot', before: standing, after: 600 },
  // Plugged in after not quite six minutes.
  late: { trace: 'arrives-and-plugs-in', before: standing, after: 60 },
}

export class Director {
  readonly #folder = mkdtempSync(join(tmpdir(), 'carpool-signals-'))
  readonly #playing = new Map<string, AbortController>()
  readonly #removeFolder = () => rmSync(this.#folder, { recursive: true, force: true })

  constructor() {
    process.on('exit', this.#removeFolder)
  }

  /** The vehicle with signals, a price, and an owner who does not wait for ten minutes before it may work. */
  equip(vehicle: CastVehicle): CastVehicle {
    const { trace, before } = scores[vehicle.part]
    writeFileSync(this.#fileOf(vehicle), '')
    this.#play(vehicle, trace, before)
    const follow = `command:exec tail -n +1 -f '${this.#fileOf(vehicle)}'`
    return {
      ...vehicle,
      flags: ['--signals', follow, '--network', 'unmetered', '--settle-ms', '1s', '--price', price],
      rests: vehicle.part === 'low-charge' || vehicle.part === 'late',
    }
  }

  cue(vehicle: CastVehicle): void {
    const { trace, after } = scores[vehicle.part]
    this.#play(vehicle, trace, after)
  }

  close(): void {
    for (const playing of this.#playing.values()) playing.abort()
    process.off('exit', this.#removeFolder)
    this.#removeFolder()
  }

  #play(vehicle: CastVehicle, trace: string, speed: number): void {
    this.#playing.get(vehicle.name)?.abort()
    const playing = new AbortController()
    this.#playing.set(vehicle.name, playing)
    void this.#write(vehicle, trace, speed, playing.signal)
  }

  async #write(vehicle: CastVehicle, trace: string, speed: number, signal: AbortSignal): Promise<void> {
    const path = join(tracesFolder, `${trace}.jsonl`)
    for await (const readings of openTrace(trace, path, { speed, loop: false }).readings(signal)) {
      if (signal.aborted) return
      const values = Object.entries(readings).map(([name, { value }]) => [name, value])
      appendFileSync(this.#fileOf(vehicle), `${JSON.stringify(Object.fromEntries(values))}\n`)
    }
  }

  #fileOf({ name }: CastVehicle): string {
    return join(this.#folder, `${name}.jsonl`)
  }
}
