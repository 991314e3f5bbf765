/**
 * Reads a bank's XML element by element, and refuses what no bank sends and an attacker would: a document type with its
 * entities, processing instructions, elements without end in each other, texts and files without end.
 */
import { readFileSync, statSync } from 'node:fs'
import sax from 'sax'
import { CommandFailure } from '../failure.ts'

/** A notification of 10,000 transfers takes some 15 MiB. */
const fileBytesMax = 64 * 2 ** 20
/** Messages of ISO 20022 nest some twelve levels deep. */
const depthMax = 32
/** Its longest texts have 500 characters. */
const textCharsMax = 4096
const attributesMax = 16
/** One element among its siblings is a transfer, which is handed over as it comes: what stays is few. */
const childrenMax = 1000

export interface BankElement {
  readonly name: string
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly BankElement[]
}

interface Open extends BankElement {
  text: string
  readonly children: BankElement[]
}

/** Called at the end of each of these elements, with those that it is in, the outermost first; then it is forgotten. */
export type OnElement = (element: BankElement, within: readonly BankElement[]) => void

/**
 * Reads a file of this name, and says each element of these names as it ends. Returns the namespace of its root. Throws
 * CommandFailure, one sentence that names the file and its fault.
 */
export function readBankXml(
  path: string,
  bytes: Uint8Array,
  names: ReadonlySet<string>,
  onElement: OnElement,
): string {
  const fail = (why: string): never => {
    throw new CommandFailure(`${path} is no answer of a bank: ${why}`)
  }
  const text = textOf(bytes, fail)
  const parser = sax.parser(true, { xmlns: true, strictEntities: true } as sax.SAXOptions)
  const stack: Open[] = []
  let namespace: string | undefined
  parser.onerror = (error) => fail(error.message.split('\n')[0]!)
  parser.ondoctype = () => fail('it has a document type, which no bank sends')
  parser.onprocessinginstruction = ({ name }) => {
    if (name !== 'xml') fail(`it has a processing instruction (${name})`)
  }
  parser.onopentag = (tag) => {
    const { local, uri, attributes } = tag as sax.QualifiedTag
    if (stack.length >= depthMax) fail(`its elements nest more than ${depthMax} deep`)
    if (Object.keys(attributes).length > attributesMax) fail('an element has too many attributes')
    if (stack.length === 0) namespace = uri
    const parent = stack.at(-1)
    if (parent !== undefined && parent.children.length >= childrenMax)
      fail(`${parent.name} has more than ${childrenMax} elements`)
    const values = Object.values(attributes).map(({ local: name, value }) => [name, value] as const)
    stack.push({ name: local, text: '', attributes: Object.fromEntries(values), children: [] })
  }
  parser.ontext = parser.oncdata = (part) => {
    const element = stack.at(-1)
    if (element === undefined) return
    if (element.text.length + part.length > textCharsMax)
      fail(`a text has more than ${textCharsMax} characters`)
    element.text += part
  }
  parser.onclosetag = () => {
    const element = stack.pop()!
    element.text = element.text.trim()
    if (names.has(element.name)) onElement(element, stack)
    else stack.at(-1)?.children.push(element)
  }
  parser.write(text).close()
  return namespace ?? fail('it has no element')
}

/** Returns the text of the element at this path below it; '' where there is none. */
export function textAt(element: BankElement | undefined, ...path: readonly string[]): string {
  return elementAt(element, ...path)?.text ?? ''
}

export function elementAt(
  element: BankElement | undefined,
  ...path: readonly string[]
): BankElement | undefined {
  let found = element
  for (const name of path) found = found?.children.find((child) => child.name === name)
  return found
}

/** Throws CommandFailure. */
export function readBankFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path)
    if (size > fileBytesMax)
      throw new CommandFailure(
        `${path} is no answer of a bank: it has more than ${fileBytesMax / 2 ** 20} MiB`,
      )
    return readFileSync(path)
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    throw new CommandFailure(`${path} cannot be read: ${(error as Error).message}`)
  }
}

function textOf(bytes: Uint8Array, fail: (why: string) => never): string {
  const head = Buffer.from(bytes.subarray(0, 128)).toString('latin1')
  const [, encoding = 'utf-8'] =
    /^\W{0,3}<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(head) ?? []
  if (!/^(utf-8|iso-8859-1|iso-8859-15|windows-1252|us-ascii)$/i.test(encoding))
    fail(`its encoding is ${encoding}`)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return fail(`its bytes are not ${encoding}`)
  }
}
