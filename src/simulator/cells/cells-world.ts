/** The services that a node of a virtual mesh of cells asks of it. */
import type { CensusResult } from '../../protocol/cells/census.ts'
import type { CellsInput, MoveReason, Topic } from '../../protocol/cells/contract.ts'
import type { HeardDigest } from '../../protocol/cells/digest.ts'
import type { Arc, CellKey } from '../../protocol/cells/key.ts'
import type { Contact, Member } from '../../protocol/cells/member.ts'
import type { CellMessage } from '../../protocol/cells/message.ts'
import type { SpeakerLots } from '../../protocol/cells/speakers.ts'
import type { OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import type { Chance } from '../chance.ts'
import type { Timeline } from '../timeline.ts'
import type { Gossip, Listener } from './gossip.ts'

export interface MeshCounts {
  /** Digests that nodes received by gossip, each once for each of them; adverts are counted where they are said. */
  digests: number
  messages: number
  /** Adverts that members on metered networks said to speakers. */
  reports: number
  /** Questions that were put. */
  asked: number
  moves: number
  splits: number
  merges: number
  /** Questions that bootstrap nodes answered. */
  lookups: number
}

/** A node, as others send to it. */
export interface CellEar extends Listener {
  /** The number of the charter that it believes. */
  readonly charter: number | undefined
  hear(from: Contact, message: CellMessage): void
  hearDigest(digest: HeardDigest, topic: Topic): void
  tell(input: CellsInput): void
  heardReport(member: Member): void
}

export interface CellsWorld {
  readonly timeline: Timeline
  readonly gossip: Gossip<CellEar>
  readonly chance: Chance
  readonly counts: MeshCounts
  /** The lots of speakers are the same for all: each is hashed once. */
  readonly lots: SpeakerLots
  readonly clockMs: number
  timelineMs(clockMs: number): number
  /** Undefined: it is not here. */
  node(peer: PeerId): CellEar | undefined
  send(from: CellEar, to: PeerId, deliver: (node: CellEar) => void): void
  gossipDigest(from: CellEar, digest: HeardDigest, topics: readonly Topic[]): void
  /** It says its advert in its cell. */
  settled(node: PeerId): void
  moved(why: MoveReason): void
  counted(name: string, result: CensusResult): void
  isTrue(proof: RecordId): boolean
  accused(node: PeerId, owner: OwnerId): void
  /** Those of the cartel that are nearest to a key, and those in an arc. */
  accomplices(key: CellKey): readonly Member[]
  accomplicesIn(arc: Arc): readonly Member[]
}
