/** The job of a council's stage, and the places of its stewards. */
import { fromString } from 'uint8arrays'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import type { Manifest, StewardPlace } from '../../src/protocol/job/manifest.ts'
import { cidNamed, manifestWith, ownerNamed, peerNamed, sha256 } from './core-fakes.ts'
import { parseDuration } from './core-script.ts'
import { paymentOf } from './core-steward-stage.ts'

export function seatOf(name: string): StewardPlace {
  const nonce = sha256(fromString(name)).slice(0, 16)
  return { peer: peerNamed(name), owner: ownerNamed(name), nonce }
}

/** `stewards=a,b shards=3 cost=2000 deadline=1h replicas=2 arbiter=owners`, and what it pays. */
export function councilJobOf(settings: ReadonlyMap<string, string>): {
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
} {
  const number = (name: string, otherwise: number) => Number(settings.get(name) ?? otherwise)
  const count = number('shards', 1)
  const costMs = number('cost', 1_000)
  const manifest = manifestWith({
    shards: { file: cidNamed('shard list'), bytes: 1, count, pages: count },
    deadlineMs: parseDuration(settings.get('deadline') ?? '1h'),
    stewards: (settings.get('stewards') ?? 'a,b').split(',').map(seatOf),
    payment: paymentOf(settings),
    assurance: {
      replicas: number('replicas', 2),
      arbiter: (settings.get('arbiter') ?? 'owners') as Manifest['assurance']['arbiter'],
    },
  })
  const shards = Array.from({ length: count }, (_, i) => ({
    shard: cidNamed(`shard ${i}`),
    pages: 1,
    bytes: 1024,
    costMs,
  }))
  return { manifest, shards }
}
