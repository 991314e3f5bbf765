/** Routes whatever arrives from the network and from the disk to the part that it concerns. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid, PeerId } from '../../protocol/ids.ts'
import { isToSteward } from '../../protocol/inbox.ts'
import { decodeMessage, type Message } from '../../protocol/message.ts'
import { FairShare } from '../network/fair-share.ts'
import type { Parts } from './parts.ts'

/** From now on, until the network stops. */
export function route(parts: Parts): void {
  const { network, vehicle, jobs, bans, membership, store, options } = parts
  const share = new FairShare()
  network.onMessage((from, bytes) => {
    const owner = membership.get(from)?.owner
    return share.run(owner === undefined ? [from] : [from, owner], () => {
      try {
        hear(parts, from, decodeMessage(bytes))
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        options.log.warn({ from, refusal: error.refusal }, 'a message was refused')
      }
    })
  })
  network.onPeer(({ type, peer, isRelayed }) => {
    if (type === 'connected') {
      vehicle.connected(peer)
      bans.tell(peer)
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
function hear({ identity, vehicle, jobs, bans, membership }: Parts, from: PeerId, message: Message): void {
  if (message.type === 'evidence') bans.hear(message.evidence)
  else if (message.type === 'advert') membership.hear(from, message.advert)
  else if (message.type === 'charter') identity.fleet?.hear(message.charter)
  else if (message.type === 'credential') identity.fleet?.hearCredential(message.credential)
  else if (isToSteward(message)) jobs.hear(from, message)
  else vehicle.hear(from, message)
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
