/**
 * The index in a room's README: each of its files with the first sentence of the comment at the file's head, so that a
 * newcomer sees what is where, and nobody keeps the same sentence twice.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'

/** A room that has more files than this needs a door. */
const filesWithoutDoorMax = 5

/** The folders under `src` that need a README. */
export function roomsWithDoor(root: string): string[] {
  const files = globSync('src/**/*.{ts,mts}', { cwd: root })
  const rooms = Map.groupBy(files, (file) => dirname(file))
  return [...rooms].filter(([, inside]) => inside.length > filesWithoutDoorMax).map(([room]) => room)
}

/** The section "Files" of the room's README. */
export function indexOf(root: string, room: string): string {
  const files = globSync('*.{ts,mts}', { cwd: join(root, room) }).sort()
  const rows = files.map(
    (file) => `| [${basename(file, extname(file))}](${file}) | ${headOf(root, room, file)} |`,
  )
  return ['## Files', '', '| file | |', '|---|---|', ...rows, ''].join('\n')
}

/** Throws where a file says nothing at its head. */
function headOf(root: string, room: string, file: string): string {
  const source = readFileSync(join(root, room, file), 'utf8')
  const comment = /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(source)?.[1]
  if (comment === undefined)
    throw new Error(`${room}/${file} has no comment at its head that says what it is`)
  const [paragraph = ''] = comment
    .replace(/^ *\* ?/gm, '')
    .trim()
    .split(/\n\s*\n/)
  const [sentence] = paragraph.replaceAll(/\s+/g, ' ').split(/(?<=[.:]) (?=[A-Z`\d*])/)
  return sentence!.trim().replace(/:$/, '.').replaceAll('|', '\\|')
}
