/**
 * From a reading that says stop to slots that use no processor: OCR runs in as many slots as there are cores, and this
 * process, which plays the node, is busy with what nodes are busy with: it hashes blocks and waits for the disk.
 *
 * The reading goes the way of a maker's own program, through a pipe to the supervisor; freeze-observer.ts writes it and
 * looks from outside, some times a millisecond, until the slots use no processor. The baseline is when the node's own
 * event loop came to hear of the same verdict: what a vehicle without a supervisor would have to wait for.
 *
 * Once more with the HTTP server of a node in this process, and another one that floods it with 10,000 connections.
 */
import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { samplesFolder } from '../src/cli/swarm/truth.ts'
import type { Slot } from '../src/host/executor/contract.ts'
import { ProcessExecutor } from '../src/host/executor/executor.ts'
import { readWeights, weightSources } from '../src/host/submission/weights.ts'
import { submitDefaults } from '../src/host/submit-defaults.ts'
import { SupervisedWatch } from '../src/host/supervisor/supervised-watch.ts'
import { defaultPreferences } from '../src/protocol/rules/preferences.ts'
import { GatewayStage } from '../test/support/gateway.ts'
import { weightFile } from '../test/support/wasm/executor.ts'
import type { BenchOptions, Figure } from './figure.ts'
import type { Order, Round } from './freeze-observer.ts'

const blockBytes = 2 ** 20

/** Far beyond what the server takes at a time. */
const connectionsTried = 10_000

export async function freeze({ quick, note }: BenchOptions): Promise<Figure[]> {
  const rounds = quick ? 40 : 250
  return [
    ...(await measured(rounds, note, '', async (folder) => keepBusy(join(folder, 'block')))),
    ...(await measured(rounds, note, ', HTTP flooded', () => beFlooded(note))),
  ]
}

/** `under`: begins what the node is busy with; its answer ends it. */
async function measured(
  rounds: number,
  note: BenchOptions['note'],
  under: string,
  begin: (folder: string) => Promise<() => void | Promise<void>>,
): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-freeze-'))
  const observer = fork(join(import.meta.dirname, 'freeze-observer.ts'), [folder], { detached: true })
  const executor = new ProcessExecutor({ log: pino({ level: 'silent' }) })
  let watch: SupervisedWatch | undefined
  try {
    const [{ source }] = (await once(observer, 'message')) as [{ source: string }]
    watch = await SupervisedWatch.start({
      preferences: { ...defaultPreferences, settleMs: 0 },
      signals: [source],
      network: 'unmetered',
      slotWatts: 10,
      trafficBytes: () => 0,
      journal: { getSetting: () => undefined, putSetting: () => undefined },
      log: pino({ level: 'silent' }),
    })
    const heardMs: number[] = []
    watch.onChange(({ verdict }) => {
      if (verdict === 'stop') heardMs.push(Number(process.hrtime.bigint()) / 1e6)
    })
    const pids = await startOcr(executor, watch)
    note(`OCR runs in ${pids.length} slots; ${rounds} stops`)
    const results: Round[] = []
    observer.on('message', (round: Round) => results.push(round))
    observer.send({ pids, rounds } satisfies Order)
    const ended = once(observer, 'exit')
    const stop = await begin(folder)
    const [code] = await ended
    await stop()
    if (code !== 0 || results.length !== rounds) throw new Error(`the observer ended with ${code}`)
    const leakedMs = results.reduce((sum, round) => sum + round.leakedMs, 0)
    note(`CPU time of frozen slots: ${leakedMs} ms in ${rounds} watches of 100 ms`)
    const ours = results.map(({ frozenMs }) => frozenMs).sort((a, b) => a - b)
    const stopped = results.map(({ stoppedMs }) => stoppedMs).sort((a, b) => a - b)
    note(
      `each thread stopped: p50 ${quantile(stopped, 0.5).toFixed(1)} ms, p99 ${quantile(stopped, 0.99).toFixed(1)} ms`,
    )
    const theirs = results
      .map(({ saidMs }) => (heardMs.find((ms) => ms > saidMs) ?? Number.NaN) - saidMs)
      .sort((a, b) => a - b)
    const figure = (name: string, share: number, most: number): Figure => ({
      name: `reading to frozen slots${under}, ${name} of ${rounds}`,
      unit: 'ms',
      ours: quantile(ours, share),
      baseline: quantile(theirs, share),
      of: "the busy node's own event loop",
      goal: { value: 'ours', most },
    })
    return [figure('p50', 0.5, 50), figure('p99', 0.99, 50), figure('max', 1, 100)]
  } finally {
    observer.kill()
    await executor.close()
    await watch?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A page after the other in each slot, until the executor is closed. The answer is the slots' pids. */
async function startOcr(executor: ProcessExecutor, watch: SupervisedWatch): Promise<number[]> {
  const pids: number[] = []
  executor.observe({
    began: (pid, startedTicks) => {
      pids.push(pid)
      watch.began(pid, startedTicks)
    },
    ended: (pid) => watch.ended(pid),
  })
  const engines = await executor.describeEngines()
  const engine = ['native', 'exact'].find((name) =>
    engines.some((one) => one.runtime === 'ocr' && one.engine === name),
  )!
  const weights = new Map(
    weightSources('ocr', submitDefaults).map(
      (one) => [one.name, weightFile(readWeights('ocr', one))] as const,
    ),
  )
  const session = { key: 'freeze', runtime: 'ocr', engine, options: {}, weights: async () => weights }
  const pages = readdirSync(samplesFolder)
    .filter((name) => name.endsWith('.png'))
    .map((name) => readFileSync(join(samplesFolder, name)))
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const slot = executor.openSlot()
      await slot.prepare(session)
      void work(slot, pages).catch(() => undefined) // it is closed
    }),
  )
  return pids
}

async function work(slot: Slot, pages: readonly Uint8Array[]): Promise<void> {
  for (let i = 0; ; i += 1) {
    // Two at a time, as in a lease.
    await Promise.all([0, 1].map((ahead) => slot.run(pages[(i + ahead) % pages.length]!, 0)))
  }
}

/** A gateway in this process, and somebody who asks it in every way that hurts. */
async function beFlooded(note: BenchOptions['note']): Promise<() => Promise<void>> {
  const stage = await GatewayStage.start(undefined, 0)
  const program = join(import.meta.dirname, 'http-flooder.ts')
  const flooder = fork(program, [stage.url, String(connectionsTried)])
  await once(flooder, 'message')
  const startedMs = performance.now()
  return async () => {
    flooder.send('how many?')
    const [{ answers, refusals }] = (await once(flooder, 'message')) as [Record<string, number>]
    const seconds = (performance.now() - startedMs) / 1000
    flooder.kill('SIGKILL')
    await once(flooder, 'exit')
    const overMs = performance.now()
    const { status } = await fetch(`${stage.url}/livez`)
    note(
      `${connectionsTried} connections tried at a time: ${Math.round(answers! / seconds)} answers and ${Math.round(refusals! / seconds)} refusals a second; once they were gone, an honest question got ${status} after ${Math.round(performance.now() - overMs)} ms`,
    )
    await stage.stop()
  }
}

/** Hashes and stores blocks as fast as the machine does, without ever waiting for its event loop. The answer ends it. */
function keepBusy(path: string): () => void {
  const block = new Uint8Array(blockBytes).fill(7)
  let isOver = false
  const turn = (): void => {
    for (let i = 0; i < 16; i += 1) createHash('sha256').update(block).digest()
    const file = openSync(path, 'w')
    for (let i = 0; i < 4; i += 1) writeSync(file, block)
    fsyncSync(file)
    closeSync(file)
    if (!isOver) setImmediate(turn)
  }
  turn()
  return () => {
    isOver = true
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
