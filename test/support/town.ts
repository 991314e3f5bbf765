/**
 * Nodes of a mesh of cells in one process, as far as cells go: real networks over the loopback and the driver of each node's part in its
 * cell, on the time of a mesh. Everybody knows who is in its cell from the start, and adverts are not gossiped.
 */
import { pino } from 'pino'
import { fromString } from 'uint8arrays'
import { CellsDriver } from '../../src/host/cells/cells-driver.ts'
import { mayHear } from '../../src/host/cells/channels.ts'
import { memberOf } from '../../src/host/cells/contacts.ts'
import type { CellsDriverOptions } from '../../src/host/cells/options.ts'
import { Network } from '../../src/host/network/network.ts'
import { sha256 } from '../../src/host/sha256.ts'
import { SigningKey } from '../../src/host/store/keys.ts'
import type { CellLimits } from '../../src/protocol/cell-limits.ts'
import type { CellView } from '../../src/protocol/cells/cells.ts'
import { cellAt, cellKeyOf } from '../../src/protocol/cells/key.ts'
import { contactOf } from '../../src/protocol/cells/member.ts'
import type { OwnerId, RecordId } from '../../src/protocol/ids.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import { ownerIdOf } from '../../src/protocol/membership/owner.ts'
import { rawCid } from '../../src/protocol/record/block.ts'
import { capacityOf } from '../../src/simulator/fixtures.ts'
import type { MeshClock } from './mesh-clock.ts'

const log = pino({ level: 'silent' })
const nobodysAdvert = { body: new Uint8Array(0), signature: new Uint8Array(64) }

export class Citizen {
  readonly cell: string
  readonly network: Network
  readonly driver: CellsDriver
  readonly capacity: Capacity
  /** The owners whose lies were proven to it. */
  readonly banned: Set<OwnerId>

  constructor(cell: string, network: Network, driver: CellsDriver, capacity: Capacity, banned: Set<OwnerId>) {
    this.cell = cell
    this.network = network
    this.driver = driver
    this.capacity = capacity
    this.banned = banned
  }

  /** It sees a proof against an owner. */
  see(owner: OwnerId): void {
    this.banned.add(owner)
    this.driver.proven(owner, proofAgainst(owner))
  }

  get view(): CellView {
    return this.driver.view!
  }
}

export class Town {
  readonly clock: MeshClock
  citizens: Citizen[] = []

  /** `counts`: how many live in each cell; all cells have the same depth. */
  static async start(
    counts: ReadonlyMap<string, number>,
    limits: CellLimits,
    clock: MeshClock,
  ): Promise<Town> {
    const town = new Town(clock)
    const keys = [...counts].flatMap(([cell, count]) =>
      Array.from({ length: count }, () => [cell, keyIn(cell)] as const),
    )
    const networks = await Promise.all(keys.map(([, key]) => startNetwork(key, clock)))
    const capacities = networks.map(({ peer }, i) => {
      const [owner, addresses] = [ownerIdOf(sha256, peer), networks[i]!.addresses()]
      return capacityOf({ peer, owner, reach: 'direct', addresses })
    })
    const contacts = capacities.map((capacity) => contactOf(memberOf(capacity)))
    town.citizens = keys.map(([cell, key], i) => {
      // As a node has them on its disk: those of its cell, and one of each other.
      const far = [...counts.keys()]
        .filter((other) => other !== cell)
        .map((other) => keys.findIndex(([its]) => its === other))
      const known = contacts.filter((_, j) => j !== i && (keys[j]![0] === cell || far.includes(j)))
      const kept = { key: contacts[i]!.key, depth: cell.length, contacts: known }
      const network = networks[i]!
      const banned = new Set<OwnerId>()
      const driver = new CellsDriver({
        ...{ key, network, fleet: null, clock, log, limits, bootstrap: [], isMetered: false },
        journal: journalWith(JSON.stringify(kept)),
        advertise: () => {},
        take: () => {},
        believed: (peer: string) => capacities.find((each) => each.peer === peer),
        showProof: (to, owner) => {
          if (banned.has(owner)) town.citizens.find(({ capacity }) => capacity.peer === to)?.see(owner)
        },
      } satisfies CellsDriverOptions)
      return new Citizen(cell, network, driver, capacities[i]!, banned)
    })
    for (const one of town.citizens) {
      one.driver.heard(nobodysAdvert, one.capacity, 'new')
      for (const other of town.in(one.cell))
        if (other !== one) {
          one.network.learn(other.network.peer, other.capacity.addresses)
          one.driver.heard(nobodysAdvert, other.capacity, 'new')
        }
    }
    return town
  }

  private constructor(clock: MeshClock) {
    this.clock = clock
  }

  in(cell: string): Citizen[] {
    return this.citizens.filter((one) => one.cell === cell)
  }

  /** Ends some of them without a word; those of their cells believe in them for as long as an advert lives. */
  async end(gone: readonly Citizen[], advertTtlMs: number): Promise<void> {
    this.citizens = this.citizens.filter((one) => !gone.includes(one))
    for (const one of gone) one.driver.stop()
    await Promise.all(gone.map(({ network }) => network.stop()))
    this.clock.after(advertTtlMs, () => {
      for (const one of this.citizens)
        one.driver.gone(gone.filter(({ cell }) => cell === one.cell).map(({ capacity }) => capacity.peer))
    })
  }

  /** Lets this much time pass in such steps. */
  live(ms: number, stepMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.clock.after(ms, resolve)
    return this.clock.leap(promise, stepMs)
  }

  async stop(): Promise<void> {
    await this.end(this.citizens, 0)
  }
}

function proofAgainst(owner: OwnerId): RecordId {
  return rawCid(sha256, fromString(owner)) as string as RecordId
}

function keyIn(cell: string): SigningKey {
  for (;;) {
    const key = SigningKey.generate()
    if (cellAt(cellKeyOf(sha256, key.peerId, null), cell.length) === cell) return key
  }
}

function startNetwork(key: SigningKey, clock: MeshClock): Promise<Network> {
  const own = cellKeyOf(sha256, key.peerId, null)
  return Network.start({
    ...{
      privateKey: key.toLibp2p(),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: [],
      gossipScope: 'town',
      log,
    },
    cells: { mayHear: (channel) => mayHear(channel, own) },
    now: () => clock.monotonicMs(),
  })
}

function journalWith(kept: string): CellsDriverOptions['journal'] {
  let serial = 0
  const journal = { getSetting: () => kept, putSetting: () => {}, nextSerial: () => (serial += 1) }
  return journal as unknown as CellsDriverOptions['journal']
}
