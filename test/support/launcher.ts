/** The programs that tests start: from the bundle, as it is published, where the whole suite runs; else from the sources. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bundle = process.env.TEST_BUNDLE

/** The path of `carpool`. */
export const launcher: string =
  bundle === undefined
    ? fileURLToPath(new URL('../../bin/carpool.js', import.meta.url))
    : join(bundle, 'bin/carpool.js')

/**
 * The program of a node whose slots compute nothing and take their time (paced-node.ts). All nodes of a job run it, or
 * none: it has an engine of its own.
 */
export const pacedProgram: string =
  bundle === undefined
    ? fileURLToPath(new URL('./paced-node.ts', import.meta.url))
    : join(bundle, 'dist/paced-node.js')
