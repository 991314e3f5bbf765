/**
 * The inputs and effects of a node's part in its cell (`Cells`).
 *
 * The driver's contract: hand in one input at a time with the time at which it happened, and carry out the effects in their order. Nothing
 * here binds anybody, so that no effect waits for the disk. The driver has the signed adverts: the machine names peers, and the driver
 * sends the bytes. Whatever comes in was opened and checked, and its fleet has vouched for it; keys are by the credentials.
 */
import type { CellId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { CensusResult } from './census.ts'
import type { CharterMark, Digest, HeardDigest } from './digest.ts'
import type { CellKey } from './key.ts'
import type { Contact, Member } from './member.ts'
import type { CellMessage } from './message.ts'

/** Those that bring no adverts, and ask for no record that the driver has: these it answers itself. */
export type PlainMessage = Exclude<
  CellMessage,
  { type: 'these' | 'report' | 'news' | 'charter-wanted' | 'proof-wanted' }
>

/** A topic of gossip: a cell's, with adverts and the digests of its speakers, or a region's, with digests alone. */
export type Topic = `cell/${CellId}` | `region/${CellId}`

export type CellsInput =
  /**
   * The node starts, with what was kept on its disk; null: nothing. `bootstraps` are asked where no contact is left. Their keys
   * need not be theirs.
   */
  | {
      readonly type: 'begin'
      readonly own: Member
      readonly kept: KeptCell | null
      readonly bootstraps: readonly Contact[]
    }
  /** This node's own advert has changed: its offer, its addresses, or with a new credential its key. */
  | { readonly type: 'own'; readonly own: Member }
  /**
   * Members that have come or whose offer is another one, heard by gossip, by report or as news; those whose adverts were renewed and
   * say nothing new; and those that are gone.
   */
  | {
      readonly type: 'adverts'
      readonly changed: readonly Member[]
      readonly renewed: readonly PeerId[]
      readonly gone: readonly PeerId[]
    }
  /** A digest was heard in a topic. */
  | { readonly type: 'digest'; readonly digest: HeardDigest; readonly topic: Topic }
  /** A message has come. `from`: as its credential says. The adverts in `these` and `news` come as `adverts`, opened; those refused are not there. */
  | {
      readonly type: 'message'
      readonly from: Contact
      readonly message: PlainMessage
    }
  | {
      readonly type: 'these'
      readonly from: PeerId
      readonly question: number
      readonly cell: CellId
      readonly members: readonly Member[]
      readonly hasMore: boolean
    }
  /** A member reported its advert, which is handed in as `adverts` as well. */
  | { readonly type: 'reported'; readonly from: PeerId; readonly since: number | null }
  | { readonly type: 'news-heard'; readonly from: PeerId; readonly next: number; readonly hasMore: boolean }
  /** A contact could not be reached, or did not answer. */
  | { readonly type: 'unreached'; readonly peer: PeerId }
  /** The charter that this node believes; what it revokes needs no proof any more. */
  | { readonly type: 'charter'; readonly mark: CharterMark; readonly revoked: ReadonlySet<OwnerId | PeerId> }
  /** A proof was checked here; `isTrue` false: it proves nothing. */
  | { readonly type: 'proof'; readonly owner: OwnerId; readonly proof: RecordId; readonly isTrue: boolean }
  /** A job's steward wants candidates abroad: the census of this number, drawn from the job's secret. */
  | {
      readonly type: 'take-census'
      readonly name: string
      readonly drawSecret: Uint8Array
      readonly index: number
      /** See `engineTag`; null: whatever they offer. */
      readonly engine: number | null
    }
  /** More bootstrap nodes were met, or others than before: those that can be asked. */
  | { readonly type: 'bootstraps'; readonly bootstraps: readonly Contact[] }
  /** True: adverts are reported to the speakers, and gossip is not listened to, since this node's network is metered. */
  | { readonly type: 'metered'; readonly isMetered: boolean }
  | { readonly type: 'clock-set'; readonly byMs: number }
  | { readonly type: 'wake' }

export type CellsEffect =
  | { readonly type: 'join'; readonly topic: Topic }
  | { readonly type: 'leave-topic'; readonly topic: Topic }
  /** Sign an advert with this depth (`cellDepth`), and gossip it in these topics within so long, each node at a time of its own. */
  | {
      readonly type: 'advertise-in'
      readonly topics: readonly Topic[]
      readonly depth: number
      readonly withinMs: number
    }
  /** Sign this digest, and gossip it in these topics with this node's credential. */
  | { readonly type: 'speak'; readonly digest: Digest; readonly topics: readonly Topic[] }
  /** Gossip a digest that was heard, as it came. */
  | { readonly type: 'pass-on'; readonly digest: HeardDigest; readonly topic: Topic }
  /** Gossip this member's advert in its cell, as it was reported. */
  | { readonly type: 'tell-cell'; readonly peer: PeerId; readonly topic: Topic }
  | { readonly type: 'ask'; readonly to: Contact; readonly message: CellMessage }
  /** Send the adverts of these members as the answer to a question. */
  | {
      readonly type: 'answer-these'
      readonly to: PeerId
      readonly question: number
      readonly cell: CellId
      readonly peers: readonly PeerId[]
      readonly hasMore: boolean
    }
  /** Send this node's own advert to a speaker. */
  | { readonly type: 'report-to'; readonly to: Contact; readonly since: number | null }
  | {
      readonly type: 'answer-news'
      readonly to: PeerId
      readonly peers: readonly PeerId[]
      readonly next: number
      readonly hasMore: boolean
    }
  /** Ask this node for its fleet's charter, which is newer. */
  | { readonly type: 'pull-charter'; readonly from: Contact }
  /**
   * This owner lied, says that node. `isUrgent`: fetch the proof now, check it, and hand in `proof`; else before this owner gets
   * work from here.
   */
  | {
      readonly type: 'accused'
      readonly owner: OwnerId
      readonly proof: RecordId
      readonly from: Contact
      readonly isUrgent: boolean
    }
  /** Keep this on the disk, in place of what was kept before. */
  | { readonly type: 'keep-cell'; readonly kept: KeptCell }
  /** The node is in another cell now; the mesh has about so many nodes. */
  | { readonly type: 'moved'; readonly from: CellId; readonly to: CellId; readonly why: MoveReason }
  | { readonly type: 'counted-abroad'; readonly name: string; readonly result: CensusResult }
  | { readonly type: 'wake'; readonly atMs: number }

export type MoveReason = 'split' | 'merge' | 'found' | 'alone' | 'new-key'

/** The state that outlives a restart. */
export interface KeptCell {
  readonly key: CellKey
  readonly depth: number
  readonly contacts: readonly Contact[]
}
