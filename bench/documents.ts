/**
 * How well pages are read, kind by kind, beside Debian's tesseract-ocr on the same pages in the same run.
 *
 * Pages are made from seeds (pages/kinds.ts) that were not looked at while the pipeline was tuned; 1 to 5 were. Wrong characters are
 * edits over the length of the truth, white space collapsed, weighted by length; recall is the share of the truth's words that were
 * read, whatever their order. Both run on one thread; CPU is user and system time, loading the models left out on our side and
 * included on the other, where it takes 0.05 s. Without the renderer, fonts or tesseract it says what to install, and gives nothing.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { editDistance } from '../src/base/text-distance.ts'
import { readWeights, weightSources } from '../src/host/submission/weights.ts'
import { submitDefaults } from '../src/host/submit-defaults.ts'
import { ocr } from '../src/runtimes/ocr/ocr.ts'
import type { Session } from '../src/runtimes/runtime.ts'
import { encodeJpeg, encodePng } from '../test/support/images.ts'
import type { BenchOptions, Figure } from './figure.ts'
import { kinds, makePage } from './pages/kinds.ts'
import { loadCanvas } from './pages/sheet.ts'

const seeds = [101, 102, 103]

/** Pages in other languages are read with theirs named, by both. */
const languageOf: Readonly<Record<string, string>> = { german: 'deu', french: 'fra' }

interface Reading {
  readonly kind: string
  readonly edits: number
  readonly characters: number
  readonly found: number
  readonly words: number
  readonly cpuMs: number
}

export async function documents({ quick, note }: BenchOptions): Promise<Figure[]> {
  const canvas = await loadCanvas(note)
  if (spawnSync('tesseract', ['--version']).status !== 0) {
    note('install tesseract-ocr, tesseract-ocr-deu and tesseract-ocr-fra to compare with')
    return []
  }
  if (canvas === undefined) return []
  const folder = mkdtempSync(join(tmpdir(), 'carpool-bench-'))
  const ours: Reading[] = []
  const theirs: Reading[] = []
  const sessions = new Map<string, Session>()
  try {
    for (const kind of Object.keys(kinds)) {
      const language = languageOf[kind] ?? 'eng'
      if (!sessions.has(language)) sessions.set(language, await sessionFor(language))
      for (const seed of quick ? seeds.slice(0, 1) : seeds) {
        const { page, truth, jpegQuality } = makePage(canvas, kind, seed)
        const file = jpegQuality === undefined ? encodePng(page) : encodeJpeg(page, jpegQuality)
        ours.push(await readOurs(sessions.get(language)!, kind, file, truth))
        theirs.push(readTheirs(join(folder, 'page'), language, kind, file, truth))
      }
      const [a, b] = [ours, theirs].map((all) => summed(all.filter((one) => one.kind === kind)))
      note(`${kind}: ours ${a!.text}; tesseract ${b!.text}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const [a, b] = [summed(ours), summed(theirs)]
  const worst = Math.max(...ours.map(({ edits, characters }) => (100 * edits) / characters))
  const of = "Debian's tesseract"
  return [
    {
      name: `wrong characters, ${ours.length} pages`,
      unit: '%',
      ours: a.wrong,
      baseline: b.wrong,
      of,
      goal: { value: 'ours', most: 3 },
    },
    {
      name: 'recall of words',
      unit: '%',
      ours: a.recall,
      baseline: b.recall,
      of,
      goal: { value: 'ours', least: 98 },
    },
    {
      name: 'wrong characters of the worst page',
      unit: '%',
      ours: worst,
      baseline: b.wrong,
      of: `all pages by ${of}`,
      goal: { value: 'ours', most: 10 },
    },
    {
      name: 'CPU',
      unit: 's a page',
      ours: a.cpuMs / 1000,
      baseline: b.cpuMs / 1000,
      of,
      goal: { value: 'ratio', most: 2.5 },
    },
  ]
}

/** The fastest engine that there is, with its defaults. */
async function sessionFor(language: string): Promise<Session> {
  const engines = await ocr.engines()
  const engine = engines.some(({ engine }) => engine === 'native') ? 'native' : 'exact'
  const sources = weightSources('ocr', { ...submitDefaults, languages: [language] })
  return ocr.load(engine, new Map(sources.map((source) => [source.name, readWeights('ocr', source)])), {})
}

async function readOurs(session: Session, kind: string, file: Uint8Array, truth: string): Promise<Reading> {
  const before = process.cpuUsage()
  const { text } = await session.run(file, 0)
  const { user, system } = process.cpuUsage(before)
  return compared(kind, truth, text, (user + system) / 1000)
}

function readTheirs(path: string, language: string, kind: string, file: Uint8Array, truth: string): Reading {
  writeFileSync(path, file)
  // The shell prints its children's user and system time last: "0m0.74s 0m0.05s".
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'tesseract "$0" - -l "$1" 2>/dev/null; times >&2', path, language],
    {
      env: { ...process.env, OMP_THREAD_LIMIT: '1' },
      encoding: 'utf8',
    },
  )
  const times = [
    ...stderr
      .trim()
      .split('\n')
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ]
  const seconds = times.reduce((sum, [, minutes, rest]) => sum + 60 * Number(minutes) + Number(rest), 0)
  return compared(kind, truth, stdout, 1000 * seconds)
}

function compared(kind: string, truth: string, text: string, cpuMs: number): Reading {
  const [wanted, read] = [truth, text].map((one) => one.replace(/\s+/g, ' ').trim())
  const counts = new Map<string, number>()
  for (const word of read!.split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  const words = wanted!.split(' ')
  let found = 0
  for (const word of words) {
    const left = counts.get(word) ?? 0
    if (left === 0) continue
    found += 1
    counts.set(word, left - 1)
  }
  return {
    kind,
    edits: editDistance(wanted!, read!),
    characters: wanted!.length,
    found,
    words: words.length,
    cpuMs,
  }
}

function summed(readings: readonly Reading[]) {
  const sum = (value: (reading: Reading) => number) => readings.reduce((total, one) => total + value(one), 0)
  const wrong = (100 * sum(({ edits }) => edits)) / sum(({ characters }) => characters)
  const recall = (100 * sum(({ found }) => found)) / sum(({ words }) => words)
  const cpuMs = sum((one) => one.cpuMs) / readings.length
  return {
    wrong,
    recall,
    cpuMs,
    text: `${wrong.toFixed(2)} % wrong, ${recall.toFixed(1)} % of words, ${(cpuMs / 1000).toFixed(2)} CPU-s`,
  }
}
