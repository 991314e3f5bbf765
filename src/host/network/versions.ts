/** Tells this node's owner of connected peers that speak another version of Carpool, by what they say of themselves. */
import type { Libp2p } from '@libp2p/interface'
import { clean } from '../../base/printable.ts'
import type { Notices } from '../notices.ts'
import { controlProtocol } from './control.ts'

/** The first word of what a Carpool node says it runs. */
const carpoolAgent = /^carpool\//

/**
 * Compares the protocols of each peer that says it is a Carpool node. Both sides do, so each hears of the other. `software`:
 * name and version of this node.
 */
export function watchVersions(node: Libp2p, software: string, notices: Notices): void {
  node.addEventListener('peer:identify', ({ detail }) => {
    const { agentVersion = '', protocols } = detail
    const peer = detail.peerId.toString()
    if (!carpoolAgent.test(agentVersion)) return
    if (protocols.includes(controlProtocol)) notices.drop('version', peer)
    else {
      const spoken = protocols.find((name) => name.startsWith('/carpool/control/')) ?? 'no control protocol'
      const other = `${clean(agentVersion, 32)} and speaks ${clean(spoken, 32)}`
      const text = `${peer} runs ${other}; this node runs ${software} and speaks ${controlProtocol}: neither gives the other work until the older one is updated`
      notices.tell({ kind: 'version', about: peer, text })
    }
  })
}
