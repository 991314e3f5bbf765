/**
 * The files of the page: those of src/console as they are, and three libraries as their packages have them, which are all read when the
 * node starts. Browsers do not know what a bare `'preact'` is, and the page's policy forbids the inline script that would tell them, so
 * such names are replaced by paths here.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Hono, MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { AppEnv } from '../app-context.ts'

/** As deep below the package in src as in dist. */
const folder = new URL('../../../src/console/', import.meta.url)

/** Each file of a library, by what it is called in imports, and below /console/. */
const libraries: Readonly<Record<string, { readonly name: string; readonly path: string }>> = {
  preact: { name: 'preact.js', path: 'preact/dist/preact.mjs' },
  'preact/hooks': { name: 'hooks.js', path: 'preact/hooks/dist/hooks.mjs' },
  htm: { name: 'htm.js', path: 'htm/dist/htm.mjs' },
  uplot: { name: 'uplot.js', path: 'uplot/dist/uPlot.esm.js' },
}
const styles = { name: 'uplot.css', path: 'uplot/dist/uPlot.min.css' }

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

interface StaticFile {
  readonly body: string
  readonly etag: string
  readonly type: string
}

export function staticRoutes(app: Hono<AppEnv>): void {
  const files = readFiles()
  const headers = pageHeaders()
  app.use('/', headers)
  app.use('/console/*', headers)
  for (const [name, { body, etag, type }] of files)
    app.get(name === 'index.html' ? '/' : `/console/${name}`, (c) => {
      const known = { etag, 'cache-control': 'no-cache' }
      if (c.req.header('if-none-match') === etag) return c.body(null, 304, known)
      return c.body(body, 200, { ...known, 'content-type': type })
    })
}

/** Nothing comes from elsewhere, nothing is shown elsewhere, and nothing that is written into the page is a script. */
function pageHeaders(): MiddlewareHandler<AppEnv> {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
    // There is no TLS here; a proxy that has it says so itself.
    strictTransportSecurity: false,
    xFrameOptions: 'DENY',
    referrerPolicy: 'no-referrer',
    permissionsPolicy: { camera: false, geolocation: false, microphone: false },
  })
}

function readFiles(): Map<string, StaticFile> {
  const own = readdirSync(folder).filter((name) => extname(name) in types)
  const files = new Map<string, StaticFile>()
  const add = (name: string, text: string) => {
    const body = name.endsWith('.js') ? withPaths(text) : text
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    files.set(name, { body, etag, type: types[extname(name)]! })
  }
  for (const name of own) add(name, readFileSync(new URL(name, folder), 'utf8'))
  for (const { name, path } of [...Object.values(libraries), styles])
    add(name, readFileSync(pathOf(path), 'utf8'))
  const licences = ['preact', 'htm', 'uplot'].map(
    (name) => `${name}\n\n${readFileSync(pathOf(`${name}/LICENSE`), 'utf8')}`,
  )
  add('licences.txt', licences.join('\n\n'))
  return files
}

/** Packages say which of their files may be imported; these are read. */
function pathOf(path: string): string {
  const [name] = path.split('/')
  const main = fileURLToPath(import.meta.resolve(name!))
  return main.slice(0, main.lastIndexOf(`/${name}/`) + 1) + path
}

function withPaths(source: string): string {
  return source
    .replaceAll(/\bfrom\s*(["'])([a-z/]+)\1/g, (whole, _, name: string) =>
      Object.hasOwn(libraries, name) ? `from "./${libraries[name]!.name}"` : whole,
    )
    .replace(/\n?\/\/# sourceMappingURL=.*/, '')
}
