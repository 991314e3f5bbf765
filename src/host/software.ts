/** Name and version, as `--version` and adverts say them. */
import { readFileSync } from 'node:fs'

/** The package's own file lies two folders up from src/host and from dist/host alike. */
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

export const version = manifest.version
export const software = `carpool/${version}`
