import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  certificateText,
  charterText,
  readCertificate,
  readCharter,
  signCertificate,
  signCharter,
} from '../../src/host/membership/certificates.ts'
import { SigningKey } from '../../src/host/store/keys.ts'

const dayMs = 24 * 3_600_000
const nowMs = Date.UTC(2026, 0, 1)
const key = SigningKey.generate()
const vehicle = SigningKey.generate().peerId
const charter = { name: 'test', keys: [key.peerId], registrars: [], operatorPpm: 0, revoked: [] }

test('a certificate that is read back says who vouches for whom, and until when', (t) => {
  const record = signCertificate(key, vehicle, { nowMs, days: 30 })
  const read = readCertificate(fileWith(t, certificateText(record)), nowMs)
  assert.deepEqual(read.record, record)
  const { signer, payload, job, epoch, steward, serial, expiresMs } = read.content
  assert.deepEqual(
    { signer, payload, job, epoch, steward, serial, expiresMs },
    {
      signer: key.peerId,
      payload: { peer: vehicle },
      job: null,
      epoch: 0,
      steward: null,
      serial: nowMs,
      expiresMs: nowMs + 30 * dayMs,
    },
  )
})

test('a charter that is read back says what was signed', (t) => {
  const { content } = readCharter(fileWith(t, charterText(signCharter(key, charter, 7))))
  assert.deepEqual([content.signer, content.serial, content.payload], [key.peerId, 7, charter])
})

test('a certificate that has expired is refused with its last day', (t) => {
  const path = fileWith(t, certificateText(signCertificate(key, vehicle, { nowMs, days: 1 })))
  assert.doesNotThrow(() => readCertificate(path, nowMs + dayMs - 1))
  assert.throws(() => readCertificate(path, nowMs + dayMs), {
    message: `${path} expired on 2026-01-02: sign it again`,
  })
})

test('a certificate in which any bit of body or signature was flipped is refused', (t) => {
  const record = signCertificate(key, vehicle, { nowMs })
  for (const part of ['body', 'signature'] as const)
    for (let position = 0; position < record[part].byteLength; position += 7) {
      const bent = { ...record, [part]: record[part].slice() }
      bent[part][position]! ^= 1
      const path = fileWith(t, certificateText(bent))
      assert.throws(() => readCertificate(path, nowMs), namedIn(path), `${part} ${position}`)
    }
})

test('a charter is no certificate, and the error says what it is', (t) => {
  const path = fileWith(t, charterText(signCharter(key, charter, 7)))
  assert.throws(() => readCertificate(path, nowMs), {
    message: `${path} is not an owner certificate but a fleet charter`,
  })
})

test('a charter under the name of a certificate is refused by its signed kind', (t) => {
  const path = fileWith(t, certificateText(signCharter(key, charter, 7)))
  assert.throws(() => readCertificate(path, nowMs), /that can be trusted: malformed: .*is a charter/)
})

test('what is no such file at all is refused in one sentence that names it', (t) => {
  const path = join(newDirectory(t), 'missing')
  for (const text of ['', '{', '[]', '{"carpool":"owner-certificate"}', 'x'.repeat(2 ** 20 + 1)]) {
    const wrong = fileWith(t, text)
    assert.throws(() => readCertificate(wrong), namedIn(wrong))
  }
  assert.throws(() => readCertificate(path), namedIn(path))
  assert.throws(() => readCharter(path), namedIn(path))
})

function namedIn(path: string): (error: Error) => boolean {
  return ({ message }) => message.startsWith(`${path} `) && !message.includes('\n')
}

function fileWith(t: TestContext, text: string): string {
  const path = join(newDirectory(t), 'file.json')
  writeFileSync(path, text)
  return path
}

function newDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'carpool-test-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}
