/**
 * Names the class of CPUs within which native inference is bit-equal.
 *
 * ONNX Runtime picks its kernels at run time by CPU features, and each pick sums floats in another order.
 * Measured on this pipeline's two models: AVX-512, AVX2 with FMA and SSE differ from each other by up to 2e-5,
 * plain AVX equals SSE. They keep a name each nevertheless, since nothing promises that equality. Vendors do not matter: the
 * dispatch reads features only. VNNI does not either, it serves int8 alone. Not read on other systems than
 * Linux: there the class is the architecture with the system's name, which is right only while all their
 * machines agree.
 */
import { readFileSync } from 'node:fs'

export function instructionSet(): string {
  const cpuInfo = readCpuInfo()
  if (cpuInfo === undefined) return `${architectureName(process.arch)}-${process.platform}`
  return instructionSetOf(process.arch, cpuInfo)
}

/** From the text of /proc/cpuinfo; the first processor speaks for all. */
export function instructionSetOf(arch: string, cpuInfo: string): string {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo)?.[1] ?? ''
  const features = new Set(line.trim().split(/\s+/))
  const hasAll = (...names: readonly string[]): boolean => names.every((name) => features.has(name))
  const name = architectureName(arch)
  if (arch === 'x64') {
    if (hasAll('avx512f', 'avx512bw', 'avx512dq', 'avx512vl')) return `${name}-avx512`
    if (hasAll('avx2', 'fma')) return `${name}-avx2`
    if (hasAll('avx')) return `${name}-avx`
    return `${name}-sse`
  }
  if (arch === 'arm64') {
    if (hasAll('sme')) return `${name}-sme`
    if (hasAll('sve')) return `${name}-sve`
  }
  return name
}

function architectureName(arch: string): string {
  return arch === 'x64' ? 'x86-64' : arch
}

function readCpuInfo(): string | undefined {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return undefined
  }
}
