/**
 * Ports for whoever must be told its port before it has one, or has to come back to it.
 *
 * The kernel hands out ports of one range to all who ask for any, and many tests run at once: one of that range that was
 * free a moment ago is another test's by the time it is needed, or while its own node is away. So these are below it.
 */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const lowest = 10_000

/** A port of 127.0.0.1 that nobody uses now, and that the kernel gives nobody by itself. */
export function freePort(): Promise<number> {
  return findFree(async (port) => {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
  })
}

/** The same of UDP, free on all of this machine's addresses. */
export function freeUdpPort(): Promise<number> {
  return findFree(async (port) => {
    const socket = createSocket('udp4')
    socket.bind(port)
    await once(socket, 'listening')
    socket.close()
    await once(socket, 'close')
  })
}

/** Where nobody listens. */
export async function closedAddress(): Promise<string> {
  return `/ip4/127.0.0.1/tcp/${await freePort()}`
}

async function findFree(bind: (port: number) => Promise<void>): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, firstGiven())
    try {
      await bind(port)
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

/** The lowest of the ports that the kernel hands out: what it says on Linux, else what IANA set aside for it. */
function firstGiven(): number {
  const fallback = 49_152
  if (process.platform !== 'linux') return fallback
  const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
  return first > lowest + 1000 ? first : fallback
}
