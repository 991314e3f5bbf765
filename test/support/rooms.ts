/**
 * Circles between the rooms of the house. A folder under `src` is a room, and so is each file that stands directly in one
 * of the six top folders but `base`. Biome's noImportCycles sees circles of files; two folders may need each other
 * through different files all the same, and then neither can be read, tested or moved without the other.
 *
 * Imports of types count: to understand a file is to open them, too.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Sources by path, relative to `src`. */
export type House = ReadonlyMap<string, string>

const topFolders = new Set(['protocol', 'host', 'cli', 'simulator', 'runtimes'])
const importPattern = /\b(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g

export function readHouse(src: string): House {
  const paths = globSync('**/*.{ts,mts}', { cwd: src }).sort()
  return new Map(paths.map((path) => [path, readFileSync(join(src, path), 'utf8')]))
}

/** Every circle as its rooms in order, with the imports that close it, as `file -> file`. */
export function circlesOf(house: House): string[] {
  const arrows = arrowsOf(house)
  return stronglyConnected(arrows)
    .filter((rooms) => rooms.length > 1)
    .map((rooms) => {
      const imports = rooms.flatMap((from) => rooms.flatMap((to) => arrows.get(from)?.get(to) ?? []))
      return `${rooms.toSorted().join(', ')}: ${imports.toSorted().join('; ')}`
    })
}

type Arrows = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

function arrowsOf(house: House): Arrows {
  const arrows = new Map<string, Map<string, string[]>>()
  for (const [path, source] of house)
    for (const [, imported] of source.matchAll(importPattern)) {
      const target = join(dirname(path), imported!)
      const [from, to] = [roomOf(path), roomOf(target)]
      if (from === to) continue
      const leaving = arrows.get(from) ?? new Map<string, string[]>()
      arrows.set(from, leaving.set(to, [...(leaving.get(to) ?? []), `${path} -> ${target}`]))
    }
  return arrows
}

function roomOf(path: string): string {
  const folder = dirname(path)
  return topFolders.has(folder) ? path : folder
}

/** Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972). */
function stronglyConnected(arrows: Arrows): string[][] {
  const numbers = new Map<string, number>()
  const stack: string[] = []
  const components: string[][] = []
  /** Returns the least number that the room reaches among those on the stack. */
  const visit = (room: string): number => {
    const number = numbers.size
    let least = number
    numbers.set(room, number)
    stack.push(room)
    for (const next of arrows.get(room)?.keys() ?? [])
      if (!numbers.has(next)) least = Math.min(least, visit(next))
      else if (stack.includes(next)) least = Math.min(least, numbers.get(next)!)
    if (least === number) components.push(stack.splice(stack.indexOf(room)))
    return least
  }
  for (const room of arrows.keys()) if (!numbers.has(room)) visit(room)
  return components
}
