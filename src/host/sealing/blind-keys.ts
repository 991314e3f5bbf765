/**
 * Keys that stewards hand on and cannot use: how the vehicles of a blind job get the keys of their shards.
 *
 *   job's secret ── X25519 key of the job ─┐
 *   candidate's node key, as X25519 ───────┴─ agreed key ── wraps the key of each shard for this candidate
 *
 * The submitter wraps each shard's key for each candidate before anybody works, since it may be gone when a steward draws
 * one; the vehicle unwraps the keys of its lease with the key that the manifest names. A node's Ed25519 key serves as
 * its X25519 key, too (RFC 7748, §4.1; that the two uses do not harm each other: Thormarker, "On using the same key pair
 * for Ed25519 and an X25519 based KEM", 2021). A second key, published in adverts, would have to be signed, kept, rotated
 * and revoked beside the first; this one is what a peer id, a credential and the handshake already vouch for.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { concat } from 'uint8arrays'
import type { PeerId } from '../../protocol/ids.ts'
import { wrappedKeyBytes } from '../../protocol/limits.ts'
import { publicKeyOf, type SigningKey } from '../store/keys.ts'
import { agreedKey, blindSecret, shardKey, Unsealable, unwrapKey, wrapKey } from './sealing.ts'

/** The public half of the job's key: 32 bytes. */
export function blindKeyOf(secret: Uint8Array): Uint8Array {
  return x25519.getPublicKey(blindSecret(secret))
}

/** For each candidate, in order, the key of each of so many shards, 40 bytes each. */
export function wrapForCandidates(
  secret: Uint8Array,
  candidates: readonly PeerId[],
  shards: number,
): Uint8Array {
  const job = blindKeyOf(secret)
  const keys = Array.from({ length: shards }, (_, position) => shardKey(secret, position))
  return concat(
    candidates.flatMap((peer) => {
      const theirs = ed25519.utils.toMontgomery(publicKeyOf(peer)!)
      const wrapping = agreedKey(x25519.getSharedSecret(blindSecret(secret), theirs), job, peer)
      return keys.map((key) => wrapKey(wrapping, key))
    }),
  )
}

/** The offset, in what wrapForCandidates returns, of the key of a shard for the candidate at this index. */
export function wrappedAt(index: number, shards: number, position: number): number {
  return (index * shards + position) * wrappedKeyBytes
}

/**
 * Returns the keys of a lease, from the messages that came with it. Throws Unsealable when they are not for this
 * node.
 */
export function unwrapAsCandidate(
  node: SigningKey,
  job: Uint8Array,
  wrapped: readonly Uint8Array[],
): Uint8Array[] {
  const what = 'the key of a shard'
  const wrapping = agreedKey(sharedWith(node, job, what), job, node.peerId)
  return wrapped.map((key) => unwrapKey(wrapping, key, what))
}

function sharedWith(node: SigningKey, job: Uint8Array, what: string): Uint8Array {
  const mine = ed25519.utils.toMontgomerySecret(node.privateBytes())
  try {
    return x25519.getSharedSecret(mine, job)
  } catch (error) {
    throw new Unsealable(what, error) // a point of low order, with which everybody agrees on nothing
  }
}
