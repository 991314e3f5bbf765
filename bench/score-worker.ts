/** One process of the bench of scores: answers prompts by some kernels, or scores claimed answers; a process has one kind of kernels. */
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { checkGguf } from '../src/runtimes/gguf/check.ts'
import type { Claim, Sampling } from '../src/runtimes/llama/llama.ts'
import { startAddon } from '../src/runtimes/llama/native/addon.ts'
import { nativeLlamaFolder } from '../src/runtimes/llama/native/binary.ts'
import { NativeLlama } from '../src/runtimes/llama/native/native-llama.ts'
import type { ClaimScore } from '../src/runtimes/runtime.ts'

export interface Work {
  readonly model: string
  /** Null: the fastest of this machine. */
  readonly kernels: string | null
  /** Texts of users, each with the claim to score; null: to answer. */
  readonly items: readonly { readonly text: string; readonly claim: Claim | null }[]
}

export interface Done {
  readonly claims: readonly Claim[]
  /** Null: no answer. */
  readonly scores: readonly (ClaimScore | null)[]
  /** Milliseconds of processor time. */
  readonly cpuMs: number
}

const sampling: Sampling = { tokensMax: 40, temperature: 0, topP: 1, seed: 0, stop: [], grammar: undefined }

const work = JSON.parse(await text(process.stdin)) as Work
const folder = nativeLlamaFolder()!
await startAddon(folder, work.kernels)
const header = checkGguf(new Uint8Array(readFileSync(work.model)))
const settings = { contextTokens: 512, batchTokens: 128 }
const llama = new NativeLlama({ path: work.model, header, settings }, { folder })
await llama.open()
const claims: Claim[] = []
const scores: (ClaimScore | null)[] = []
const before = process.cpuUsage()
for (const { text: content, claim } of work.items) {
  const prompt = await llama.promptOf([{ role: 'user', content }])
  if (claim === null) claims.push((await llama.complete(prompt, sampling)).claim!)
  else scores.push((await llama.score(prompt, sampling, claim))?.score ?? null)
}
const { user, system } = process.cpuUsage(before)
const done: Done = { claims, scores, cpuMs: (user + system) / 1000 }
process.stdout.write(JSON.stringify(done), () => process.exit(0))
