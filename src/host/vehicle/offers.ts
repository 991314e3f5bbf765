/**
 * Reads the records that come along with a steward's offer or adoption, which are kept if the worker takes them up; and those by which a
 * job is shown to be over.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { openCancellation } from '../../protocol/job/cancellation.ts'
import { type Handover, openHandover } from '../../protocol/job/handover.ts'
import { type Lease, openLease } from '../../protocol/job/lease.ts'
import { type Manifest, openManifest } from '../../protocol/job/manifest.ts'
import { openEnd } from '../../protocol/job/verdict.ts'
import type { Message } from '../../protocol/message.ts'
import type { ShownEnd } from '../../protocol/worker/shown-end.ts'
import type { Signed } from '../ledger/receivables-driver.ts'
import { unwrapAsCandidate } from '../sealing/blind-keys.ts'
import { sha256 } from '../sha256.ts'
import { type SigningKey, verifyByPeerId } from '../store/keys.ts'

export interface Brought {
  readonly manifest: Signed<Manifest>
  readonly handovers: readonly Signed<Handover>[]
  /** With the keys of its shards, which this node can use. */
  readonly lease?: Signed<Lease> & { readonly keys: readonly Uint8Array[] }
}

/** Throws ProtocolError. */
export function openOffer(
  message: Extract<Message, { type: 'offer' }>,
  key: SigningKey,
): Brought & Required<Pick<Brought, 'lease'>> {
  const brought = openAdoption(message)
  const lease = openLease(message.lease, sha256, verifyByPeerId)
  if (message.keys.length !== lease.payload.shards.length)
    throw new ProtocolError({ code: 'malformed', what: 'offer', why: 'not a key for each of its shards' })
  const keys = unwrapped(brought.manifest.content.payload, message.keys, key)
  return { ...brought, lease: { record: message.lease, content: lease, keys } }
}

/** Throws ProtocolError. */
export function openAdoption({
  manifest,
  handovers,
}: Pick<Extract<Message, { type: 'adopt' }>, 'manifest' | 'handovers'>): Brought {
  return {
    manifest: { record: manifest, content: openManifest(manifest, sha256, verifyByPeerId) },
    handovers: handovers.map((record) => ({
      record,
      content: openHandover(record, sha256, verifyByPeerId),
    })),
  }
}

/** Reads the records by which a job is shown to be over. Throws ProtocolError. */
export function openEnding({ end, cancellation }: Extract<Message, { type: 'ended' }>): ShownEnd {
  return {
    end: openEnd(end, sha256, verifyByPeerId),
    cancellation: cancellation && openCancellation(cancellation, sha256, verifyByPeerId),
  }
}

/** As the worker takes them. */
export function contentsOf({ manifest, handovers }: Brought) {
  return { manifest: manifest.content, handovers: handovers.map(({ content }) => content) }
}

/** A blind job's came wrapped by its submitter, for this vehicle. */
function unwrapped({ blind }: Manifest, keys: readonly Uint8Array[], key: SigningKey): readonly Uint8Array[] {
  if (blind === null) return keys
  try {
    return unwrapAsCandidate(key, blind.key, keys)
  } catch (error) {
    throw new ProtocolError({ code: 'malformed', what: 'offer', why: (error as Error).message })
  }
}
