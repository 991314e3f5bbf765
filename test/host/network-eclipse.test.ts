/** A node whose neighbours are hostile but for one. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { connected, Inbox, startNetwork } from '../support/network.ts'

const timeout = 400_000
const hostileCount = 9

test('with nine of ten neighbours that pass nothing on, one honest link is enough to hear and be heard', {
  timeout,
}, async (t) => {
  const victim = await startNetwork(t)
  const honest = await startNetwork(t)
  const far = await startNetwork(t)
  const heard = { victim: new Inbox<string>(), far: new Inbox<string>() }
  for (const [name, network] of Object.entries({ victim, far }))
    network.onGossip((message) => {
      heard[name as keyof typeof heard].put(Buffer.from(message).toString())
      return 'accept'
    })
  honest.onGossip(() => 'accept')

  // They are there first, and have their place in the victim's mesh before anybody else comes.
  for (let i = 0; i < hostileCount; i += 1) {
    const hostile = await startNetwork(t, { bootstrap: victim.addresses() })
    hostile.onGossip(() => 'ignore')
    await connected(victim, hostile.peer)
  }
  const links = [connected(victim, honest.peer), connected(honest, far.peer)]
  honest.learn(victim.peer, victim.addresses())
  far.learn(honest.peer, honest.addresses())
  await Promise.all([
    honest.send(victim.peer, new Uint8Array(1)),
    far.send(honest.peer, new Uint8Array(1)),
    ...links,
  ])
  assert.equal(victim.connectedPeers().length, hostileCount + 1)
  assert.deepEqual(far.connectedPeers(), [honest.peer])

  // What is published before anybody subscribes is lost: an advert is said again, and so is this.
  for (const [from, to] of [
    [far, heard.victim],
    [victim, heard.far],
  ] as const) {
    let round = 0
    const saying = setInterval(() => void from.publish(Buffer.from(`${from.peer} ${round++}`)), 500)
    t.after(() => clearInterval(saying))
    await to.until((messages) => messages.filter((one) => one.startsWith(from.peer)).length >= 5)
    clearInterval(saying)
  }
})
