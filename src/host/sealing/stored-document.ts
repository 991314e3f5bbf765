/** A document as it is stored: all of a file, or a part of one that it shares with other small ones; sealed with its own key. */
import type { PageReference } from '../../protocol/job/shard.ts'
import { unseal, unwrapKey } from './sealing.ts'

/** Opens a page's document from the file's bytes, with the key of the page's shard. Throws Unsealable. */
export function openDocument(
  file: Uint8Array,
  { document, slice, key }: Pick<PageReference, 'document' | 'slice' | 'key'>,
  shardKey: Uint8Array,
): Uint8Array {
  const own = unwrapKey(shardKey, key, `the key of document ${document}`)
  const sealed = slice === undefined ? file : file.subarray(slice.offset, slice.offset + slice.bytes)
  return unseal(own, sealed, `document ${document}`)
}
