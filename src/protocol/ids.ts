/** Names of things. All are strings, so that they key maps and sort by code unit; the brands keep them apart. */
declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

/** A libp2p peer id in its text form ('12D3KooW…'): which node. */
export type PeerId = Id<'PeerId'>
/**
 * Hex sha256 of an owner's public key, or of the peer id where nobody signed for the peer: all of an owner's vehicles
 * count as one voice.
 */
export type OwnerId = Id<'OwnerId'>
/** A CIDv1 with sha2-256 in base32 ('bafy…' for dag-cbor, 'bafk…' for raw bytes): which block. */
export type Cid = Id<'Cid'>
/** The CID of a job's signed manifest body. */
export type JobId = Cid
/** The CID of a shard's block. */
export type ShardId = Cid
/** The CID of a record's unsigned body, so that a malleable signature cannot make two records of one. */
export type RecordId = Cid
/** The record id of the lease. */
export type LeaseId = RecordId
/** The first bits of the keys of a cell's members, as '0' and '1' ('' is the whole mesh): which cell, or which region of cells. */
export type CellId = Id<'CellId'>
