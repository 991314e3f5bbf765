/** Says something over the mesh and does not wait for it: what is lost is said again, or asked for. */
import type { Logger } from 'pino'
import type { PeerId } from '../protocol/ids.ts'
import { encodeMessage, type Message } from '../protocol/message.ts'
import type { Network } from './network/network.ts'

/** Resolves when it was handed over, or was lost. */
export function say(
  { network, log }: { readonly network: Pick<Network, 'send'>; readonly log: Logger },
  to: PeerId,
  message: Message,
): Promise<void> {
  return network.send(to, encodeMessage(message)).catch((error) => {
    log.debug({ to, message: message.type, error }, 'a message was not delivered')
  })
}
