/** The abilities of a terminal: so many columns, and with some locales no more than ASCII. */

export interface Terminal {
  /** Infinity: it is none, and nothing is cut. */
  readonly columns: number
  /** False: our own dashes, quotes and dots have to be ASCII. */
  readonly isUnicode: boolean
}

/** A pipe or a file gets everything, whatever the locale. */
export function terminalOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number } = process.stdout,
  { LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv = process.env,
): Terminal {
  if (stream.isTTY !== true) return { columns: Number.POSITIVE_INFINITY, isUnicode: true }
  // Some that hang on a serial line say 0.
  return { columns: stream.columns || 80, isUnicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') }
}

const asciiFor: Readonly<Record<string, string>> = {
  '…': '...',
  '–': '-',
  '—': '-',
  '’': "'",
  '‘': "'",
  '“': '"',
  '”': '"',
  '×': 'x',
  '·': '-',
  '≤': '<=',
  '≥': '>=',
  '→': '->',
}

/** The words of others, such as names, stay as they are: nothing of them has a likeness that would do. */
export function asciiOf(text: string): string {
  return text.replaceAll(/[…–—’‘“”×·≤≥→]/g, (letter) => asciiFor[letter]!)
}

/** Code points; wide letters would need a table of their own. */
export function widthOf(text: string): number {
  return [...text].length
}

/** Says by its last letter that there was more. */
export function cut(text: string, columns: number, { isUnicode }: Pick<Terminal, 'isUnicode'>): string {
  const letters = [...text]
  if (letters.length <= columns) return text
  return `${letters.slice(0, Math.max(0, columns - 1)).join('')}${isUnicode ? '…' : '~'}`
}

/** Breaks a line at spaces, and words that are too long anywhere; what follows is indented by so much. Nothing is lost but spaces. */
export function fold(text: string, columns: number, indent = 0): string[] {
  const lines: string[] = []
  let rest = [...text]
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns)
    // A space so far left would leave a line with next to nothing in it.
    const end = space > indent + (columns - indent) / 3 ? space : columns
    lines.push(rest.slice(0, end).join('').trimEnd())
    const after = rest.slice(end).join('').trimStart()
    if (after === '') return lines
    rest = [...' '.repeat(indent), ...after]
  }
  return [...lines, rest.join('')]
}
