/** Replacing a steward that is lost for good: one is sought at a time, asked, and named by a handover. */

import { concat, equals, fromString } from 'uint8arrays'
import type { PeerId } from '../ids.ts'
import type { Handover } from '../job/handover.ts'
import type { StewardPlace } from '../job/manifest.ts'
import { handoversMax, inviteAgainMs, inviteTtlMs } from '../limits.ts'
import type { FellowMessage } from './contract.ts'
import { endowTaker } from './gifts.ts'
import { isActing, issue, livingFellows, type Seat, seatStewards } from './seat.ts'
import { findStandbys } from './standbys.ts'
import { tellSteward } from './turn.ts'

/** As many stewards as the manifest names should live; one is sought at a time. */
export function replaceLost(seat: Seat, nowMs: number): void {
  if (seat.invited !== undefined && seat.invited.untilMs > nowMs) return
  if (seat.invited !== undefined) seat.refused.set(seat.invited.candidate.peer, nowMs + inviteAgainMs)
  seat.invited = undefined
  const { stewards, chain, lost } = seat.records.succession
  const living = 1 + livingFellows(seat, nowMs).length
  const gone = stewards.find(({ peer }) => !lost.has(peer) && seat.attendance.isLost(peer, nowMs))
  if (
    gone === undefined ||
    living >= seat.options.manifest.stewards.length ||
    (chain.at(-1)?.epoch ?? 0) >= handoversMax
  )
    return
  const { manifest, sha256, self, drawSecret: seed } = seat.options
  const refused = [...seat.refused].filter(([, untilMs]) => untilMs > nowMs).map(([peer]) => peer)
  const [candidate] = findStandbys(
    {
      capacities: seat.capacities.filter(({ peer }) => seat.connected.has(peer)),
      runtime: manifest.runtime,
      engine: manifest.engine.id,
      replicas: manifest.assurance.replicas,
      taken: {
        peers: new Set([...stewards.map(({ peer }) => peer), ...refused]),
        // An owner that has keys of a blind job and became its steward could read all of it.
        owners: new Set([...stewards, ...(manifest.blind?.candidates ?? [])].map(({ owner }) => owner)),
      },
      sha256,
      seed,
    },
    1,
  )
  if (candidate === undefined) return
  const nonce = sha256(
    concat([seed, fromString(`place/${self}/${seat.issuer.serial}/${candidate.peer}`)]),
  ).slice(0, 16)
  seat.invited = { candidate, lost: gone.peer, nonce, untilMs: nowMs + inviteTtlMs }
  const bytes = manifest.documents.bytes
  seat.effects.push({ type: 'send', to: candidate.peer, message: { type: 'invite', nonce, bytes } })
}

/** Takes the answer of a node that was invited: one that is willing becomes a steward. */
export function answeredInvitation(
  seat: Seat,
  from: PeerId,
  message: Extract<FellowMessage, { type: 'willing' | 'unwilling' }>,
  nowMs: number,
): void {
  const invited = seat.invited
  if (invited?.candidate.peer !== from || !equals(invited.nonce, message.nonce) || !isActing(seat)) return
  seat.invited = undefined
  if (message.type === 'unwilling') {
    seat.refused.set(from, nowMs + inviteAgainMs)
    return
  }
  const { chain } = seat.records.succession
  const previous = chain.at(-1)
  const taker: StewardPlace = {
    peer: from,
    owner: invited.candidate.owner,
    nonce: invited.nonce,
  }
  const payload: Handover = { previous: previous?.id ?? seat.options.job, lost: invited.lost, taker }
  issue(seat, 'handover', payload, (previous?.epoch ?? 0) + 1)
  endowTaker(seat, from, nowMs)
  seatStewards(seat, nowMs)
  tellSteward(seat, { type: 'stewards', stewards: seat.records.succession.stewards }, nowMs)
  seat.effects.push({ type: 'entrust', to: from })
}
