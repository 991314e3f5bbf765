/**
 * Checks the signatures of many records, on every core, before anybody asks for them.
 *
 * Two thirds of an audit are Ed25519, and it asks for one signature after another. libuv's threads check them all
 * beforehand, and the audit finds the answers there. The signer's name stands inside the body. We guess its place,
 * since decoding takes as long as half a check. A wrong guess looks like a wrong signature, and a signature that was
 * not found right is checked again when the audit asks for it. So nothing is believed that the audit would not have
 * believed by itself.
 */
import type { PeerId } from '../../protocol/ids.ts'
import type { SignedRecord, Verify } from '../../protocol/record/record.ts'
import { verifyByPeerId, verifyOnThread } from '../store/keys.ts'

/** Under way at once: more than any machine has cores, and a few megabytes of promises. */
const batchRecords = 4_096

export async function verifyAhead(records: readonly SignedRecord[]): Promise<Verify> {
  const right = new WeakMap<Uint8Array, { readonly signer: PeerId; readonly signature: Uint8Array }>()
  const check = async ({ body, signature }: SignedRecord): Promise<void> => {
    const signer = guessSigner(body)
    if (signer !== undefined && (await verifyOnThread(signer, body, signature)))
      right.set(body, { signer, signature })
  }
  for (let at = 0; at < records.length; at += batchRecords)
    await Promise.all(records.slice(at, at + batchRecords).map(check))
  return (signer, bytes, signature) => {
    const known = right.get(bytes)
    if (known?.signer === signer && known.signature === signature) return true
    return verifyByPeerId(signer, bytes, signature)
  }
}

/** The length of an Ed25519 peer id in base58. */
const peerIdLength = 52
/** In CBOR: the text 'signer' of 6 bytes, and the head of a text as long as a peer id. */
const label = Buffer.concat([Buffer.of(0x66), Buffer.from('signer'), Buffer.of(0x78, peerIdLength)])

function guessSigner(body: Uint8Array): PeerId | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const at = bytes.indexOf(label)
  if (at === -1) return undefined
  const start = at + label.byteLength
  return bytes.toString('latin1', start, start + peerIdLength) as PeerId
}
