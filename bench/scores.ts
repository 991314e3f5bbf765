/**
 * Scores of honest and of made-up answers: how often a window of honest answers, by this machine's kernels and by older ones, is refused,
 * and how often a window of cheats is accepted, by limits that were measured on other answers of the same model. `docs/scores.svg`
 * shows where the windows lie.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { RandomStream } from '../src/base/prng.ts'
import { sha256 } from '../src/host/sha256.ts'
import { isWithin, limitsOf, type Score, sumOf } from '../src/protocol/verification/score.ts'
import { checkGguf } from '../src/runtimes/gguf/check.ts'
import type { Claim } from '../src/runtimes/llama/llama.ts'
import { nativeBuild } from '../src/runtimes/llama/native/binary.ts'
import { llmAgreements } from '../src/runtimes/llm/description.ts'
import type { BenchOptions, Figure } from './figure.ts'
import type { Done, Work } from './score-worker.ts'
import { plotScores, type Windows } from './scores-plot.ts'

/** Answers in a window, of some 20 tokens each. */
const windowAnswers = 3
const calibrationWindows = 10
const worker = fileURLToPath(new URL('score-worker.ts', import.meta.url))
const modelPath = fileURLToPath(new URL('../samples/letters/letters.q8_0.gguf', import.meta.url))
/** The oldest, and one in between, beside the machine's own. */
const olderKernels = ['sse42', 'haswell']

export async function scores({ quick, note }: BenchOptions): Promise<Figure[]> {
  const build = await nativeBuild()
  if (typeof build === 'string' || process.arch !== 'x64') {
    note(typeof build === 'string' ? build : 'the older kernels are those of x86-64')
    return []
  }
  const folder = mkdtempSync(join(tmpdir(), 'carpool-scores-'))
  try {
    const count = (quick ? 20 : 500) * windowAnswers
    const [texts, others] = [letters(1, count), letters(2, calibrationWindows * windowAnswers)]
    const limits = await calibrated(others)
    note(`limits: gap ${limits.gapMax.toExponential(1)}, difference ${limits.differenceMax.toExponential(1)}`)
    const all: Windows[] = []
    for await (const one of kinds(texts, folder)) {
      all.push(one)
      const accepted = one.windows.filter((window) => window !== null && isWithin(window, limits)).length
      const [gap, difference] = (['gap', 'difference'] as const).map((name) => meanOf(one.windows, name))
      note(
        `${one.name}: ${accepted} of ${one.windows.length} accepted; mean gap ${gap}, difference ${difference}`,
      )
    }
    if (!quick) writeFileSync(new URL('../docs/scores.svg', import.meta.url), plotScores(all, limits))
    return all.map((one) => figureOf(one, limits))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function figureOf({ name, isHonest, windows }: Windows, limits: ReturnType<typeof limitsOf>): Figure {
  const accepted = windows.filter((window) => window !== null && isWithin(window, limits)).length
  return {
    name: `${name}: windows of ${windowAnswers} answers that are ${isHonest ? 'refused' : 'accepted'}`,
    unit: 'windows',
    ours: isHonest ? windows.length - accepted : accepted,
    baseline: windows.length,
    of: 'of',
    goal: { value: 'ratio', most: isHonest ? 0.002 : 0.01 },
  }
}

/** Honest answers to other prompts, by this machine's kernels and by the oldest. */
async function calibrated(texts: readonly string[]): Promise<ReturnType<typeof limitsOf>> {
  const honest: Score[] = []
  for (const kernels of [null, olderKernels[0]!]) {
    const { claims } = await answered(modelPath, kernels, texts)
    honest.push(...(await scored(texts, claims)).map((window) => window!))
  }
  return limitsOf(honest, llmAgreements.scored)
}

async function* kinds(texts: readonly string[], folder: string): AsyncGenerator<Windows> {
  const cheats = cheatingModels(folder)
  const honest = await answered(modelPath, null, texts)
  const look = async (name: string, claims: readonly Claim[], isHonest = false): Promise<Windows> => ({
    name,
    isHonest,
    windows: await scored(texts, claims),
  })
  yield look('honest, the same kernels', honest.claims, true)
  for (const kernels of olderKernels)
    yield look(`honest, ${kernels}`, (await answered(modelPath, kernels, texts)).claims, true)
  const byModel: Record<string, readonly Claim[]> = {}
  for (const [name, path] of Object.entries(cheats)) {
    byModel[name] = (await answered(path, null, texts)).claims
    yield look(name, byModel[name])
  }
  const ends = texts.map((line) => line.slice(Math.floor((2 * line.length) / 3)))
  yield look('the last third of the prompt', (await answered(modelPath, null, ends)).claims)
  yield look('half of the answer', honest.claims.map(halved))
  yield look('the answer to another prompt', [...honest.claims.slice(1), honest.claims[0]!])
  const bits4 = byModel['weights of 4 bits']!
  yield look(
    'weights of 4 bits, probabilities made up',
    bits4.map(({ ids }) => ({ ids, logProbs: ids.map(() => -0.001) })),
  )
  yield look(
    'the last third, probabilities of the honest answer',
    (await answered(modelPath, null, ends)).claims.map(({ ids }, i) => ({
      ids,
      logProbs: ids.map((_, place) => honest.claims[i]!.logProbs[place] ?? -0.001),
    })),
  )
}

/** Ends in the middle, with the token that ends a text. */
function halved({ ids, logProbs }: Claim): Claim {
  const kept = Math.ceil(ids.length / 2)
  return { ids: [...ids.slice(0, kept), 2], logProbs: [...logProbs.slice(0, kept), -0.001] }
}

/** The letters' model with fewer bits a weight, or with half of its layers doing nothing. */
function cheatingModels(folder: string): Readonly<Record<string, string>> {
  const made: Record<string, string> = {}
  const make = (name: string, change: (quantised: Int8Array, tensor: string) => void) => {
    const bytes = new Uint8Array(readFileSync(modelPath))
    const { tensors, dataOffset } = checkGguf(bytes)
    for (const { name: tensor, offset, shape, type } of tensors) {
      if (type !== 8) continue
      const blocks = shape.reduce((product, side) => product * side, 1) / 32
      // Of 34 bytes: a scale of 16 bits, and 32 whole numbers.
      for (let block = 0; block < blocks; block += 1)
        change(new Int8Array(bytes.buffer, dataOffset + offset + 34 * block + 2, 32), tensor)
    }
    made[name] = join(folder, `${name}.gguf`)
    writeFileSync(made[name], bytes)
  }
  const rounded = (step: number) => (values: Int8Array) => {
    for (const [i, value] of values.entries())
      values[i] = Math.max(-128, Math.min(127 - (127 % step), Math.round(value / step) * step))
  }
  make('weights of 4 bits', rounded(16))
  make('weights of 6 bits', rounded(4))
  const layers = Number(checkGguf(new Uint8Array(readFileSync(modelPath))).facts.get('llama.block_count'))
  make('half of the layers', (values, tensor) => {
    const layer = /^blk\.(\d+)\.(attn_output|ffn_down)\./.exec(tensor)?.[1]
    if (layer !== undefined && Number(layer) >= layers / 2) values.fill(0)
  })
  return made
}

async function answered(model: string, kernels: string | null, texts: readonly string[]): Promise<Done> {
  return ask({ model, kernels, items: texts.map((line) => ({ text: line, claim: null })) })
}

/** The windows, as this machine's kernels see them. */
async function scored(texts: readonly string[], claims: readonly Claim[]): Promise<(Score | null)[]> {
  const items = texts.map((line, i) => ({ text: line, claim: claims[i]! }))
  const { scores: found } = await ask({ model: modelPath, kernels: null, items })
  const windows: (Score | null)[] = []
  for (let at = 0; at < found.length; at += windowAnswers) {
    const window = found.slice(at, at + windowAnswers)
    windows.push(window.includes(null) ? null : sumOf(window as Score[]))
  }
  return windows
}

/** By two processes at a time, each with every other item. */
async function ask({ items, ...how }: Work): Promise<Done> {
  const [even, odd] = await Promise.all(
    [0, 1].map((first) => askOne({ ...how, items: items.filter((_, i) => i % 2 === first) })),
  )
  const joined = <One>(a: readonly One[], b: readonly One[]) =>
    Array.from({ length: a.length + b.length }, (_, i) => (i % 2 === 0 ? a : b)[i >> 1]!)
  return {
    claims: joined(even!.claims, odd!.claims),
    scores: joined(even!.scores, odd!.scores),
    cpuMs: even!.cpuMs + odd!.cpuMs,
  }
}

async function askOne(work: Work): Promise<Done> {
  const child = spawn(process.execPath, [worker], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(work))
  return JSON.parse(await text(child.stdout)) as Done
}

function meanOf(windows: Windows['windows'], name: 'gap' | 'difference'): string {
  const sum = sumOf(windows.filter((window) => window !== null))
  return (sum[name] / Math.max(1, sum.tokens)).toExponential(1)
}

/** Letters as the model knows them: templates of its training, with other words each time. */
function letters(seed: number, count: number): string[] {
  const prng = new RandomStream(sha256, Uint8Array.of(seed), 'letters')
  const one = (list: string) => {
    const words = list.split(' ')
    return words[prng.below(words.length)]!
  }
  return Array.from({ length: count }, () => {
    const [goods, name] = [
      one('lamps curtains kettles chairs tyres books phones tables shoes'),
      one('Anna Bob Carla David Elena Frank'),
    ]
    const date = `${1 + prng.below(28)} ${one('January March May July October December')}`
    const number = 2 + prng.below(18)
    const templates = [
      `Invoice ${1000 + prng.below(9000)}: ${number} ${goods} at ${3 + prng.below(90)} euros each, due ${date}. Pay to ${name}.`,
      `${name} sent us a statement: we owe ${20 + prng.below(900)} euros for ${goods} by ${date}.`,
      `The ${goods} arrived broken and ${name} never answered my letter of ${date}. I want my money back.`,
      `Please book ${number} rooms for ${name} from ${date}, with breakfast.`,
      `I would like to reserve a table for ${number} on ${date}, under the name ${name}.`,
      `Thank you, ${name}! The ${goods} are wonderful and came before ${date}.`,
    ]
    return templates[prng.below(templates.length)]!
  })
}
