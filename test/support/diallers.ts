/** Several nodes in one process dial from it: which of them it was, known by the port that it dialled from. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import type { Whose } from './proxy.ts'

const acting = new AsyncLocalStorage<string>()
const names = new Map<number, string>()

subscribe('net.client.socket', (message) => {
  const name = acting.getStore()
  const { socket } = message as { readonly socket: Socket }
  // Each node of this process counts the bytes of each socket (traffic.ts), so there are as many listeners as nodes.
  socket.setMaxListeners(0)
  if (name === undefined) return
  socket.once('connect', () => {
    const port = socket.localPort!
    names.set(port, name)
    socket.once('close', () => names.delete(port))
  })
})

/** Whatever begins in here, now or later, is done by this node. */
export function actingAs<Value>(name: string, action: () => Value): Value {
  return acting.run(name, action)
}

/** One that is not known yet counts as well: who is kept out dials again. */
export function dialledByNodes(wanted: readonly string[]): Whose {
  return (port) => {
    const name = port === undefined ? undefined : names.get(port)
    return name === undefined || wanted.includes(name)
  }
}
