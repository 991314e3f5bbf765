/**
 * Ed25519 keys: of the node, its owner, a submitter, a fleet. Each is a file of its own, since each outlives and
 * outranks the others differently, and each is PEM (PKCS#8, RFC 8410), which every crypto tool reads, below a line
 * that tells a person whose key it is. A libp2p peer id is the text form of any of them.
 *
 * Signing and verifying use node:crypto, which is synchronous: 60 and 170 µs for a record of 300 bytes.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto'
import { statSync } from 'node:fs'
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { writeWhole } from './durable.ts'
import { StoreError } from './errors.ts'
import { plain } from './plain.ts'
import { readSecret } from './private-files.ts'

export type KeyPurpose = 'node' | 'owner' | 'submitter' | 'fleet'

/** A mesh of ten cells has 1,000 peers; a key object takes about 1 KiB. Less means parsing a key (110 µs) again. */
const parsedKeysMax = 4096

/** A certificate and a credential for each of 1,000 peers, twice over; each takes about 100 bytes. */
const rightSignaturesMax = 4096

/** Decoding base58 takes the square of its length. */
const peerIdLengthMax = 64

export class SigningKey {
  readonly keyObject: KeyObject
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly peerId: PeerId

  constructor(keyObject: KeyObject) {
    this.keyObject = keyObject
    this.publicKey = jwkBytes(keyObject, 'x')
    this.peerId = peerIdOf(this.publicKey)
  }

  static generate(): SigningKey {
    return new SigningKey(generateKeyPairSync('ed25519').privateKey)
  }

  /** 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array {
    return plain(signBytes(null, bytes, this.keyObject))
  }

  /** For createLibp2p({ privateKey }). */
  toLibp2p(): PrivateKey {
    return privateKeyFromRaw(Buffer.concat([this.privateBytes(), this.publicKey]))
  }

  /** 32 bytes, the seed of RFC 8032. */
  privateBytes(): Uint8Array {
    return jwkBytes(this.keyObject, 'd')
  }
}

/**
 * Reads the key file at `path`, and makes one if there is none; of two processes that do so at once, both get the
 * same key. Throws StoreError: open-key, not-a-key.
 */
export function loadOrCreateKey(path: string, purpose: KeyPurpose): SigningKey {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    const key = SigningKey.generate()
    const text = `Carpool ${purpose} key of ${key.peerId}. Whoever has this file is this ${purpose}: keep it secret.\n`
    const pem = key.keyObject.export({ type: 'pkcs8', format: 'pem' })
    writeWhole(path, Buffer.from(text + pem), { mode: 0o600, exclusive: true })
  }
  return loadKey(path)
}

/** Throws StoreError: open-key when anybody but its user may read the file, not-a-key. */
export function loadKey(path: string): SigningKey {
  let text: string
  try {
    text = readSecret(path).toString('utf8')
  } catch (error) {
    if (error instanceof StoreError) throw error
    throw new StoreError({ code: 'not-a-key', path, why: (error as Error).message }, { cause: error })
  }
  return keyOf(path, text)
}

/** The key in the text of a key file; `path` names it in an error. Throws StoreError: not-a-key. */
export function keyOf(path: string, text: string): SigningKey {
  return new SigningKey(parse(path, text))
}

/** The text form of a raw public key (32 bytes). */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey)).toString() as PeerId
}

/** The raw public key (32 bytes) that an Ed25519 peer id carries; undefined for any other text. */
export function publicKeyOf(peerId: PeerId): Uint8Array | undefined {
  if (peerId.length > peerIdLengthMax) return undefined
  try {
    const peer = peerIdFromString(peerId)
    return peer.type === 'Ed25519' && peer.toString() === peerId ? plain(peer.publicKey.raw) : undefined
  } catch {
    return undefined
  }
}

/** Tells whether the owner of a raw public key (32 bytes) signed these bytes. Never throws. */
export function verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = parsePublicKey(publicKey)
  return key !== undefined && verifyBytes(null, bytes, key, signature)
}

/** Tells whether the node, owner, submitter or fleet of this peer id signed these bytes. Never throws. */
export function verifyByPeerId(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = parsedKeys.get(signer) ?? remember(signer)
  return key !== undefined && verifyBytes(null, bytes, key, signature)
}

/**
 * The same, for what comes again and again, as a vehicle's certificate and its credential with each of its adverts: remembers
 * the signatures that were right. Never throws.
 */
export function verifyAgain(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean {
  const hash = createHash('sha256').update(`${signer.length} ${signer} ${bytes.byteLength} `)
  const name = hash.update(bytes).update(signature).digest('base64')
  if (rightSignatures.get(name) !== undefined) return true
  const isRight = verifyByPeerId(signer, bytes, signature)
  if (isRight) rightSignatures.set(name, isRight)
  return isRight
}

/** The same, on one of libuv's threads. Never rejects. */
export function verifyOnThread(signer: PeerId, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const key = parsedKeys.get(signer) ?? remember(signer)
  if (key === undefined) return Promise.resolve(false)
  return new Promise((resolve) =>
    verifyBytes(null, bytes, key, signature, (error, isRight) => resolve(error === null && isRight)),
  )
}

/** By the hash of signer, bytes and signature. */
const rightSignatures = new BoundedMap<string, true>(rightSignaturesMax)
const parsedKeys = new BoundedMap<PeerId, KeyObject>(parsedKeysMax)

/**
 * Parses a peer id's key and remembers it. An id that does not parse is not remembered: it costs its sender a
 * connection, and us nothing to keep.
 */
function remember(signer: PeerId): KeyObject | undefined {
  const publicKey = publicKeyOf(signer)
  const key = publicKey && parsePublicKey(publicKey)
  if (key === undefined) return undefined
  parsedKeys.set(signer, key)
  return key
}

/** SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410, §4). */
const publicKeyHead = Buffer.from('302a300506032b6570032100', 'hex')

function parsePublicKey(raw: Uint8Array): KeyObject | undefined {
  if (raw.byteLength !== 32) return undefined
  return createPublicKey({ key: Buffer.concat([publicKeyHead, raw]), format: 'der', type: 'spki' })
}

function parse(path: string, text: string): KeyObject {
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch (error) {
    throw new StoreError({ code: 'not-a-key', path, why: 'no PEM private key in it' }, { cause: error })
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new StoreError({ code: 'not-a-key', path, why: `it holds a key of type ${key.asymmetricKeyType}` })
}

function jwkBytes(key: KeyObject, member: 'd' | 'x'): Uint8Array {
  return plain(Buffer.from(key.export({ format: 'jwk' })[member]!, 'base64url'))
}
