/**
 * A virtual mesh of cells: some thousands of nodes, each with the production machine of `protocol/cells`, on virtual time and gossip. It
 * counts what they say, and takes from the measured cost of a message what that comes to.
 */
import type { CensusResult } from '../../protocol/cells/census.ts'
import type { MoveReason, Topic } from '../../protocol/cells/contract.ts'
import type { HeardDigest } from '../../protocol/cells/digest.ts'
import { type Arc, type CellKey, isInArc, keyFrom, sharedBits } from '../../protocol/cells/key.ts'
import { type Contact, contactOf, type Member } from '../../protocol/cells/member.ts'
import { SpeakerLots } from '../../protocol/cells/speakers.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { Chance, cheapHash } from '../chance.ts'
import { capacityOf, ownerNamed, peerNamed } from '../fixtures.ts'
import { Timeline } from '../timeline.ts'
import { startMs } from '../week/cell-world.ts'
import type { CellEar, CellsWorld, MeshCounts } from './cells-world.ts'
import { FarNode, type Outside } from './far-node.ts'
import { Gossip } from './gossip.ts'
import { CellNode } from './node.ts'

/** Told of each question at a bootstrap node, and whenever a node says its advert in a cell. */
interface Watch {
  asked(bootstrap: PeerId): void
  settled(node: PeerId): void
}

export class CellMesh implements CellsWorld {
  readonly timeline = new Timeline()
  readonly gossip = new Gossip<CellEar>(this.timeline)
  readonly chance: Chance
  readonly lots = new SpeakerLots(cheapHash, Number.POSITIVE_INFINITY)
  readonly counts: MeshCounts = {
    digests: 0,
    reports: 0,
    messages: 0,
    asked: 0,
    moves: 0,
    splits: 0,
    merges: 0,
    lookups: 0,
  }
  readonly censuses = new Map<string, CensusResult>()
  readonly #seed: number
  readonly #nodes = new Map<PeerId, CellNode>()
  readonly #bootstraps: Contact[] = []
  outside: Outside | undefined
  watch: Watch | undefined
  /** Names of proofs that prove something. */
  readonly trueProofs = new Set<RecordId>()
  /** By owner, the nodes that were told of a lie of it. */
  readonly warned = new Map<OwnerId, Set<PeerId>>()

  constructor(seed: number) {
    this.#seed = seed
    this.chance = new Chance(seed, 'cells')
  }

  get clockMs(): number {
    return startMs + this.timeline.nowMs
  }

  timelineMs(clockMs: number): number {
    return clockMs - startMs
  }

  run(forMs: number): void {
    const untilMs = this.timeline.nowMs + forMs
    while (this.timeline.step(untilMs));
    // Time passes although nothing happens.
    this.timeline.at(untilMs, () => {})
    while (this.timeline.step(untilMs));
  }

  node(peer: PeerId): CellNode | undefined {
    const node = this.#nodes.get(peer)
    return node?.isHere === true ? node : undefined
  }

  nodes(): CellNode[] {
    return [...this.#nodes.values()].filter(({ isHere }) => isHere)
  }

  /** A member of this name: its key is as random as a credential's signature. */
  memberNamed(name: string, owner = name, more: Partial<Member> = {}): Member {
    const key = keyFrom(cheapHash(new TextEncoder().encode(`key/${this.#seed}/${name}`)))
    const capacity = capacityOf({ peer: peerNamed(name), owner: ownerNamed(owner) })
    const slots = { total: 1, free: 1 }
    return { ...capacity, slots, reach: 'direct', addresses: [`/dns4/${name}/tcp/4001`], key, ...more }
  }

  /** A node comes, with what it kept from before. */
  come(member: Member, kept: CellNode['kept'] = null, side = 0): CellNode {
    const node = new CellNode(this, member)
    node.side = side
    this.#nodes.set(member.peer, node)
    node.begin(kept, this.#bootstraps)
    return node
  }

  /** … as a node that others ask first. */
  comeAsBootstrap(member: Member): CellNode {
    const node = this.come(member)
    this.#bootstraps.push(contactOf(member))
    return node
  }

  leave(peer: PeerId): CellNode['kept'] {
    const node = this.#nodes.get(peer)!
    node.leave()
    this.#nodes.delete(peer)
    return node.kept
  }

  send(from: CellEar, to: PeerId, deliver: (node: CellEar) => void): void {
    if (this.#bootstraps.some(({ peer }) => peer === to)) {
      this.counts.lookups += 1
      this.watch?.asked(to)
    }
    this.timeline.at(this.timeline.nowMs + this.chance.between(20, 200), () => {
      const node = this.node(to)
      if (node !== undefined && node.side === from.side) deliver(node)
      else if (this.outside?.isHere(to, from.side) === true)
        deliver(new FarNode(this, this.outside, to, from))
      else from.tell({ type: 'unreached', peer: to })
    })
  }

  gossipDigest(from: CellEar, digest: HeardDigest, topics: readonly Topic[]): void {
    if (this.outside?.isBeyond(digest) === true) return
    this.timeline.at(this.timeline.nowMs + this.chance.between(100, 1_000), () => {
      for (const topic of topics)
        for (const listener of this.gossip.listeners(from.side, topic))
          if (listener !== from) listener.hearDigest(digest, topic)
    })
  }

  settled(node: PeerId): void {
    this.watch?.settled(node)
  }

  moved(why: MoveReason): void {
    this.counts.moves += 1
    if (why === 'split') this.counts.splits += 1
    if (why === 'merge') this.counts.merges += 1
  }

  counted(name: string, result: CensusResult): void {
    this.censuses.set(name, result)
  }

  isTrue(proof: RecordId): boolean {
    return this.trueProofs.has(proof)
  }

  accused(node: PeerId, owner: OwnerId): void {
    const warned = this.warned.get(owner) ?? new Set()
    this.warned.set(owner, warned.add(node))
  }

  /** Those of the cartel that are near a key. */
  accomplices(key: CellKey): Member[] {
    const named = this.nodes().filter(({ isAccomplice }) => isAccomplice)
    return named
      .map(({ member }) => member)
      .sort((a, b) => sharedBits(key, b.key) - sharedBits(key, a.key))
      .slice(0, 8)
  }

  accomplicesIn(arc: Arc): Member[] {
    return this.nodes().flatMap(({ isAccomplice, member }) =>
      isAccomplice && isInArc(arc, member.key) ? [member] : [],
    )
  }
}
