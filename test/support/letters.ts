/** The letters that come along: a small language model, requests for it, and the right answers. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checkGguf } from '../../src/runtimes/gguf/check.ts'

const pathOf = (file: string) => fileURLToPath(new URL(`../../samples/letters/${file}`, import.meta.url))

export const lettersModelPath = pathOf('letters.q8_0.gguf')
const letterPromptsPath = pathOf('prompts.jsonl')

export interface LetterLine {
  readonly custom_id: string
  readonly body: Readonly<Record<string, unknown>> & {
    readonly messages: readonly { readonly role: string; readonly content: string }[]
  }
}

export function lettersModel(): Uint8Array {
  return new Uint8Array(readFileSync(lettersModelPath))
}

export function letterLines(): LetterLine[] {
  return linesOf<LetterLine>(letterPromptsPath)
}

/** The categories, in the order of the lines. */
export function letterCategories(): string[] {
  return linesOf<{ category: string }>(pathOf('truth.jsonl')).map(({ category }) => category)
}

function linesOf<Line>(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** The letters' model with another template, which is filled up with blanks to the length of its own. */
export function withTemplate(template: string): Uint8Array {
  const model = Buffer.from(lettersModel())
  const own = String(checkGguf(model).facts.get('tokenizer.chat_template'))
  assert(template.length + 4 <= own.length)
  model.write(`${template}{#${' '.repeat(own.length - template.length - 4)}#}`, model.indexOf(own))
  return new Uint8Array(model)
}
