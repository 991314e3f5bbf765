/** Routes whatever arrives from the network and from the disk to the part that it concerns. */
import { impossible } from '../../base/assert.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { isToSteward, isToVehicle, type MessageToMember } from '../../protocol/inbox.ts'
import { decodeMessage, type Message } from '../../protocol/message.ts'
import { elapsed } from '../clock.ts'
import { FairShare } from '../network/fair-share.ts'
import { Door } from '../network/rates.ts'
import { type DoorKind, messageRates } from './door.ts'
import type { Parts } from './parts.ts'

/** From now on, until the network stops. */
export function route(parts: Parts): void {
  const { network, vehicle, jobs, bans, membership, cells, store, options, clock } = parts
  const share = new FairShare()
  const door = new Door(messageRates, () => clock.monotonicMs())
  network.onMessage(async (from, bytes) => {
    const owner = membership.get(from)?.owner
    let kind: DoorKind = 'refused'
    let waitMs = 0
    await share.run(owner === undefined ? [from] : [from, owner], () => {
      try {
        const message = decodeMessage(bytes)
        hear(parts, from, message)
        kind = message.type
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        options.log.warn({ from, refusal: error.refusal }, 'a message was refused')
      } finally {
        // Also where this node itself fails at it: whoever can have it fail does not do so as fast as it can send.
        waitMs = door.took(from, kind)
      }
    })
    if (waitMs > 0) await elapsed(clock, waitMs)
  })
  network.onPeer(({ type, peer, isRelayed }) => {
    if (type === 'connected') {
      vehicle.connected(peer)
      // In a mesh of cells proofs go from speaker to speaker by their names (cells/talk.ts).
      if (cells === null) bans.tell(peer)
    } else vehicle.disconnected(peer)
    jobs.peerChanged(type, peer, isRelayed)
  })
  network.blocks.serve(
    (cid, peer) => (mayRead(parts, peer, cid) ? store.blocks.get(cid) : undefined),
    (cid, peer) => store.blocks.has(cid) && mayRead(parts, peer, cid),
  )
  store.blocks.onDamaged((cid) => jobs.damaged(cid))
}

/** Throws ProtocolError for records that do not hold. */
function hear(parts: Parts, from: PeerId, message: Message): void {
  if (isToSteward(message)) parts.jobs.hear(from, message)
  else if (isToVehicle(message)) parts.vehicle.hear(from, message)
  else hearAsMember(parts, from, message)
}

function hearAsMember({ identity, bans, membership }: Parts, from: PeerId, message: MessageToMember): void {
  switch (message.type) {
    case 'evidence':
      bans.hear(message.evidence)
      break
    case 'advert':
      membership.hear(from, message.advert)
      break
    case 'charter':
      identity.fleet?.hear(message.charter)
      break
    case 'credential':
      identity.fleet?.hearCredential(message.credential)
      break
    default:
      impossible(message)
  }
}

/** Weights are anybody's; a document is its leaseholder's; a result is its steward's. */
function mayRead({ store, jobs, vehicle }: Parts, peer: PeerId, cid: Cid): boolean {
  return (
    jobs.mayRead(peer, cid) || // from memory, and the usual reason
    store.blocks.isPublic(cid) ||
    store.blocks.jobsOf(cid, 'result').some((job) => vehicle.mayRead(peer, job)) ||
    jobs.mayReadAfterEnd(peer, cid)
  )
}
