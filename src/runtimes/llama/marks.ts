/**
 * Keeps the texts of users from speaking for the system.
 *
 * A chat becomes one string, in which `<|im_end|>` and its like mark where a message ends. The engine reads these marks wherever they
 * stand, so a text that holds one could end its own message and begin another in the name of somebody else. Between the first letter
 * of such a mark and the rest, a text gets a character without width (U+200B, zero width space): the model still reads the letters,
 * and the engine no mark. Texts without marks stay as they are.
 */
import { type GgufHeader, wholeNumbersOf } from '../gguf/header.ts'

/** llama.cpp's types of tokens whose text is a mark: unknown, and control. */
const markTypes = [2, 3]

/** Those that llama.cpp takes for the end of a text by their letters, whatever their type, and all that look like them. */
const markPattern =
  /^(<\|.*\|>|<｜.*｜>|<\/?s>|<(start|end)_of_turn>|<eos>|<bos>|<EOT>|_<EOT>|< EOT >|\[\/?INST\])$/

const gap = '\u200b'

/** The texts that the engine reads as marks, the longest first. `bytes`: of the file. */
export function marksOf({ facts }: GgufHeader, bytes: Uint8Array): readonly string[] {
  const pieces = facts.get('tokenizer.ggml.tokens')
  if (!Array.isArray(pieces)) return []
  const list = pieces as readonly string[]
  const types = wholeNumbersOf(bytes, facts.get('tokenizer.ggml.token_type'), list.length)
  const marks = list.filter(
    (piece, id) => [...piece].length > 1 && (markTypes.includes(types?.[id] ?? 0) || markPattern.test(piece)),
  )
  return [...new Set(marks)].sort((a, b) => b.length - a.length)
}

/** The text without marks. */
export function withoutMarks(text: string, marks: readonly string[]): string {
  let clean = text
  for (const mark of marks) {
    if (!clean.includes(mark)) continue
    const [first = ''] = mark
    clean = clean.replaceAll(mark, () => `${first}${gap}${mark.slice(first.length)}`)
  }
  return clean
}
