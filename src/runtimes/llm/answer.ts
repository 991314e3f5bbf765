/** Answers as records, and the claims in them that others can check. */
import { parseJson } from '../../base/json.ts'
import type { Claim, Completion, Sampling } from '../llama/llama.ts'
import type { RecordOutput, UnitCount } from '../runtime.ts'

/** An answer as a record. */
export function outputOf(
  { grammar }: Sampling,
  promptTokens: number,
  answer: Pick<Completion, 'text' | 'tokens' | 'finish' | 'claim'>,
): RecordOutput & { readonly units: UnitCount } {
  // The tokenizers of Llama's first models begin each text with a blank. JSON has none around it.
  const text = grammar === undefined ? answer.text.trimStart() : answer.text.trim()
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: answer.tokens,
    total_tokens: promptTokens + answer.tokens,
  }
  const { finish, claim } = answer
  const claimed = claim && { tokens: claim.ids, logprobs: claim.logProbs }
  const output = JSON.stringify({ text, finish_reason: finish, usage, ...claimed })
  const units = { input: promptTokens, output: answer.tokens }
  return { output: new TextEncoder().encode(output), text, units }
}

/** Null where it has no claim that anybody could check. */
export function claimIn(output: Uint8Array): Claim | null {
  let parsed: unknown
  try {
    parsed = parseJson(utf8.decode(output), 4)
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) return null
  const { tokens, logprobs } = parsed as Record<string, unknown>
  if (!Array.isArray(tokens) || !Array.isArray(logprobs)) return null
  const isClaim =
    tokens.length > 0 &&
    tokens.length === logprobs.length &&
    tokens.every((id) => Number.isInteger(id) && id >= 0) &&
    logprobs.every((value) => typeof value === 'number' && value <= 0)
  return isClaim ? { ids: tokens as number[], logProbs: logprobs as number[] } : null
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
