/**
 * Reads JSON that a stranger wrote. The engine's own parser follows any depth, and the first thing that walks over the
 * value afterwards (writing it out again, comparing it) then ends the stack. And each `{}` of a list takes thirty times its
 * letters in memory. So depth and values are counted in the text, before anything is made of it.
 */

/** The text nests deeper than it may, or has more values. */
export class ExcessiveJson extends Error {
  constructor(why: string) {
    super(why)
    this.name = 'ExcessiveJson'
  }
}

/** In a text: twice as many numbers as the longest output of a document has. They take some 200 MB at most. */
const valuesMax = 2 ** 22

/** `depthMax`: of arrays and objects inside each other. Throws ExcessiveJson, and SyntaxError for what is no JSON. */
export function parseJson(text: string, depthMax: number): unknown {
  const excess = excessOf(text, depthMax)
  if (excess !== undefined) throw new ExcessiveJson(excess)
  return JSON.parse(text)
}

/** Passes over signs inside of strings, and looks at nothing else: whether the text is JSON, its parser says. */
function excessOf(text: string, depthMax: number): string | undefined {
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at)
        break
      case openBracket:
      case openBrace:
        depth += 1
        values += 1
        if (depth > depthMax) return `nests deeper than ${depthMax} levels`
        break
      case comma:
        values += 1
        break
      case closeBracket:
      case closeBrace:
        depth -= 1
        break
    }
    if (values > valuesMax) return `has more than ${valuesMax} values`
  }
  return undefined
}

/** The place of the quote that ends the string that begins here; the end of the text if none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1
    if (escapes % 2 === 0) return end
  }
  return text.length
}

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
