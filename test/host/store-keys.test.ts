import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import {
  loadKey,
  loadOrCreateKey,
  peerIdOf,
  publicKeyOf,
  SigningKey,
  verify,
  verifyAgain,
  verifyByPeerId,
} from '../../src/host/store/keys.ts'
import type { PeerId } from '../../src/protocol/ids.ts'
import { ended, firstOf, runChild, temporaryDirectory } from '../support/store.ts'

const bytes = new TextEncoder().encode('what was signed')

test('a key is made once, for its user only, and says whose it is', (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'owner.key')
  const made = loadOrCreateKey(path, 'owner')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.match(
    readFileSync(path, 'utf8'),
    new RegExp(`^Carpool owner key of ${made.peerId}\\..*keep it secret`),
  )
  assert.equal(loadOrCreateKey(path, 'owner').peerId, made.peerId)
  assert.deepEqual(readdirSync(folder), ['owner.key'])
})

test('two processes that make the same key at once get the same key', { timeout: 400_000 }, async (t) => {
  const path = join(temporaryDirectory(t), 'node.key')
  const program = `
    import { loadOrCreateKey } from './store/keys.ts'
    console.log(loadOrCreateKey(process.argv[1], 'node').peerId)`
  const children = Array.from({ length: 4 }, () => runChild(t, program, path))
  const peerIds = await Promise.all(children.map(({ lines }) => firstOf(lines)))
  await Promise.all(children.map(ended))
  assert.deepEqual(new Set(peerIds), new Set([loadKey(path).peerId]))
})

test('a key file that others may read is refused with the command that mends it', (t) => {
  const path = join(temporaryDirectory(t), 'node.key')
  loadOrCreateKey(path, 'node')
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(path, mode)
    assert.throws(() => loadOrCreateKey(path, 'node'), {
      code: 'open-key',
      message: `key file ${path} can be read by others; run: chmod 600 ${path}`,
    })
  }
  chmodSync(path, 0o400)
  loadKey(path)
})

test('what is not an Ed25519 key is refused by name', (t) => {
  const path = join(temporaryDirectory(t), 'node.key')
  assert.throws(() => loadKey(path), { code: 'not-a-key' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  for (const text of ['', 'hello', rsa.export({ type: 'pkcs8', format: 'pem' })]) {
    writeFileSync(path, text, { mode: 0o600 })
    assert.throws(() => loadKey(path), { code: 'not-a-key' })
  }
})

test('a signature holds for its key, its bytes, and nothing else', () => {
  const key = SigningKey.generate()
  const other = SigningKey.generate()
  const signature = key.sign(bytes)
  assert.equal(signature.byteLength, 64)
  assert.equal(verify(key.publicKey, bytes, signature), true)
  assert.equal(verifyByPeerId(key.peerId, bytes, signature), true)
  const bent = signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte))
  assert.equal(verifyByPeerId(key.peerId, bytes, bent), false)
  assert.equal(verifyByPeerId(key.peerId, bytes.subarray(1), signature), false)
  assert.equal(verifyByPeerId(other.peerId, bytes, signature), false)
})

test('a signature that was right is right again, and makes no other one right', () => {
  const [key, other] = [SigningKey.generate(), SigningKey.generate()]
  const signature = key.sign(bytes)
  const bent = signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte))
  for (let times = 0; times < 2; times += 1) {
    assert.equal(verifyAgain(key.peerId, bytes, signature), true)
    assert.equal(verifyAgain(key.peerId, bytes, bent), false)
    assert.equal(verifyAgain(key.peerId, bytes.subarray(1), signature), false)
    assert.equal(verifyAgain(other.peerId, bytes, signature), false)
    // The same bytes one after the other, parted elsewhere.
    const joined = Buffer.concat([bytes, signature])
    const [head, tail] = [joined.subarray(0, -63), joined.subarray(-63)]
    assert.equal(verifyAgain(key.peerId, head, tail), false)
  }
})

test('hostile keys and signatures are false, never an error', () => {
  const key = SigningKey.generate()
  const signature = key.sign(bytes)
  for (const size of [0, 31, 33]) assert.equal(verify(new Uint8Array(size), bytes, signature), false)
  assert.equal(verify(new Uint8Array(32).fill(0xff), bytes, signature), false)
  for (const size of [0, 63, 65, 1000])
    assert.equal(verify(key.publicKey, bytes, new Uint8Array(size)), false)
  for (const text of ['', 'nobody', `${key.peerId}x`, 'z'.repeat(1e6)])
    assert.equal(verifyByPeerId(text as PeerId, bytes, signature), false)
})

test('a peer id, a raw public key and a libp2p key are three forms of one', async () => {
  const key = SigningKey.generate()
  assert.equal(peerIdOf(key.publicKey), key.peerId)
  assert.deepEqual(publicKeyOf(key.peerId), key.publicKey)
  const libp2p = key.toLibp2p()
  assert.equal(peerIdFromPrivateKey(libp2p).toString(), key.peerId)
  assert.equal(verifyByPeerId(key.peerId, bytes, await libp2p.sign(bytes)), true)
  assert.equal(await libp2p.publicKey.verify(bytes, key.sign(bytes)), true)
})

test('a peer id of another kind of key has no Ed25519 key', async () => {
  const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  assert.equal(publicKeyOf(other as PeerId), undefined)
})
