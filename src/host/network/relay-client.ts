/**
 * The relayed node's side: a node that nobody can dial has a place at one relay, so that others reach it there.
 *
 * It asks the peers that it is connected to anyway, one after the other, until one has a place; when that one is gone, it
 * asks again. Where none of them relays, it meets another of the peers that it knows, one after each pause. A relay through which nobody has
 * come for a while may pass nothing on, and nobody else could tell: then another one has its turn, each once. libp2p would look
 * for relays itself, and dial wherever a peer says that it lives. And libp2p lets every peer be a relay that offers a
 * connection from somebody: only the one with our place may.
 */
import { circuitRelayTransport, RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2'
import type { Connection, ConnectionGater, Libp2p, StreamHandler, Transport } from '@libp2p/interface'
import type { Logger } from 'pino'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { systemClock } from '../clock.ts'
import type { Notices } from '../notices.ts'
import { shuffled } from '../shuffled.ts'
import type { NetworkBounds } from './bounds.ts'
import { redialPauseMs } from './dial-plan.ts'
import { reason } from './errors.ts'
import { circuitOver, isRelayed, relayIn } from './relayed.ts'

type TransportComponents = Parameters<ReturnType<typeof circuitRelayTransport>>[0]
type Registrar = TransportComponents['registrar']
type TransportManager = TransportComponents['transportManager']

/** Silent relays that are remembered: as many as a node is connected to. */
const silentRelaysMax = 300

export class RelayClient {
  readonly #bounds: NetworkBounds
  readonly #notices: Pick<Notices, 'tell' | 'drop'>
  readonly #log: Logger
  /** Peers that say they relay, by a connection to them. */
  readonly #able = new Map<PeerId, Connection>()
  /** The relay that is being asked for a place, or has given one. */
  #relay: PeerId | undefined
  #isAsking = false
  /** Relays through which nobody came, or that had no place, and since when they are passed over. */
  readonly #silent = new BoundedMap<PeerId, number>(silentRelaysMax)
  /** When somebody came through the relay last, or when it gave the place. */
  #heardMs = 0
  #watch: NodeJS.Timeout | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #transports: TransportManager | undefined
  #isWanted: () => boolean = () => false
  #onChange = () => {}
  #meetAnother = () => {}
  #isStopped = false

  constructor(bounds: NetworkBounds, notices: Pick<Notices, 'tell' | 'drop'>, log: Logger) {
    this.#bounds = bounds
    this.#notices = notices
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
    node.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'inbound' && isRelayed(detail) && relayIn(detail.remoteAddr) === this.#relay)
        this.#cameThrough(this.#relay)
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
    clearTimeout(this.#watch)
  }

  #cameThrough(relay: PeerId | undefined): void {
    this.#heardMs = systemClock.monotonicMs()
    if (relay !== undefined) this.#notices.drop('relay', relay)
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
    const [able] = shuffled(this.#heard())
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
      this.#heardMs = systemClock.monotonicMs()
      this.#watchSilence(relay)
      this.#log.info({ relay }, `a relay keeps a place for this node: ${relay}`)
      this.#onChange()
    } catch (thrown) {
      this.#isAsking = false
      this.#relay = undefined
      // The next one has its turn; were it asked alone, one that is full would keep this node from all that were silent.
      this.#silent.set(relay, systemClock.monotonicMs())
      this.#log.debug({ relay }, `a relay has no place for this node: ${whyNot(thrown)}`)
      this.#lookLater()
    }
  }

  /** The peers that relay, without those that were silent or full; all of them where all were. */
  #heard(): [PeerId, Connection][] {
    const sinceMs = systemClock.monotonicMs() - this.#bounds.relaySeatMs
    const able = [...this.#able]
    const heard = able.filter(([peer]) => (this.#silent.peek(peer) ?? Number.NEGATIVE_INFINITY) < sinceMs)
    return heard.length > 0 ? heard : able
  }

  /** A node behind a relay cannot see what it does not pass on: only that nobody comes. */
  #watchSilence(relay: PeerId): void {
    clearTimeout(this.#watch)
    const silentMs = systemClock.monotonicMs() - this.#heardMs
    const leftMs = Math.max(1, this.#bounds.relaySilentMs - silentMs)
    this.#watch = setTimeout(() => {
      if (this.#isStopped || this.#relay !== relay || this.#isAsking) return
      if (systemClock.monotonicMs() - this.#heardMs >= this.#bounds.relaySilentMs) this.#passOver(relay)
      else this.#watchSilence(relay)
    }, leftMs).unref()
  }

  #passOver(relay: PeerId): void {
    this.#silent.set(relay, systemClock.monotonicMs())
    const others = this.#heard().filter(([peer]) => peer !== relay && this.#silent.peek(peer) === undefined)
    if (others.length === 0) {
      // It stays: a silent relay is no worse than none. One that is met later may be asked then.
      this.#heardMs = systemClock.monotonicMs()
      const text = `nobody came to this node through the relay ${relay} for ${Math.ceil(this.#bounds.relaySilentMs / 60_000)} min, nor through another that it knows: nobody needed to, or they pass nothing on. A node that others can dial needs no relay`
      this.#notices.tell({ kind: 'relay', about: relay, text })
      this.#meetAnother()
      this.#watchSilence(relay)
      return
    }
    this.#notices.drop('relay', relay)
    this.#log.debug(
      { relay },
      `nobody came through the relay ${relay}: it may pass nothing on, and another is asked`,
    )
    this.#relay = undefined
    void this.#ask()
  }

  #lookLater(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => this.look(), redialPauseMs(this.#failures++, this.#bounds)).unref()
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#timer)
    clearTimeout(this.#watch)
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
   * Lets only our relay bring connections. And libp2p does not learn of peers that relay, since it would ask them for
   * places at the same time as we do.
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
