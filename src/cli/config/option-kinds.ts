/** Kinds of options: paths, lists, and choices of words. */
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Option } from './option.ts'

/** When a node does something: by itself where that makes sense, always, or never. */
export type Choice = 'auto' | 'on' | 'off'

/** A file or a folder. */
export function path<Value extends string | null>(
  option: Pick<Option<Value>, 'help' | 'placeholder' | 'fallback' | 'fallbackText'>,
): Option<string | Value> {
  return {
    isList: false,
    expects: 'a path',
    schema: (folder) =>
      z
        .string()
        .min(1)
        .transform((text) => resolve(folder, text)),
    ...option,
  }
}

/** Something that a node does by itself where that makes sense, unless its owner decides. */
export function autoOnOff(help: string): Option<Choice> {
  return choice<Choice>(help, ['auto', 'on', 'off'])
}

/** One of some words; the first, unless somebody says otherwise. */
export function choice<Word extends string>(
  help: string,
  words: readonly [Word, ...Word[]],
  usual: Word = words[0],
): Option<Word> {
  return {
    help,
    placeholder: '<choice>',
    isList: false,
    expects: `one of ${words.join(', ')}`,
    schema: () => z.enum(words) as unknown as z.ZodType<Word>,
    fallback: () => usual,
    fallbackText: usual,
  }
}

/** Several values of a kind. */
export function list({
  item,
  ...option
}: Pick<Option<readonly string[]>, 'help' | 'placeholder' | 'expects' | 'fallback' | 'fallbackText'> & {
  item: z.ZodType<string>
}): Option<readonly string[]> {
  return { isList: true, schema: () => z.array(item), ...option }
}
