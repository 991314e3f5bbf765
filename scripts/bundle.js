/**
 * Bundles Carpool as it is published: `node scripts/bundle.js dist`. Further arguments, `path=file`, are further programs.
 *
 * From a checkout a node loads 1,300 modules, of which 780 are packages'. That takes two thirds of the time of its start, and 50 MiB of
 * memory for as long as it lives. The bundle has what is loaded together in one file, and leaves out what nobody calls. In plain
 * JavaScript, since whatever Node npm runs under runs this.
 */
import { join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src') + sep

/** The modules that are started as processes or imported from outside, by their path in the bundle: where they would be if each file were compiled by itself. */
const programs = {
  'index.js': 'src/index.ts',
  'runtimes/define.js': 'src/runtimes/define.ts',
  'cli/main.js': 'src/cli/main.ts',
  'cli/liar.js': 'src/cli/liar.ts',
  'host/supervisor/main.js': 'src/host/supervisor/main.ts',
  'runtimes/main.mjs': 'src/runtimes/main.mts',
}

/** Packages that read files beside their own: WebAssembly, addons, the main of a thread. */
const left = [
  '@cornerstonejs/codec-openjpeg',
  '@embedpdf/pdfium',
  '@energetic-ai/core',
  '@fugood/node-llama-wasm',
  '@jsquash/webp',
  'dbus-native',
  'onnxruntime-node',
  'onnxruntime-web',
  'pino',
  'tesseract-wasm',
  'wabt',
]

/**
 * Writes the bundle into `folder`, which npm's packages must be in or above. `more`: other programs, by their path in the bundle.
 *
 * @param {string} folder
 * @param {Readonly<Record<string, string>>} more
 */
export async function bundle(folder, more = {}) {
  const all = Object.entries({ ...programs, ...more })
  const made = await rolldown({
    cwd: root,
    input: Object.fromEntries(all.map(([path, file]) => [path, join(root, file)])),
    platform: 'node',
    external: left.map((name) => new RegExp(`^${name}(/|$)`)),
    plugins: [places],
    onLog: (_level, { message }) => {
      throw new Error(message)
    },
  })
  await made.write({
    dir: folder,
    cleanDir: true,
    entryFileNames: '[name]',
    chunkFileNames: 'parts/[name]-[hash].js',
  })
  await made.close()
}

/** Keeps true what a module says about where it is: as if each file were compiled by itself. */
const places = {
  name: 'places',
  transform: {
    filter: { code: /\bimport\.meta\b/ },
    /**
     * @param {string} code
     * @param {string} id
     */
    handler(code, id) {
      if (!id.startsWith(source)) return null
      const path = relative(source, id).replaceAll(sep, '/').replace(/ts$/, 'js')
      return code.replaceAll(/\bimport\.meta\.(url|dirname|filename)\b/g, `placeOf("${path}", "$1")`)
    },
  },
  /**
   * @param {string} code
   * @param {{ fileName: string }} chunk
   */
  renderChunk(code, { fileName }) {
    return code.replaceAll(/\bplaceOf\("([^"]+)", "(\w+)"\)/g, (_, path, what) => {
      const from = posix.dirname(fileName)
      const to = posix.relative(from, what === 'dirname' ? posix.dirname(path) : path)
      if (what === 'url') return `new URL(${JSON.stringify(to)}, import.meta.url).href`
      return `process.getBuiltinModule("node:path").join(import.meta.dirname, ${JSON.stringify(to)})`
    })
  },
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = 'dist', ...more] = process.argv.slice(2)
  await bundle(resolve(folder), Object.fromEntries(more.map((one) => one.split('='))))
}
