/**
 * The door of gossip: how much of it a node takes from one host.
 *
 * gossipsub reads as fast as a peer sends, and each advert that is new costs a signature and a change of what all jobs know, and goes on to
 * others. So what a host's peers say is taken at a rate, whatever it is, and beyond that the rest waits unread. Nothing is dropped: a
 * message that was not looked at would count as seen when an honest peer brings it. The peers of one host have one rate, since a flood is as
 * easily fifty peers as one, and take turns, so that an honest one among them is heard. What waits when its stream ends is dropped, or whoever
 * opens stream after stream would fill the memory with it; and what is no packet, or names too much, counts as a word.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { GossipSub, gossipsub } from '@libp2p/gossipsub'
import type { RPC } from '@libp2p/gossipsub/message'
import type { Connection, PeerId as LibPeerId, Stream, StreamHandler } from '@libp2p/interface'
import { systemClock } from '../clock.ts'
import type { NetworkBounds } from './bounds.ts'
import { FlowStream } from './flow.ts'
import { type Rate, Rates } from './rates.ts'
import { hostOf } from './turnstile.ts'

/**
 * Words of gossip from one host: messages, subscriptions, and what gossipsub says of its own. In a mesh of 20,000 vehicles 333 adverts
 * a second are new, and a peer brings each once; 512 that are all new take a quarter of a core. Guesses.
 */
export const gossipRate: Rate = { burst: 4_096, perSecond: 512 }
/** Words that are taken at once, between looks at everything else. A guess. */
const pieceMax = 16
/** Names of messages that count as one word: nothing is done for most of them. A guess. */
const idsPerWord = 64

type Make = ReturnType<typeof gossipsub>
type Components = Parameters<Make>[0]

/** The part of gossipsub that takes what a peer says, all of one packet at once. Not in its interface. */
interface Receiving {
  isStarted(): boolean
  decodeRpc(packet: Uint8Array): RPC
  handleReceivedRpc(from: LibPeerId, rpc: RPC): Promise<void>
}

/** The stream that is read. */
interface Reading {
  readonly host: string
  /** Aborted when it has ended. */
  readonly over: AbortSignal
}

const noPacket: RPC = { subscriptions: [], messages: [] }

/** A gossipsub, made by `make` with `awaitRpcHandler`, that hears each host at this rate and reads no faster. */
export function behindDoor(make: Make, bounds: NetworkBounds, rate: Rate = gossipRate): Make {
  return (components) => {
    const rates = new Rates(() => systemClock.monotonicMs())
    const reading = new AsyncLocalStorage<Reading>()
    const registrar = readingSlowly(components.registrar, bounds, reading)
    const pubsub = make(Object.create(components, { registrar: { value: registrar } }) as Components)
    const door = pubsub as GossipSub & Receiving
    const decode = door.decodeRpc.bind(pubsub)
    door.decodeRpc = (packet) => {
      try {
        return decode(packet)
      } catch {
        return noPacket
      }
    }
    const receive = door.handleReceivedRpc.bind(pubsub)
    door.handleReceivedRpc = async (from, rpc) => {
      const { host = from.toString(), over } = reading.getStore() ?? {}
      for (const [i, piece] of piecesOf(rpc).entries()) {
        const waitMs = rates.spend(host, rate, wordsIn(piece))
        if (waitMs > 0 && !(await hasWaited(waitMs, over))) return
        if (waitMs <= 0 && i > 0) await setImmediate()
        if (!door.isStarted()) return
        await receive(from, piece)
      }
    }
    return pubsub
  }
}

/** False: the stream has ended before. */
async function hasWaited(waitMs: number, over: AbortSignal | undefined): Promise<boolean> {
  if (over?.aborted === true) return false
  return delay(waitMs, true, { ref: false, ...(over === undefined ? {} : { signal: over }) }).catch(
    () => false,
  )
}

/** Streams of these handlers are read when their reader asks, where gossipsub alone would take all into memory. */
function readingSlowly(
  registrar: Components['registrar'],
  bounds: NetworkBounds,
  reading: AsyncLocalStorage<Reading>,
): Components['registrar'] {
  const slowly =
    (handler: StreamHandler): StreamHandler =>
    (stream, connection) =>
      reading.run(readingOf(stream, connection), () => handler(readSlowly(stream, bounds), connection))
  const handle: typeof registrar.handle = (protocol, handler, options) =>
    registrar.handle(protocol, slowly(handler), options)
  return Object.create(registrar, { handle: { value: handle } }) as typeof registrar
}

function readingOf(stream: Stream, { remoteAddr }: Connection): Reading {
  const over = new AbortController()
  stream.addEventListener('close', () => over.abort())
  return { host: hostOf(remoteAddr), over: over.signal }
}

/** The part of a stream that gossipsub uses of one that a peer opened. */
function readSlowly(stream: Stream, bounds: NetworkBounds): Stream {
  const flow = new FlowStream(stream, bounds.readAheadBytesMax)
  const read = {
    [Symbol.asyncIterator]: () => flow.chunks(),
    close: (options: Parameters<Stream['close']>[0]) => stream.close(options),
    abort: (error: Error) => stream.abort(error),
  }
  return read as unknown as Stream
}

/** The same words in the same order, some at a time. */
export function piecesOf(rpc: RPC): RPC[] {
  const { messages, subscriptions, control } = rpc
  if (messages.length <= pieceMax) return [rpc]
  const count = Math.ceil(messages.length / pieceMax)
  return Array.from({ length: count }, (_, i) => ({
    subscriptions: i === 0 ? subscriptions : [],
    messages: messages.slice(i * pieceMax, (i + 1) * pieceMax),
    ...(i === count - 1 && control !== undefined ? { control } : {}),
  }))
}

/** Words that a packet counts as, at least one. */
export function wordsIn({ subscriptions, messages, control }: RPC): number {
  const { ihave = [], iwant = [], idontwant = [], graft = [], prune = [] } = control ?? {}
  const named = [...ihave, ...iwant, ...idontwant]
  const ids = named.reduce((sum, { messageIDs }) => sum + messageIDs.length, 0)
  const words = subscriptions.length + messages.length + named.length + graft.length + prune.length
  return Math.max(1, words + Math.floor(ids / idsPerWord))
}
