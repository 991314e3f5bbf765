/**
 * OCR pages per second of a swarm of two vehicles with one slot each, beside two slots without any mesh.
 *
 * Both sides run the project's sample pages through the same child processes (src/host/executor), at the same
 * priority, one for each core. Counted is, on both sides, from a cold slot to the last page: starting the
 * children and loading the model included, once a round. The swarm's clock is the job's own, from the first lease to the
 * last verdict; so documents travelling, journals, signatures and verification count, and reading the files at
 * submission does not. The weights are on the vehicles before, from a first job that is not counted, as they
 * are on the direct side's disk. Rounds alternate and the median counts.
 *
 * Equal documents would be equal shards: every copy gets a PNG text chunk of its own, which no decoder looks at.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { Swarm } from '../src/cli/swarm/swarm.ts'
import { samplesFolder } from '../src/cli/swarm/truth.ts'
import { ProcessExecutor } from '../src/host/executor/executor.ts'
import { readWeights, weightSources } from '../src/host/submission/weights.ts'
import { submitDefaults } from '../src/host/submit-defaults.ts'
import { weightFile } from '../test/support/wasm/executor.ts'
import { type BenchOptions, type Figure, median } from './figure.ts'
import { runJob } from './job.ts'

const slots = 2

export async function ocr({ quick, note }: BenchOptions): Promise<Figure[]> {
  const rounds = quick ? 1 : 3
  const pages = quick ? 24 : 40
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const swarm = await Swarm.start({ vehicles: [{ name: 'car-1' }, { name: 'car-2' }] })
  try {
    const runSwarm = async (documents: string, replicas: number) => {
      const request = { paths: [documents], runtime: 'ocr', replicas }
      const { pagesPerSecond, engine } = await runJob(swarm.submitter.node, request)
      return { pagesPerSecond, engine }
    }
    const { engine } = await runSwarm(writePages(join(folder, 'first'), 'first', slots), 2)
    const direct: number[] = []
    const once: number[] = []
    const twice: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const path = (name: string) => writePages(join(folder, `${name}-${round}`), `${name} ${round}`, pages)
      direct.push(await runDirect(path('direct'), engine))
      once.push((await runSwarm(path('once'), 1)).pagesPerSecond)
      twice.push((await runSwarm(path('twice'), 2)).pagesPerSecond)
      const [d, o, t] = [direct, once, twice].map((values) => values.at(-1)!.toFixed(3))
      note(`round ${round + 1} of ${rounds}, ${pages} pages, ${engine}: direct ${d}, m = 1 ${o}, m = 2 ${t}`)
    }
    const shared = {
      unit: 'pages/s',
      baseline: median(direct),
      of: `${slots} slots without a mesh`,
    }
    return [
      {
        name: 'OCR, 2 vehicles, m = 1',
        ours: median(once),
        ...shared,
        goal: { value: 'ratio', least: 0.95 },
      },
      {
        name: 'OCR, 2 vehicles, m = 2',
        ours: median(twice),
        ...shared,
        goal: { value: 'ratio', least: 0.47 },
      },
    ]
  } finally {
    await swarm.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Pages per second of two slots that take pages from one queue. */
async function runDirect(documents: string, engine: string): Promise<number> {
  const queue = readdirSync(documents).map((name) => readFileSync(join(documents, name)))
  const pages = queue.length
  const log = { debug: () => {}, info: () => {}, warn: () => {} }
  const executor = new ProcessExecutor({ log })
  const session = {
    key: documents,
    runtime: 'ocr',
    engine,
    options: {},
    weights: async () =>
      new Map(
        weightSources('ocr', submitDefaults).map(
          (source) => [source.name, weightFile(readWeights('ocr', source))] as const,
        ),
      ),
  }
  try {
    const startedMs = performance.now()
    await Promise.all(
      Array.from({ length: slots }, async () => {
        const slot = executor.openSlot()
        await slot.prepare(session)
        // The next page waits in the child's pipe, as it does in a lease.
        let ahead: Promise<unknown> = Promise.resolve()
        for (let page = queue.pop(); page !== undefined; page = queue.pop()) {
          const run = slot.run(page, 0)
          await ahead
          ahead = run
        }
        await ahead
      }),
    )
    return (pages / (performance.now() - startedMs)) * 1000
  } finally {
    await executor.close()
  }
}

/** As many pages as asked for, none equal to another or to those of another label. Returns the folder. */
function writePages(folder: string, label: string, count: number): string {
  mkdirSync(folder)
  const samples = readdirSync(samplesFolder)
    .filter((name) => name.endsWith('.png'))
    .sort()
    .map((name) => readFileSync(join(samplesFolder, name)))
  for (let i = 0; i < count; i += 1) {
    const page = withText(samples[i % samples.length]!, `${label} ${i}`)
    writeFileSync(join(folder, `${String(i).padStart(4, '0')}.png`), page)
  }
  return folder
}

/** Behind the signature (8 bytes) and IHDR (25), where any chunk may stand: https://www.w3.org/TR/png-3/#11tEXt */
function withText(png: Buffer, text: string): Buffer {
  const body = Buffer.from(`tEXtComment\0${text}`, 'latin1')
  const chunk = Buffer.alloc(body.byteLength + 8)
  chunk.writeUInt32BE(body.byteLength - 4, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.byteLength + 4)
  return Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)])
}
