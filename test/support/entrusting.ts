/** Entrusts a node of a jobs stage with a stranger's job: invites it, and says what the test wants of the job. */
import assert from 'node:assert/strict'
import { JobRows } from '../../src/host/jobs/job-rows.ts'
import { sealCommitment } from '../../src/host/sealing/sealing.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { JobId, OwnerId, PeerId } from '../../src/protocol/ids.ts'
import type { Manifest, StewardPlace } from '../../src/protocol/job/manifest.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import { drawSecret, manifestWith, placeOf } from './core-fakes.ts'
import type { JobsStage } from './jobs-stage.ts'

/** From which the keys of these jobs come. */
export const secret = new Uint8Array(32).fill(7)

/** Invites the node, and gives it the job in which it has this place. */
export async function entrust(
  stage: JobsStage,
  name: string,
  {
    placed = (place: StewardPlace) => place,
    given = secret as Uint8Array | null,
    draws = drawSecret,
    giver = SigningKey.generate(),
    /** The node that says who its steward is: the one that entrusts. */
    from = undefined as PeerId | undefined,
    /** The node invites nobody, and names this place all the same. */
    isInvited = true,
    nonce = sha256(Buffer.from(name)).slice(0, 16),
    deadlineMs = stage.clock.now() + 3_600_000,
    first = undefined as PeerId | undefined,
    /** Called with all of it, before it is said. */
    before = async () => {},
    /** All else that is different in the manifest. */
    changes = {} as Partial<Manifest>,
    /** Is given what entrusts it once more. */
    keep = (_again: () => void) => {},
  } = {},
): Promise<JobId> {
  if (isInvited) {
    stage.jobs.hear(giver.peerId, { type: 'invite', nonce, bytes: 1, place: null })
    const { message } = await stage.untilSaid(({ to }) => to === giver.peerId)
    // It may have said yes before it said no.
    assert(message.type === 'willing' || message.type === 'unwilling')
  }
  const place: StewardPlace = { peer: stage.key.peerId, owner: 'me' as OwnerId, nonce }
  const manifest = manifestWith({
    category: name.replaceAll(' ', '-'),
    seal: { nonce, commitment: sealCommitment(secret) },
    deadlineMs,
    stewards: [{ ...placeOf('giver'), peer: first ?? giver.peerId }, placed(place)],
    ...changes,
  })
  const record = stage.sign(giver, 'manifest', null, manifest)
  const again = () =>
    stage.jobs.hear(from ?? giver.peerId, {
      type: 'entrust',
      manifest: record,
      handovers: [],
      secret: given,
      drawSecret: draws,
    })
  await before()
  again()
  keep(again)
  return recordId(sha256, record.body)
}

/** The jobs of which the node's disk has a row. */
export const known = ({ store }: JobsStage): JobId[] =>
  new JobRows(store.journal).list().map(({ job }) => job)
