/** A bus of its own with a NetworkManager on it, as far as its property `Metered` goes. */
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createBroker, createClient, type DBusBroker, type MessageBus, Variant } from 'dbus-native'
import { temporaryDirectory } from './store.ts'

const service = 'org.freedesktop.NetworkManager'
const path = '/org/freedesktop/NetworkManager'
const properties = 'org.freedesktop.DBus.Properties'

export class Bus {
  readonly address: string
  readonly #broker: DBusBroker

  /** At the same place again, when a test says so. */
  static async start(t: TestContext, socket = join(temporaryDirectory(t), 'bus')): Promise<Bus> {
    const broker = createBroker()
    await new Promise<void>((resolve, reject) => {
      broker.listen({ socket }, (error) => (error === null ? resolve() : reject(error)))
    })
    const bus = new Bus(broker, `unix:path=${socket}`)
    t.after(() => bus.stop())
    return bus
  }

  private constructor(broker: DBusBroker, address: string) {
    this.#broker = broker
    this.address = address
  }

  stop(): void {
    this.#broker.close()
  }
}

export class NetworkManager {
  asked = 0
  #metered: unknown
  readonly #type: string
  readonly #bus: MessageBus

  /** `type`: the property's, 'u' with the real one. */
  static async start(t: TestContext, address: string, metered: unknown, type = 'u'): Promise<NetworkManager> {
    const bus = createClient({ busAddress: address, authMethods: ['EXTERNAL'] })
    bus.connection.on('error', () => undefined)
    await once(bus.connection, 'connect')
    await bus.requestName(service, 0)
    t.after(() => void bus.connection.end())
    return new NetworkManager(bus, metered, type)
  }

  private constructor(bus: MessageBus, metered: unknown, type: string) {
    this.#bus = bus
    this.#metered = metered
    this.#type = type
    const answer = (): unknown => {
      this.asked += 1
      return this.#metered
    }
    const object = Object.defineProperty({}, 'Metered', { get: answer, enumerable: true })
    bus.exportInterface(object, path, { name: service, properties: { Metered: type } })
  }

  /** Tells everybody that something changed, as NetworkManager does. */
  set(metered: unknown): void {
    this.#metered = metered
    const changed = { Metered: new Variant(this.#type, metered) }
    this.#bus.sendSignal(path, properties, 'PropertiesChanged', 'sa{sv}as', [service, changed, []])
  }
}
