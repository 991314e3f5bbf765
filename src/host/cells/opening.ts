/** Opens what comes from other cells: adverts and digests, each checked completely, and vouched for by the fleet where there is one. */

import { z } from 'zod'
import { digestTtlMs } from '../../protocol/cell-limits.ts'
import { type DigestNotice, type HeardDigest, openDigest } from '../../protocol/cells/digest.ts'
import type { Member } from '../../protocol/cells/member.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { clockSkewMaxMs } from '../../protocol/limits.ts'
import { isUntimely, openAdvert } from '../../protocol/membership/advert.ts'
import type { Fleet } from '../../protocol/membership/fleet.ts'
import { decodeCbor } from '../../protocol/record/block.ts'
import { malformed, type SignedRecord, signedRecordSchema } from '../../protocol/record/record.ts'
import { sha256 } from '../sha256.ts'
import { verifyAgain, verifyByPeerId } from '../store/keys.ts'
import { memberOf } from './contacts.ts'

/** A digest, a credential, and the names of both. */
const noticeBytesMax = 4 * 1024
const noticeSchema: z.ZodType<DigestNotice> = z.strictObject({
  digest: signedRecordSchema,
  credential: signedRecordSchema.nullable(),
})

/** The members whose adverts hold; those that do not are left out. `fleet`: null in an open mesh. */
export function openMembers(
  records: readonly SignedRecord[],
  fleet: Pick<Fleet, 'vouch'> | null,
  nowMs: number,
): { readonly member: Member; readonly record: SignedRecord }[] {
  return records.flatMap((record) => {
    try {
      const advert = openAdvert(record, sha256, verifyByPeerId, nowMs, verifyAgain)
      if (isUntimely(advert, nowMs)) return []
      fleet?.vouch(advert.credential, advert.peer, advert.owner, nowMs)
      return [{ member: memberOf(advert), record }]
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return []
    }
  })
}

/** Throws ProtocolError where the digest is not what it should be, or its speaker is not of the fleet. */
export function openNotice(
  bytes: Uint8Array,
  fleet: Pick<Fleet, 'vouch'> | null,
  nowMs: number,
): HeardDigest {
  const notice = noticeSchema.safeParse(decodeCbor('digest', bytes, noticeBytesMax))
  if (!notice.success) throw malformed('digest', notice.error)
  const heard = openDigest(notice.data, sha256, verifyByPeerId)
  const isLong = heard.expiresMs > nowMs + digestTtlMs + clockSkewMaxMs
  if (isLong) throw new ProtocolError({ code: 'malformed', what: 'digest', why: 'it lives for too long' })
  fleet?.vouch(notice.data.credential, heard.speaker.peer, heard.speaker.owner, nowMs)
  return heard
}
