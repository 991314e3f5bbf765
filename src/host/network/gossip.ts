/** Gossip of adverts among the nodes of a cell. */
import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import type { NetworkBounds } from './bounds.ts'
import { NetworkError, reason } from './errors.ts'
import { gossipTopic } from './gossip-options.ts'
import { GossipRepair } from './gossip-repair.ts'
import type { Node } from './node.ts'

type GossipVerdict = 'accept' | 'ignore' | 'reject'
export type GossipValidator = (message: Uint8Array, from: PeerId) => GossipVerdict

export class Gossip {
  readonly #pubsub: GossipSub
  readonly #topic: string
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  readonly #node: Libp2p
  readonly #repair: GossipRepair
  /** Those who subscribe, and, while our stream to them is still opening, the timer that looks again. */
  readonly #subscribers = new Map<PeerId, NodeJS.Timeout | undefined>()
  readonly #subscriberHandlers: ((peer: PeerId) => void)[] = []
  #validate: GossipValidator | undefined

  constructor(node: Node, scope: string, bounds: NetworkBounds, log: Logger) {
    this.#node = node
    this.#pubsub = node.services.pubsub
    this.#topic = gossipTopic(scope)
    this.#bounds = bounds
    this.#log = log
    this.#repair = new GossipRepair(node, bounds, log, (peer) => {
      if (this.#subscribers.has(peer)) this.#announceWhenOpen(peer)
    })
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
    this.#repair.start()
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
    this.#repair.stop()
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
