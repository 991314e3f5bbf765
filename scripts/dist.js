/**
 * Before `npm pack`: makes `dist` anew from `src`, and the types of what programs import. In plain JavaScript, since whatever Node runs npm
 * runs this.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.js'
import { writeDeclarations } from './declarations.js'

/** Throws Error when the sources cannot be bundled, or the types of the package's exports name something of its inside. */
export async function makeDist(dist) {
  await bundle(dist)
  writeDeclarations(dist)
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await makeDist(join(fileURLToPath(new URL('..', import.meta.url)), 'dist'))
