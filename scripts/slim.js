/**
 * After `npm ci` in a checkout: deletes the parts of installed packages that no machine of this kind ever loads. Those are builds for other
 * systems, builds for browsers and GPUs, maps and C headers: 430 of 950 MB. It touches nothing else, and an installation without it works
 * as well. `npm ci --ignore-scripts` keeps all. In plain JavaScript, since whatever Node runs npm runs this.
 */
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folders of packages, each with the names in it that are kept. A folder of which none is there is left alone: it is another version. */
const kept = [
  ['onnxruntime-node/bin/napi-v6', [process.platform]],
  [`onnxruntime-node/bin/napi-v6/${process.platform}`, [process.arch]],
  [
    'onnxruntime-web/dist',
    [
      'ort-wasm-simd-threaded.mjs',
      'ort-wasm-simd-threaded.wasm',
      'ort.wasm.bundle.min.mjs',
      'ort.wasm.min.js',
      'ort.wasm.min.mjs',
    ],
  ],
  [`node-${process.platform}-${process.arch}`, ['LICENSE', 'README.md', 'bin', 'package.json']],
  // The one for ARM64 says that it is for x86-64, too.
  ['@node-llama-cpp', [`${process.platform}-${process.arch}`]],
]

/** `modules`: a folder of installed packages, and no link to that of another checkout. */
export function slim(modules) {
  if (!existsSync(modules) || lstatSync(modules).isSymbolicLink()) return
  for (const [folder, names] of kept) {
    const path = join(modules, folder)
    const there = existsSync(path) ? readdirSync(path) : []
    if (!there.some((name) => names.includes(name))) continue
    for (const name of there)
      if (!names.includes(name)) rmSync(join(path, name), { recursive: true, force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  slim(fileURLToPath(new URL('../node_modules', import.meta.url)))
