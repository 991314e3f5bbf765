/** The channels over which a node talks with others: control messages, blocks, gossip, and messages of cells where it knows any. */
import type { Connection } from '@libp2p/interface'
import type { Logger } from 'pino'
import { BlockExchange } from './blocks.ts'
import type { NetworkBounds } from './bounds.ts'
import { CellTalk } from './cell-talk.ts'
import { ControlChannel } from './control.ts'
import { Gossip } from './gossip.ts'
import type { Neighbours } from './neighbours.ts'
import type { Node } from './node.ts'

export interface Channels {
  readonly control: ControlChannel
  readonly blocks: BlockExchange
  readonly gossip: Gossip
  /** Undefined: the node knows no cells. */
  readonly cells: CellTalk | undefined
}

/** The node must not have started: handlers come first. `isHeld`: the connection is needed though nothing goes over it now. */
export async function openChannels(
  node: Node,
  neighbours: Neighbours,
  isHeld: (connection: Connection) => boolean,
  {
    gossipScope,
    knowsCells,
    log,
    now,
  }: {
    readonly gossipScope: string
    readonly knowsCells: boolean
    readonly log: Logger
    readonly now?: () => number
  },
  bounds: NetworkBounds,
): Promise<Channels> {
  const connect = (peer: Parameters<Neighbours['connect']>[0]) => neighbours.connect(peer)
  const control = new ControlChannel(connect, bounds, log)
  const blocks = new BlockExchange(connect, bounds, log)
  const gossip = new Gossip(node, gossipScope, bounds, log)
  const cells = knowsCells
    ? new CellTalk(node, { neighbours, control, gossip, bounds, log, now, isBusy: isHeld })
    : undefined
  for (const channel of [control, blocks, ...(cells === undefined ? [] : [cells])]) await channel.listen(node)
  return { control, blocks, gossip, cells }
}
