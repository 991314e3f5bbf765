/**
 * Before `npm pack`: makes `dist` anew from `src`. Sources are bundled; everything else that a program reads beside them (pages,
 * styles, pictures) is copied. In plain JavaScript, since whatever Node runs npm runs this.
 */
import { cpSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.js'
import { writeDeclarations } from './declarations.js'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Not read by any program. */
const leftOut = ['README.md', 'tsconfig.json']

/** Throws Error when the sources cannot be bundled, or the types of the package's exports name something of its inside. */
export async function makeDist(dist = join(root, 'dist')) {
  await bundle(dist)
  cpSync(join(root, 'src'), dist, {
    recursive: true,
    filter: (path) => !['.ts', '.mts'].includes(extname(path)) && !leftOut.includes(basename(path)),
  })
  writeDeclarations(dist)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeDist()
