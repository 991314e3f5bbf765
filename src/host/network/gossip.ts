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
  /** The topics in which this node's own words are said. */
  #said: ReadonlySet<string>
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
    this.#said = new Set([this.#topic])
    this.#bounds = bounds
    this.#log = log
    this.#repair = new GossipRepair(node, bounds, log, (peer) => {
      if (this.#subscribers.has(peer)) this.#announceWhenOpen(peer)
    })
    this.#judgeIn(this.#topic, this.judgeAdvert)
    this.#pubsub.addEventListener('subscription-change', ({ detail }) => {
      const peer = detail.peerId.toString() as PeerId
      const changes = detail.subscriptions.filter(({ topic }) => this.#said.has(topic))
      if (changes.some(({ subscribe }) => subscribe)) this.#subscribed(peer)
      else if (changes.length > 0 && !this.#isInAny(peer)) this.#forget(peer)
    })
    node.addEventListener('peer:disconnect', ({ detail }) => this.#forget(detail.toString() as PeerId))
  }

  /** Judges as whoever was given to `onGossip` does. */
  readonly judgeAdvert: GossipValidator = (message, from) => this.#validate?.(message, from) ?? 'ignore'

  /** Hears and says what concerns the whole mesh. The node must have started. */
  join(): void {
    this.#pubsub.subscribe(this.#topic)
    this.#repair.start()
  }

  /**
   * The same for a node that hears parts of the mesh alone, as it joins their channels. `mayHear`: those that it might come to join;
   * of others it does not note who is in them.
   */
  joinParts(mayHear: (channel: string) => boolean): void {
    this.#said = new Set()
    const begin = `${this.#topic}/`
    const isOurs = (topic: string) =>
      topic === this.#topic || (topic.startsWith(begin) && mayHear(topic.slice(begin.length)))
    // gossipsub asks this set alone, and takes only a list, which cannot say what we might join one day.
    Object.assign(this.#pubsub, { allowedTopics: { has: isOurs } })
    this.#repair.start()
  }

  /** Joins a channel of a part of the mesh, whose messages this judges; null: the channel of the whole mesh. */
  joinChannel(channel: string | null, validate?: GossipValidator): void {
    const topic = this.#topicOf(channel)
    if (validate !== undefined) this.#judgeIn(topic, validate)
    this.#scoreAlike(topic)
    this.#pubsub.subscribe(topic)
  }

  /** Nothing is heard in it from now on, nor said: gossipsub would go on telling those that are still in it. */
  leaveChannel(channel: string | null): void {
    const topic = this.#topicOf(channel)
    this.#said = new Set([...this.#said].filter((said) => said !== topic))
    this.#pubsub.unsubscribe(topic)
    if (channel !== null) this.#pubsub.topicValidators.delete(topic)
  }

  /** From now on this node says its word in these channels. */
  sayIn(channels: readonly (string | null)[]): void {
    this.#said = new Set(channels.map((channel) => this.#topicOf(channel)))
  }

  /** Rejects with NetworkError 'too-large'; hearing nobody, or saying the same twice, is no error. */
  async publish(message: Uint8Array): Promise<void> {
    this.#checkLength(message)
    for (const topic of this.#said) await this.#pubsub.publish(topic, message)
  }

  /** Says it in one channel. Rejects with NetworkError 'too-large'. */
  async publishIn(channel: string | null, message: Uint8Array): Promise<void> {
    this.#checkLength(message)
    await this.#pubsub.publish(this.#topicOf(channel), message)
  }

  /** Connected peers that are in a channel, those that have been longest first. */
  subscribersOf(channel: string): PeerId[] {
    return this.#pubsub.getSubscribers(this.#topicOf(channel)).map((peer) => peer.toString() as PeerId)
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

  /** Tells whether this peer subscribes to a topic in which this node's own words are said. */
  #isInAny(peer: PeerId): boolean {
    return [...this.#said].some((topic) =>
      this.#pubsub.getSubscribers(topic).some((subscriber) => subscriber.toString() === peer),
    )
  }

  #forget(peer: PeerId): void {
    clearTimeout(this.#subscribers.get(peer))
    this.#subscribers.delete(peer)
  }

  /** Invalid messages cost score there, too: gossipsub reads its parameters anew for each message. */
  #scoreAlike(topic: string): void {
    const scored = this.#pubsub as unknown as { score: { params: { topics: Record<string, unknown> } } }
    const { topics } = scored.score.params
    topics[topic] ??= topics[this.#topic]
  }

  #topicOf(channel: string | null): string {
    return channel === null ? this.#topic : `${this.#topic}/${channel}`
  }

  #checkLength({ byteLength }: Uint8Array): void {
    const { gossipMessageBytesMax: bytesMax } = this.#bounds
    if (byteLength <= bytesMax) return
    throw new NetworkError('too-large', `a gossip message of ${byteLength} bytes is above ${bytesMax}`)
  }

  #judgeIn(topic: string, validate: GossipValidator): void {
    this.#pubsub.topicValidators.set(topic, (from, { data }) =>
      this.#judge(data, from.toString() as PeerId, validate),
    )
  }

  #judge(message: Uint8Array, from: PeerId, validate: GossipValidator): TopicValidatorResult {
    if (message.byteLength > this.#bounds.gossipMessageBytesMax) return TopicValidatorResult.Reject
    try {
      return verdicts[validate(message, from)]
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
