/** A process that says as much to a node as it takes, and cheaply: `flooder.ts <multiaddr> <peer>`. */
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { Network } from '../src/host/network/network.ts'
import { SigningKey } from '../src/host/store/keys.ts'
import type { PeerId } from '../src/protocol/ids.ts'
import { encodeMessage } from '../src/protocol/message.ts'
import { encodeBody } from '../src/protocol/record/record.ts'

const [address, peer] = process.argv.slice(2) as [string, PeerId]
const key = SigningKey.generate()
const network = await Network.start({
  privateKey: key.toLibp2p(),
  listen: [],
  bootstrap: [],
  gossipScope: 'open',
  log: pino({ level: 'silent' }),
})
network.onMessage(() => {})
await network.reach(address)

/** What costs the other a signature to check and a look at its jobs; and one to sign. */
function* messages(): Generator<Uint8Array> {
  for (;;) {
    const body = encodeBody({
      domain: 'carpool',
      version: 1,
      kind: 'access',
      job: null,
      epoch: 0,
      steward: null,
      serial: 1,
      expiresMs: Number.MAX_SAFE_INTEGER,
      signer: key.peerId,
      payload: { reader: key.peerId },
    })
    const find = encodeMessage({ type: 'find', access: { body, signature: key.sign(body) } })
    for (let i = 0; i < 100; i += 1) yield find
    for (let i = 0; i < 100; i += 1)
      yield encodeMessage({ type: 'invite', nonce: new Uint8Array(randomBytes(16)), bytes: 1, place: null })
  }
}

process.send?.('ready')
let sent = 0
process.on('message', () => process.send?.(sent))
for (const message of messages()) {
  await network.send(peer, message).catch(() => {})
  sent += 1
}
