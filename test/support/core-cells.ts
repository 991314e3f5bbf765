/** Members and digests of cells, for tests of the core. */
import type { Digest } from '../../src/protocol/cells/digest.ts'
import type { Member } from '../../src/protocol/cells/member.ts'
import type { CellId } from '../../src/protocol/ids.ts'
import { capacityOf } from '../../src/simulator/fixtures.ts'
import { ownerNamed, peerNamed, sha256 } from './core-fakes.ts'

export function digestOf(cell: string, more: Partial<Digest> = {}): Digest {
  return {
    cell: cell as CellId,
    isRegion: false,
    cells: 1,
    members: 128,
    owners: 100,
    deeper: 0,
    beside: 0,
    above: 0,
    engines: [],
    charter: null,
    proofs: sha256(new Uint8Array(0)),
    address: '/ip4/192.0.2.1/tcp/4001',
    ...more,
  }
}

export function memberAt(name: string, key: number, more: Partial<Member> = {}): Member {
  return {
    ...capacityOf({
      peer: peerNamed(name),
      owner: ownerNamed(`owner of ${name}`),
      reach: 'direct',
      addresses: [`/dns4/${name}/tcp/1`],
    }),
    key,
    ...more,
  }
}
