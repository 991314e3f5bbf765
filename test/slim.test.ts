/** All that `npm ci` leaves on the disk: the parts of packages that this machine loads, and no others. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { slim } from '../scripts/slim.js'
import { temporaryDirectory } from './support/store.ts'

const { platform, arch } = process
const needed = [
  `onnxruntime-node/bin/napi-v6/${platform}/${arch}/onnxruntime_binding.node`,
  'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'onnxruntime-web/dist/ort.wasm.bundle.min.mjs',
  `node-${platform}-${arch}/bin/node`,
  `@node-llama-cpp/${platform}-${arch}/bins/addon.node`,
  '@other/package/index.js',
]
const unneeded = [
  'onnxruntime-node/bin/napi-v6/win32/x64/onnxruntime.dll',
  `onnxruntime-node/bin/napi-v6/${platform}/mips/onnxruntime_binding.node`,
  'onnxruntime-web/dist/ort-wasm-simd-threaded.jsep.wasm',
  `node-${platform}-${arch}/include/node.h`,
  '@node-llama-cpp/linux-mips/bins/addon.node',
]

test('parts of packages for other machines are deleted, and all else stays, also where a link leads', (t) => {
  const modules = join(temporaryDirectory(t), 'node_modules')
  for (const path of [...needed, ...unneeded]) {
    mkdirSync(dirname(join(modules, path)), { recursive: true })
    writeFileSync(join(modules, path), '')
  }
  const link = `${modules}-link`
  symlinkSync(modules, link)
  slim(link)
  assert(unneeded.every((path) => existsSync(join(modules, path))))
  slim(modules)
  slim(modules)
  for (const path of needed) assert(existsSync(join(modules, path)), path)
  for (const path of unneeded) assert(!existsSync(join(modules, path)), path)
})

test('a package that looks otherwise than we know it is left alone', (t) => {
  const modules = join(temporaryDirectory(t), 'node_modules')
  const path = join(modules, 'onnxruntime-web/dist/another.mjs')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, '')
  slim(modules)
  assert(existsSync(path))
})
