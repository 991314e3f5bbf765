/** Gossip of adverts, over gossipsub with settings for a cell of vehicles. */
import { type GossipSub, type GossipsubOpts, StrictNoSign, TopicValidatorResult } from '@libp2p/gossipsub'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'

type GossipVerdict = 'accept' | 'ignore' | 'reject'
export type GossipValidator = (message: Uint8Array, from: PeerId) => GossipVerdict

/** One topic is one cell (DESIGN.md, "Scale"). */
function gossipTopic(scope: string): string {
  return `/carpool/gossip/1/${scope}`
}

/**
 * gossipsub, set for a cell of about a hundred vehicles that each say 300 bytes a minute.
 *
 * Messages carry our own signed envelope, so gossipsub signs nothing (55 instead of 273 µs a message), names a
 * message by its hash, and the validator decides before anything is forwarded. Everything that assumes one
 * host per address is off: a fleet behind one CGNAT address, or a test on 127.0.0.1, would score below the
 * graylist (notes/libp2p.md §5). Peer exchange is off too: we dial addresses from signed adverts only.
 */
export function gossipOptions(scope: string, bounds: NetworkBounds): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: StrictNoSign,
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
    maxInboundDataLength: bounds.gossipRpcBytesMax,
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

export class Gossip {
  readonly #pubsub: GossipSub
  readonly #topic: string
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #node: Libp2p
  /** Those who subscribe, and, while our stream to them is still opening, the timer that looks again. */
  readonly #subscribers = new Map<PeerId, NodeJS.Timeout | undefined>()
  readonly #subscriberHandlers: ((peer: PeerId) => void)[] = []
  #validate: GossipValidator | undefined

  constructor(node: Libp2p<{ pubsub: GossipSub }>, scope: string, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#pubsub = node.services.pubsub
    this.#topic = gossipTopic(scope)
    this.#bounds = bounds
    this.#log = log
    this.#pubsub.topicValidators.set(this.#topic, (from, { data }) =>
      this.#judge(data, from.toString() as PeerId),
    )
    this.#pubsub.addEventListener('subscription-change', ({ detail }) => {
      const peer = detail.peerId.toString() as PeerId
      const change = detail.subscriptions.findLast(({ topic }) => topic === this.#topic)
      if (change?.subscribe === true) this.#subscribed(peer)
      else if (change !== undefined) this.#forget(peer)
    })
    node.addEventListener('peer:disconnect', ({ detail }) => this.#forget(detail.toString() as PeerId))
  }

  /** The node must have started. */
  join(): void {
    this.#pubsub.subscribe(this.#topic)
  }

  /** Rejects with NetworkError 'too-large'; hearing nobody, or saying the same twice, is no error. */
  async publish(message: Uint8Array): Promise<void> {
    if (message.byteLength > this.#bounds.gossipMessageBytesMax) {
      const text = `a gossip message of ${message.byteLength} bytes is above ${this.#bounds.gossipMessageBytesMax}`
      throw new NetworkError('too-large', text)
    }
    await this.#pubsub.publish(this.#topic, message)
  }

  onGossip(validate: GossipValidator): void {
    if (this.#validate !== undefined) throw new Error('gossip has a validator already')
    this.#validate = validate
  }

  /** Called once a peer subscribes and a message would reach it; for those who did already, at once. */
  onSubscriber(handler: (peer: PeerId) => void): void {
    this.#subscriberHandlers.push(handler)
    for (const [peer, opening] of this.#subscribers) if (opening === undefined) handler(peer)
  }

  stop(): void {
    for (const peer of [...this.#subscribers.keys()]) this.#forget(peer)
  }

  #subscribed(peer: PeerId): void {
    if (!this.#subscribers.has(peer)) this.#announceWhenOpen(peer)
  }

  /**
   * gossipsub tells us of a subscription when it may still be negotiating its own stream to that peer, and drops
   * what is published meanwhile. No event says when the stream is there, so this looks until it is.
   */
  #announceWhenOpen(peer: PeerId, looks = 0): void {
    const open = this.#hasStreamTo(peer)
    const again = looks === 0 || (!open && looks < looksMax)
    this.#subscribers.set(
      peer,
      again ? setTimeout(() => this.#announceWhenOpen(peer, looks + 1), lookIntervalMs) : undefined,
    )
    if (again) return
    for (const handler of this.#subscriberHandlers) {
      try {
        handler(peer)
      } catch (thrown) {
        this.#log.error({ peer, err: thrown }, `a handler of subscribers threw: ${reason(thrown)}`)
      }
    }
  }

  #hasStreamTo(peer: PeerId): boolean {
    const streams = this.#node
      .getConnections(peerIdFromString(peer))
      .flatMap((connection) => connection.streams)
    return streams.some(
      (stream) => stream.direction === 'outbound' && this.#pubsub.protocols.includes(stream.protocol),
    )
  }

  #forget(peer: PeerId): void {
    clearTimeout(this.#subscribers.get(peer))
    this.#subscribers.delete(peer)
  }

  #judge(message: Uint8Array, from: PeerId): TopicValidatorResult {
    if (message.byteLength > this.#bounds.gossipMessageBytesMax) return TopicValidatorResult.Reject
    if (this.#validate === undefined) return TopicValidatorResult.Ignore
    try {
      return verdicts[this.#validate(message, from)]
    } catch (thrown) {
      this.#log.error({ peer: from, err: thrown }, `the gossip validator threw: ${reason(thrown)}`)
      return TopicValidatorResult.Reject
    }
  }
}

/** A negotiation takes two round trips; five seconds of looking outlast any that will succeed. Guess. */
const lookIntervalMs = 20
const looksMax = 250

const verdicts = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const
