/**
 * Reads JSON that a stranger wrote. The engine's own parser follows any depth, and the first thing that walks over the
 * value afterwards (writing it out again, comparing it) then ends the stack. So the depth is counted in the text, before
 * anything is made of it.
 */

/** The text nests deeper than it may. */
export class NestsTooDeep extends Error {
  constructor(depthMax: number) {
    super(`nests deeper than ${depthMax} levels`)
    this.name = 'NestsTooDeep'
  }
}

/** `depthMax`: of arrays and objects inside each other. Throws NestsTooDeep, and SyntaxError for what is no JSON. */
export function parseJson(text: string, depthMax: number): unknown {
  if (nestsDeeper(text, depthMax)) throw new NestsTooDeep(depthMax)
  return JSON.parse(text)
}

/** Passes over brackets inside of strings, and looks at nothing else: whether the text is JSON, its parser says. */
function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at)
        break
      case openBracket:
      case openBrace:
        depth += 1
        if (depth > depthMax) return true
        break
      case closeBracket:
      case closeBrace:
        depth -= 1
        break
    }
  }
  return false
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
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
