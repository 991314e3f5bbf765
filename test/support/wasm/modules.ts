/**
 * The WASI commands of the tests, assembled from the .wat beside this file. In milliseconds, unlike a
 * compiler, and readable, unlike a committed binary.
 */
import { readFileSync } from 'node:fs'
import wabt from 'wabt'

/** Assembles `<name>.wat`. */
export function wasmModule(name: string): Promise<Uint8Array> {
  return assemble(readFileSync(new URL(`./${name}.wat`, import.meta.url), 'utf8'))
}

export async function assemble(wat: string): Promise<Uint8Array> {
  const { parseWat } = await wabt()
  const everything = { simd: true, relaxed_simd: true, threads: true, exceptions: true, memory64: true }
  // As bytes, because wabt 1.0.39 counts a string's characters where it copies its bytes.
  const module = parseWat('test.wat', new TextEncoder().encode(wat), everything)
  try {
    return module.toBinary({}).buffer
  } finally {
    module.destroy()
  }
}

export const noOpModule = () => wasmModule('no-op')
export const echoModule = () => wasmModule('echo')
export const wordCountModule = () => wasmModule('word-count')

/** A command whose `_start` is so many blocks within each other. Put together here, since wabt cannot read so many. */
export function nestedModule(blocks: number): Buffer {
  const number = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)]
  const sized = (body: Buffer) => Buffer.concat([Buffer.from(number(body.byteLength)), body])
  const section = (id: number, body: Buffer) => Buffer.concat([Buffer.from([id]), sized(body)])
  const [block, end] = [Buffer.from([0x02, 0x40]), Buffer.from([0x0b])]
  const code = Buffer.concat([
    Buffer.alloc(1),
    Buffer.alloc(2 * blocks, block),
    Buffer.alloc(blocks, end),
    end,
  ])
  return Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0'),
    section(1, Buffer.from([1, 0x60, 0, 0])),
    section(3, Buffer.from([1, 0])),
    section(5, Buffer.from([1, 0, 1])),
    section(7, Buffer.from('\x02\x06_start\0\0\x06memory\x02\0')),
    section(10, Buffer.concat([Buffer.from([1]), sized(code)])),
  ])
}
