/** Before this node pays for jobs that were submitted elsewhere with its key: the node that pays for them must not be there. */
import type { PeerId } from '../../protocol/ids.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { RequestError } from '../errors.ts'
import { sha256 } from '../sha256.ts'
import type { Parts } from './parts.ts'

/** Throws RequestError. */
export function mayTakeOver({
  desk: { payer },
  store,
  membership,
  network,
  identity: { key },
}: Pick<Parts, 'desk' | 'store' | 'membership' | 'network' | 'identity'>): void {
  const payers = new Set<PeerId>()
  for (const job of payer.elsewhere()) {
    const record = store.journal.get(job)
    const first = record && openManifest(record, sha256, () => true).payload.stewards[0]?.peer
    if (first !== undefined && first !== key.peerId) payers.add(first)
  }
  const doubt = payer.doubt()
  if (doubt?.why === 'yielded') payers.add(doubt.to)
  // One that has said goodbye is known a while longer.
  const known = membership.everybody().flatMap(({ peer, mode }) => (mode === 'stop' ? [] : [peer]))
  const there = new Set([...known, ...network.connectedPeers()])
  for (const peer of payers)
    if (there.has(peer))
      throw new RequestError(
        `the node ${peer}, which pays for jobs of this key, is in the mesh: settle there; to pay from here, stop it first (an advert of it may be known for three minutes after that)`,
      )
}
