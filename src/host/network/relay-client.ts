/**
 * The relayed node's side: a node that nobody can dial has a place at one relay, so that others reach it there.
 *
 * It asks the peers that it is connected to anyway, one after the other, until one has a place; when that one is gone, it
 * asks again. Where none of them relays, it meets another of the peers that it knows, one after each pause. libp2p would look
 * for relays itself, and dial wherever a peer says that it lives. And libp2p lets every peer be a relay that offers a
 * connection from somebody: only the one with our place may.
 */
import { circuitRelayTransport, RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, ConnectionGater, Libp2p, StreamHandler, Transport } from '@libp2p/interface'
import type { Logger } from 'pino'
import type { PeerId } from '../../protocol/ids.ts'
import { shuffled } from '../shuffled.ts'
import type { NetworkBounds } from './bounds.ts'
import { redialPauseMs } from './dial-plan.ts'
import { reason } from './errors.ts'
import { circuitOver, isRelayed, relayIn } from './relayed.ts'

type TransportComponents = Parameters<ReturnType<typeof circuitRelayTransport>>[0]
type Registrar = TransportComponents['registrar']
type TransportManager = TransportComponents['transportManager']

export class RelayClient {
  readonly #bounds: NetworkBounds
  readonly #log: Logger
  /** Peers that say they relay, by a connection to them. */
  readonly #able = new Map<PeerId, Connection>()
  /** The relay that is being asked for a place, or has given one. */
  #relay: PeerId | undefined
  #isAsking = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #transports: TransportManager | undefined
  #isWanted: () => boolean = () => false
  #onChange = () => {}
  #meetAnother = () => {}
  #isStopped = false

  constructor(bounds: NetworkBounds, log: Logger) {
    this.#bounds = bounds
    this.#log = log
  }

  /** One of a libp2p node's transports. */
  transport(): (components: TransportComponents) => Transport {
    const make = circuitRelayTransport({ maxInboundStopStreams: this.#bounds.relayedPerHostMax })
    return (components) => {
      this.#transports = components.transportManager
      const registrar = this.#guarded(components.registrar)
      return make(Object.create(components, { registrar: { value: registrar } }) as TransportComponents)
    }
  }

  /** Part of a libp2p node's gater. */
  get gater(): ConnectionGater {
    return { denyInboundRelayedConnection: (relay) => relay.toString() !== this.#relay }
  }

  /**
   * `isWanted`: nobody can dial this node. `onChange`: it has got a place, or lost it, and may `look` for another. `meetAnother`:
   * dials one more peer, which may relay.
   */
  start(node: Libp2p, isWanted: () => boolean, onChange: () => void, meetAnother: () => void): void {
    this.#isWanted = isWanted
    this.#onChange = onChange
    this.#meetAnother = meetAnother
    node.addEventListener('peer:identify', ({ detail: { peerId, connection, protocols } }) => {
      if (isRelayed(connection) || !protocols.includes(RELAY_V2_HOP_CODEC)) return
      this.#able.set(peerId.toString() as PeerId, connection)
      this.look()
    })
    node.addEventListener('connection:close', ({ detail }) => {
      const peer = detail.remotePeer.toString() as PeerId
      if (this.#able.get(peer) === detail) this.#able.delete(peer)
      if (peer !== this.#relay) return
      // libp2p gives up the place in this turn.
      setImmediate(() => {
        if (this.#isStopped || this.#isAsking || this.#places().length > 0) return
        this.#relay = undefined
        this.#onChange()
      })
    })
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** The relay at which others reach this node. */
  get relay(): PeerId | undefined {
    return this.#isAsking ? undefined : this.#relay
  }

  /** Call when it may have become known how others reach this node. */
  look(): void {
    if (this.#isStopped || this.#isAsking || this.#transports === undefined) return
    if (!this.#isWanted()) void this.#leave()
    else if (this.#relay === undefined) void this.#ask()
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer)
    const [able] = shuffled([...this.#able])
    if (able === undefined) {
      this.#meetAnother()
      return this.#lookLater()
    }
    const [relay, connection] = able
    this.#isAsking = true
    this.#relay = relay
    try {
      await this.#close()
      await this.#transports!.listen([circuitOver(connection)])
      if (this.#places().length === 0) throw new Error('the place was lost at once')
      this.#failures = 0
      this.#isAsking = false
      this.#log.info({ relay }, `a relay keeps a place for this node: ${relay}`)
      this.#onChange()
    } catch (thrown) {
      this.#isAsking = false
      this.#relay = undefined
      this.#log.debug({ relay }, `a relay has no place for this node: ${whyNot(thrown)}`)
      this.#lookLater()
    }
  }

  #lookLater(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => this.look(), redialPauseMs(this.#failures++, this.#bounds)).unref()
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#relay === undefined) return
    this.#relay = undefined
    await this.#close()
    this.#onChange()
  }

  /** Listeners of places that are over stay with libp2p until they are closed; closing one gives up all places. */
  async #close(): Promise<void> {
    for (const listener of this.#transports!.getListeners()) {
      const addresses = listener.getAddrs()
      if (addresses.every((address) => relayIn(address) !== undefined)) await listener.close()
    }
  }

  #places(): PeerId[] {
    return this.#transports!.getAddrs().flatMap((address) => relayIn(address) ?? [])
  }

  /**
   * Whoever opens a stream to bring a connection, and is not our relay, is not answered. And libp2p does not learn of peers that
   * relay, since it would ask them for places at the same time as we do.
   */
  #guarded(registrar: Registrar): Registrar {
    const handle: Registrar['handle'] = (protocol, handler, options) =>
      registrar.handle(protocol, protocol === RELAY_V2_STOP_CODEC ? this.#ofRelay(handler) : handler, options)
    const register: Registrar['register'] = async (protocol, topology, options) =>
      protocol === RELAY_V2_HOP_CODEC ? 'none' : registrar.register(protocol, topology, options)
    return Object.create(registrar, { handle: { value: handle }, register: { value: register } }) as Registrar
  }

  #ofRelay(handler: StreamHandler): StreamHandler {
    return (stream, connection) => {
      if (connection.remotePeer.toString() === this.#relay && !isRelayed(connection))
        return handler(stream, connection)
      stream.abort(new Error('this node has no place at that relay'))
    }
  }
}

/** libp2p puts the reason in a later line, after the address. */
function whyNot(thrown: unknown): string {
  const lines = thrown instanceof Error ? thrown.message.split('\n') : []
  return (
    lines.find((line) => line.includes('/p2p-circuit: '))?.replace(/^.*\/p2p-circuit: /, '') ?? reason(thrown)
  )
}
