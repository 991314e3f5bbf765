/**
 * Sealing: a job's documents and their names are ciphertext wherever they rest or travel.
 *
 *   submitter's key ─┬─ key of each document ── its ciphertext, the same in all jobs of this submitter
 *                    └─ with a nonce: secret of the job ─┬─ key of the list of names
 *                                                        ├─ key of each shard ── wraps the keys of its documents
 *                                                        └─ secret of its draws
 *
 * A lease brings the keys of its shards, so a vehicle reads what it was leased and nothing else, even if it gets hold of
 * other blocks. The secret is derived: the submitter need not keep it, and has it on every machine that has the key
 * file. Stewards are given it, and the manifest commits to it, so nobody can give a wrong one.
 *
 * AES-256-GCM (NIST SP 800-38D) with a nonce of zero, which is safe since a key seals one content only: the key of a
 * document is derived from its plaintext, too. So a document submitted twice is the same block, and is stored once.
 * Document keys are wrapped with AES-KW (RFC 3394), which authenticates them.
 *
 * The results of a blind job are sealed under a key of their shard, and must be the same ciphertext from every vehicle: a
 * synthetic nonce (SIV, Rogaway and Shrimpton 2006), which is a MAC of the plaintext, and which here makes the key, so that
 * two different results of a shard never meet under one.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { concat, equals } from 'uint8arrays'
import type { PeerId } from '../../protocol/ids.ts'
import { sha256 } from '../sha256.ts'
import type { SigningKey } from '../store/keys.ts'
import { plain } from '../store/plain.ts'

const cipher = 'aes-256-gcm'
const nonce = new Uint8Array(12)
const tagBytes = 16
const syntheticBytes = 32
const wrap = 'id-aes256-wrap'
const wrappedBytes = 40
/** RFC 3394, §2.2.3.1. */
const wrapStart = new Uint8Array(8).fill(0xa6)

/** A block that does not open: it was sealed otherwise, or changed. */
export class Unsealable extends Error {
  constructor(what: string, cause?: unknown) {
    super(`${what} does not open with the key that came for it`, { cause })
    this.name = 'Unsealable'
  }
}

/** 32 bytes. Ed25519 signatures are deterministic, and nobody else can make them. */
export function jobSecret(submitter: SigningKey, jobNonce: Uint8Array): Uint8Array {
  return sha256(submitter.sign(Buffer.concat([Buffer.from('carpool/job-secret/1'), jobNonce])))
}

/** Returns the commitment to the secret that a manifest carries. */
export function sealCommitment(secret: Uint8Array): Uint8Array {
  return sha256(secret)
}

/** From which the draws of the job's stewards come. They are given it of a blind job as well, since it opens nothing. */
export function drawSecretOf(secret: Uint8Array): Uint8Array {
  return derive(secret, 'draws')
}

/** Returns the commitment to the secret of the draws that a manifest carries. */
export function drawCommitment(drawSecret: Uint8Array): Uint8Array {
  return sha256(drawSecret)
}

export function shardKey(secret: Uint8Array, position: number): Uint8Array {
  return derive(secret, `shard/${position}`)
}

/** The key of each document of this submitter, from its plaintext. */
export function documentKeys(submitter: SigningKey): (content: Uint8Array) => Uint8Array {
  const secret = keyObject(sha256(submitter.sign(Buffer.from('carpool/document-secret/1'))))
  return (content) => deriveWith(secret, `document/${Buffer.from(sha256(content)).toString('hex')}`)
}

export function namesKey(secret: Uint8Array): Uint8Array {
  return derive(secret, 'names')
}

/** Bytes that sealing adds. */
export const sealBytes = tagBytes

/** `sealBytes` longer. */
export function seal(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const sealing = createCipheriv(cipher, keyObject(key), nonce)
  return plain(concat([sealing.update(bytes), sealing.final(), sealing.getAuthTag()]))
}

/** The same of a file that is not in memory as a whole, part by part. */
export async function* sealParts(
  key: Uint8Array,
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const sealing = createCipheriv(cipher, keyObject(key), nonce)
  for await (const part of parts) yield sealing.update(part)
  yield concat([sealing.final(), sealing.getAuthTag()])
}

/** Throws Unsealable. */
export function unseal(key: Uint8Array, sealed: Uint8Array, what: string): Uint8Array {
  const end = sealed.byteLength - tagBytes
  if (end < 0) throw new Unsealable(what)
  try {
    const opening = createDecipheriv(cipher, keyObject(key), nonce, { authTagLength: tagBytes })
    opening.setAuthTag(sealed.subarray(end))
    return plain(concat([opening.update(sealed.subarray(0, end)), opening.final()]))
  } catch (error) {
    throw new Unsealable(what, error)
  }
}

/**
 * The same of a file that comes part by part, and that can be read twice: nothing of it is handed out before all of it was found
 * to be authentic. `bytes` is its length. Throws Unsealable.
 */
export async function* unsealParts(
  key: Uint8Array,
  bytes: number,
  read: () => AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  for await (const _ of openedParts(key, bytes, read(), what));
  yield* openedParts(key, bytes, read(), what)
}

async function* openedParts(
  key: Uint8Array,
  bytes: number,
  parts: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const end = bytes - tagBytes
  if (end < 0) throw new Unsealable(what)
  const opening = createDecipheriv(cipher, keyObject(key), nonce, { authTagLength: tagBytes })
  const tag = new Uint8Array(tagBytes)
  let at = 0
  for await (const part of parts) {
    const inner = part.subarray(0, Math.max(0, end - at))
    if (inner.byteLength < part.byteLength) tag.set(part.subarray(inner.byteLength), Math.max(0, at - end))
    at += part.byteLength
    if (inner.byteLength > 0) yield plain(opening.update(inner))
  }
  try {
    opening.setAuthTag(tag)
    opening.final()
  } catch (error) {
    throw new Unsealable(what, error)
  }
}

/** 48 bytes longer, and the same whoever seals it. `key`: the shard's. */
export function sealResult(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  const synthetic = syntheticNonce(key, bytes)
  return plain(concat([synthetic, seal(keyOfResult(key, synthetic), bytes)]))
}

/** Throws Unsealable. */
export function unsealResult(key: Uint8Array, sealed: Uint8Array, what: string): Uint8Array {
  const synthetic = sealed.subarray(0, syntheticBytes)
  const bytes = unseal(keyOfResult(key, synthetic), sealed.subarray(syntheticBytes), what)
  if (!equals(syntheticNonce(key, bytes), synthetic)) throw new Unsealable(what)
  return bytes
}

/** The private half of a blind job's X25519 key: 32 bytes. */
export function blindSecret(secret: Uint8Array): Uint8Array {
  return derive(secret, 'blind')
}

/**
 * Derives the key that wraps the keys of a blind job for one vehicle, from the secret that the two X25519 keys agree
 * on.
 */
export function agreedKey(shared: Uint8Array, job: Uint8Array, vehicle: PeerId): Uint8Array {
  return derive(shared, `blind/${Buffer.from(job).toString('hex')}/${vehicle}`)
}

/** 40 bytes. */
export function wrapKey(key: Uint8Array, wrapped: Uint8Array): Uint8Array {
  return keyWrapper(key)(wrapped)
}

/** The same for many keys under one. */
export function keyWrapper(key: Uint8Array): (wrapped: Uint8Array) => Uint8Array {
  const object = keyObject(key)
  return (wrapped) => {
    const wrapping = createCipheriv(wrap, object, wrapStart)
    return plain(concat([wrapping.update(wrapped), wrapping.final()]))
  }
}

/** Throws Unsealable. */
export function unwrapKey(key: Uint8Array, wrapped: Uint8Array, what: string): Uint8Array {
  // Nothing unwraps to nothing, unchecked.
  if (wrapped.byteLength !== wrappedBytes) throw new Unsealable(what)
  try {
    const opening = createDecipheriv(wrap, keyObject(key), wrapStart)
    return plain(concat([opening.update(wrapped), opening.final()]))
  } catch (error) {
    throw new Unsealable(what, error)
  }
}

function syntheticNonce(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return plain(
    createHmac('sha256', keyObject(derive(key, 'result-nonce')))
      .update(bytes)
      .digest(),
  )
}

function keyOfResult(key: Uint8Array, synthetic: Uint8Array): Uint8Array {
  const named = Buffer.from(synthetic).toString('hex')
  return derive(key, `result/${named}`)
}

function derive(secret: Uint8Array, purpose: string): Uint8Array {
  return deriveWith(keyObject(secret), purpose)
}

function deriveWith(secret: KeyObject, purpose: string): Uint8Array {
  return plain(createHmac('sha256', secret).update(`carpool/${purpose}`).digest())
}

/** Given the bytes of a key, Node 24.21 takes 11 µs to find out that they are no object; making one takes 2. */
function keyObject(key: Uint8Array): KeyObject {
  return createSecretKey(key)
}
