/**
 * The connections of the server, with and without a name: one over which a key was shown has one. Those without are what anybody who
 * reaches the port can open, so they give way: an address has so many at a time, and where all places are taken, those of the address
 * that has the most go first, the oldest before others. Whoever has a key says so within a moment, and keeps its connection, unless
 * all are of tenants: then the oldest of the tenant that has the most goes, so that no tenant shuts the others out.
 *
 * Behind a reverse proxy all come from one address; there, too, the ones that go are old and have shown nothing.
 */
import type { Socket } from 'node:net'

export interface ConnectionBounds {
  readonly connectionsMax: number
  readonly namelessOfAddressMax: number
}

export class Connections {
  readonly #bounds: ConnectionBounds
  readonly #all = new Set<Socket>()
  /** By address, the oldest first. */
  readonly #nameless = new Map<string, Set<Socket>>()
  /** By tenant, the oldest first. */
  readonly #named = new Map<string, Set<Socket>>()

  constructor(bounds: ConnectionBounds) {
    this.#bounds = bounds
  }

  /** Takes in a new connection, in the place of another one where there are too many. */
  add(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const { connectionsMax, namelessOfAddressMax } = this.#bounds
    if ((this.#nameless.get(address)?.size ?? 0) >= namelessOfAddressMax)
      this.#end(this.#nameless.get(address))
    else if (this.#all.size >= connectionsMax) this.#end(fullest(this.#nameless) ?? fullest(this.#named))
    this.#all.add(socket)
    put(socket, address, this.#nameless)
    socket.once('close', () => this.#forget(socket))
  }

  /** A key of this tenant was shown over this connection. Over one connection, a proxy's say, several may be: the first one counts. */
  named(socket: Socket, tenant: string): void {
    if (this.#all.has(socket) && take(socket, this.#nameless)) put(socket, tenant, this.#named)
  }

  endAll(): void {
    for (const socket of this.#all) socket.destroy()
  }

  /** Ends the oldest of them. */
  #end(sockets: ReadonlySet<Socket> | undefined): void {
    const [oldest] = sockets ?? []
    if (oldest === undefined) return
    this.#forget(oldest)
    oldest.destroy()
  }

  #forget(socket: Socket): void {
    this.#all.delete(socket)
    take(socket, this.#nameless)
    take(socket, this.#named)
  }
}

type Groups = Map<string, Set<Socket>>

function put(socket: Socket, group: string, groups: Groups): void {
  groups.set(group, (groups.get(group) ?? new Set()).add(socket))
}

/** Tells whether it was there. */
function take(socket: Socket, groups: Groups): boolean {
  for (const [group, sockets] of groups) {
    if (!sockets.delete(socket)) continue
    if (sockets.size === 0) groups.delete(group)
    return true
  }
  return false
}

/** The group with the most connections; undefined: there are none. */
function fullest(groups: Groups): Set<Socket> | undefined {
  let most: Set<Socket> | undefined
  for (const sockets of groups.values()) if (sockets.size > (most?.size ?? 0)) most = sockets
  return most
}
