/**
 * Before `npm pack`: writes the types of the library into dist, those of its two doors and of what they name, and no others. A door that
 * names a type of the node's inside fails here, since that inside may change with any version. In plain JavaScript, as npm runs it by
 * whatever Node it has.
 *
 *   node scripts/declarations.js [folder, by default dist]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The modules of package.json's `exports`. */
const doors = ['index', 'runtimes/define']

/** Where types may come from: the library's own, and the contract of runtimes. */
const isPublic = (module) =>
  module === 'index' || module === 'host/errors' || /^library\/|^runtimes\/[a-z-]+$/.test(module)

/** Returns the declarations by module. Throws Error for a type of the inside. */
export function declarationsIn(folder) {
  const texts = new Map()
  const waiting = [...doors]
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    if (texts.has(module)) continue
    if (!isPublic(module)) throw new Error(`the library's types name the node's inside: ${module}`)
    const text = readFileSync(join(folder, `${module}.d.ts`), 'utf8')
    for (const [, named] of text.matchAll(/(?:from|import\() ?['"]([^'"]+)['"]/g)) {
      if (!named.startsWith('.')) throw new Error(`the library's types name another package: ${named}`)
      waiting.push(normalize(join(dirname(module), named)).replace(/\.ts$/, ''))
    }
    texts.set(module, text.replaceAll(/(['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2'))
  }
  return texts
}

/** Throws Error. */
export function writeDeclarations(target) {
  const folder = mkdtempSync(join(tmpdir(), 'carpool-declarations-'))
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    // Types were checked when dist was compiled. Of some modules of the inside none can be written, which is said and does no harm.
    const emit = ['--declaration', '--emitDeclarationOnly', '--noCheck', '--outDir', folder]
    spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...emit], { cwd: root })
    for (const [module, text] of declarationsIn(folder)) {
      const path = join(target, `${module}.d.ts`)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeDeclarations(resolve(process.argv[2] ?? join(root, 'dist')))
