/**
 * Before `npm pack`: makes `dist` anew from `src`. Sources are compiled; everything else that a program reads beside them (pages,
 * styles, pictures) is copied. In plain JavaScript, since whatever Node runs npm runs this.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Not read by any program. */
const leftOut = ['README.md', 'tsconfig.json']

/** Throws Error when the sources do not compile. */
export function makeDist(dist = join(root, 'dist')) {
  rmSync(dist, { recursive: true, force: true })
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', dist)
  cpSync(join(root, 'src'), dist, {
    recursive: true,
    filter: (path) => extname(path) !== '.ts' && !leftOut.includes(basename(path)),
  })
  // The types of the package's exports, where it has some.
  if (existsSync(join(root, 'scripts/declarations.js'))) run('scripts/declarations.js', dist)
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${args[0]} ended with ${status}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) makeDist()
