/** gossipsub's settings for a cell of vehicles. */
import { type GossipsubOpts, StrictNoSign } from '@libp2p/gossipsub'
import { concat, fromString } from 'uint8arrays'
import { sha256 } from '../sha256.ts'
import type { NetworkBounds } from './bounds.ts'

/** One topic is one cell (DESIGN.md, "Scale"). */
export function gossipTopic(scope: string): string {
  return `/carpool/gossip/1/${scope}`
}

/**
 * gossipsub, set for a cell of about a hundred vehicles that each say 300 bytes a minute.
 *
 * Messages carry our own signed envelope, so gossipsub signs nothing (55 instead of 273 µs a message), names a
 * message by its hash, and the validator decides before anything is forwarded. Everything that assumes one
 * host per address is off: a fleet behind one CGNAT address, or a test on 127.0.0.1, would score below the
 * graylist. Peer exchange is off too: we dial addresses from signed adverts only.
 */
export function gossipOptions(scope: string, bounds: NetworkBounds): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: StrictNoSign,
    // A digest is said in a cell and in its region, an advert in the cell that a node leaves and in its next: by its bytes alone, the second
    // would count as a copy of the first, and reach nobody.
    msgIdFn: ({ topic, data }) =>
      sha256(topic === gossipTopic(scope) ? data : concat([fromString(topic), data])),
    allowedTopics: [gossipTopic(scope)],
    fallbackToFloodsub: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    // 99.6 % delivered among 30 at 4 copies a message, where D = 6 costs 6.4 copies and saturates two cores (§5).
    D: 4,
    Dlo: 3,
    Dhi: 6,
    Dscore: 2,
    Dout: 1,
    // Our own messages go to every subscriber we are connected to: about ten sends a minute, and a newcomer hears us at once.
    floodPublish: true,
    doPX: false,
    // The door counts what a peer says before the next of it is read (gossip-door.ts).
    awaitRpcHandler: true,
    awaitRpcMessageHandler: true,
    maxInboundDataLength: bounds.gossipRpcBytesMax,
    maxInboundStreams: bounds.inboundStreamsMax,
    decodeRpcLimits,
    maxOutboundBufferSize: bounds.gossipBacklogBytesMax,
    // As lodestar: a busy machine answers late, and a late answer is not a broken promise (§8).
    gossipsubIWantFollowupMs: 12_000,
    scoreParams: {
      IPColocationFactorWeight: 0,
      behaviourPenaltyThreshold: 6,
      topics: { [gossipTopic(scope)]: topicScore },
    },
  }
}

/** A node is in a few topics. All else is as gossipsub has it: what honest peers say beside a flood comes near it. */
const decodeRpcLimits = {
  maxSubscriptions: 256,
  maxControlMessages: 5_000,
  maxMessages: 5_000,
  maxIhaveMessageIDs: 5_000,
  maxIwantMessageIDs: 5_000,
  maxIdontwantMessageIDs: 512,
  maxPeerInfos: 16,
}

/** Only invalid messages cost score. Nobody is punished for having little to say: adverts are rare. */
const topicScore = {
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 100,
  firstMessageDeliveriesWeight: 0.1,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 50,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 100,
  meshMessageDeliveriesThreshold: 20,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  // Five rejected messages took a peer from 8 to −196, where −80 is the graylist (§5).
  invalidMessageDeliveriesWeight: -10,
  invalidMessageDeliveriesDecay: 0.9,
}
