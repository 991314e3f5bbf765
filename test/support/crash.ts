/**
 * The end of a node as kill -9 leaves it, inside the process of a test: from one moment on nothing that it says is heard,
 * and its disk is what it was in that moment.
 */
import { cpSync, renameSync, rmSync } from 'node:fs'
import { Network } from '../../src/host/network/network.ts'
import type { PeerId } from '../../src/protocol/ids.ts'

/** Nodes that have crashed and are not stopped yet. */
const silent = new Set<PeerId>()

/** Nobody hears it, and it never learns so. */
const unheard = new Promise<never>(() => {})

const { send, publish } = Network.prototype
Network.prototype.send = function (...args) {
  return silent.has(this.peer) ? unheard : send.apply(this, args)
}
Network.prototype.publish = function (...args) {
  return silent.has(this.peer) ? Promise.resolve() : publish.apply(this, args)
}

/** Takes effect before this returns; the promise is for the clearing up. */
export async function crash(peer: PeerId, dataDir: string, stop: () => Promise<void>): Promise<void> {
  const kept = `${dataDir}.kept`
  silent.add(peer)
  cpSync(dataDir, kept, { recursive: true })
  await stop()
  silent.delete(peer)
  rmSync(dataDir, { recursive: true })
  renameSync(kept, dataDir)
}
