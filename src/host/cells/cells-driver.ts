/**
 * Drives this node's part in its cell (src/protocol/cells, `Cells`): it joins and leaves channels of gossip, sends and answers the
 * messages of cells, signs digests, and keeps contacts on the disk. The signed adverts come from the membership, which tells of each
 * that it takes; what else was heard is in talk.ts, and whom a census found in census-desk.ts.
 */
import { randomBytes } from 'node:crypto'
import { Cells, type CellView } from '../../protocol/cells/cells.ts'
import type { CellsEffect, CellsInput, Topic } from '../../protocol/cells/contract.ts'
import { cellKeyOf, holds } from '../../protocol/cells/key.ts'
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { CellId, OwnerId, PeerId } from '../../protocol/ids.ts'
import type { Advert, Capacity } from '../../protocol/membership/advert.ts'
import type { Admission } from '../../protocol/membership/roster.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { ClockSteps, guardedAt } from '../clock.ts'
import { sha256 } from '../sha256.ts'
import { CensusDesk } from './census-desk.ts'
import { cellOf } from './channels.ts'
import { CompanyKeeper } from './company.ts'
import { contactWith, memberOf, namedIn, strangerAt } from './contacts.ts'
import { DigestDesk } from './digest-desk.ts'
import { handsOf } from './hands.ts'
import { KeptCells } from './kept.ts'
import type { CellsDriverOptions } from './options.ts'
import { SignedAdverts } from './signed-adverts.ts'
import { Talk } from './talk.ts'

export class CellsDriver {
  readonly censuses: CensusDesk
  readonly #options: CellsDriverOptions
  readonly #cells: Cells
  readonly #hands: Hands<CellsEffect>
  readonly #adverts = new SignedAdverts()
  readonly #kept: KeptCells
  readonly #talk: Talk
  readonly #company: CompanyKeeper
  readonly #steps: ClockSteps
  readonly #topics = new Set<Topic>()
  /** Inputs that came while one was carried out. */
  readonly #waiting: CellsInput[] = []
  #depth: number | undefined
  #isBusy = false
  #isBegun = false
  #isStopped = false
  #callOff = () => {}

  constructor(options: CellsDriverOptions) {
    const { key, network, fleet, journal, clock, limits } = options
    this.#options = options
    this.#steps = new ClockSteps(clock)
    this.#cells = new Cells({ self: key.peerId, sha256, secret: randomBytes(32), limits })
    this.#company = new CompanyKeeper(options)
    this.#kept = new KeptCells(journal, fleet?.fleet ?? 'open')
    const tell = (input: CellsInput) => this.#tell(input)
    this.censuses = new CensusDesk({
      tell,
      own: (peer) => this.#adverts.get(peer),
      clock,
      isParted: () => (this.#depth ?? 0) > 0,
      point: (peer, addresses) => network.point(peer, addresses),
    })
    this.#talk = new Talk({
      ...options,
      tell,
      adverts: this.#adverts,
      censuses: this.censuses,
      contactOf: (peer) => contactWith(options, peer),
    })
    const digests = new DigestDesk({ ...options, tell })
    this.#hands = handsOf({
      ...options,
      digests,
      talk: this.#talk,
      adverts: this.#adverts,
      kept: this.#kept,
      topics: this.#topics,
      censuses: this.censuses,
      said: (depth) => {
        this.#depth = depth
      },
      wakeAt: (atMs) => this.#wakeAt(atMs),
    })
    network.cells!.onMessage((from, bytes) => this.#talk.hear(from, bytes))
    network.cells!.onBootstraps((peers) =>
      this.#tell({
        type: 'bootstraps',
        bootstraps: peers.map(({ peer, addresses }) => strangerAt(peer, addresses)),
      }),
    )
  }

  /** Its cell as it is now; null: it has not begun. */
  get view(): CellView | null {
    return this.#isBegun ? this.#cells.view(this.#options.clock.now()) : null
  }

  /** The fields of this node's advert that are about its cell. */
  get said(): Pick<Advert, 'cellDepth' | 'listens'> {
    return {
      ...(this.#depth === undefined ? {} : { cellDepth: this.#depth }),
      ...(this.#options.isMetered ? { listens: false } : {}),
    }
  }

  /** True for an advert of a cell that this node is in, or was in a moment ago: others stay out of the roster. */
  mayEnter(capacity: Capacity): boolean {
    const { peer, credential } = capacity
    const key = cellKeyOf(sha256, peer, credential)
    if (peer === this.#options.key.peerId) return true
    if (this.#topics.size === 0) return this.view !== null && holds(this.view.cell as CellId, key)
    return [...this.#topics].some((topic) => topic.startsWith('cell/') && holds(cellOf(topic), key))
  }

  /** The membership has taken this advert. */
  heard(record: SignedRecord, capacity: Capacity, admission: Admission): void {
    const { peer, owner } = capacity
    this.#adverts.put(peer, record)
    if (peer === this.#options.key.peerId) {
      this.#own(capacity, admission)
      return
    }
    if (admission === 'new') this.#talk.fetchProofs(owner)
    const isRenewed = admission === 'renewed'
    this.#tell({
      type: 'adverts',
      changed: isRenewed ? [] : [memberOf(capacity)],
      renewed: isRenewed ? [peer] : [],
      gone: [],
    })
  }

  gone(peers: readonly PeerId[]): void {
    for (const peer of peers) this.#adverts.drop(peer)
    if (peers.length > 0) this.#tell({ type: 'adverts', changed: [], renewed: [], gone: peers })
  }

  /** The fleet has another charter than before, or this node has just begun. */
  charterChanged(): void {
    const { fleet } = this.#options
    if (fleet === null || !this.#isBegun) return
    const { charter } = fleet.belief
    const newest = fleet.belief.charters().at(-1)!
    this.#tell({
      type: 'charter',
      mark: { serial: charter.serial, hash: sha256(newest.body).slice(0, 16) },
      revoked: new Set(charter.payload.revoked.map(({ id }) => id)),
    })
  }

  /** A proof against this owner was checked, and holds. */
  proven(owner: OwnerId, proof: Extract<CellsInput, { type: 'proof' }>['proof']): void {
    for (const name of new Set([proof, ...this.#talk.accused.take(owner)]))
      this.#tell({ type: 'proof', owner, proof: name, isTrue: true })
  }

  stop(): void {
    this.#isStopped = true
    this.#callOff()
    this.censuses.stop()
  }

  #own(capacity: Capacity, admission: Admission): void {
    const own = memberOf(capacity)
    if (this.#isBegun) {
      if (admission !== 'renewed') this.#tell({ type: 'own', own })
      return
    }
    this.#isBegun = true
    const { isMetered, network } = this.#options
    const kept = this.#kept.read()
    this.#tell({ type: 'begin', own, kept, bootstraps: namedIn(this.#options) })
    if (isMetered) this.#tell({ type: 'metered', isMetered })
    else network.hear((kept?.contacts ?? []).filter(({ key }) => holds(this.view!.cell as CellId, key)))
    this.charterChanged()
  }

  #tell(input: CellsInput): void {
    if (this.#isStopped) return
    if (this.#isBusy || (!this.#isBegun && input.type !== 'begin')) {
      this.#waiting.push(input)
      return
    }
    this.#isBusy = true
    try {
      this.#handle(input)
    } finally {
      this.#isBusy = false
    }
    const next = this.#waiting.shift()
    if (next !== undefined) this.#tell(next)
  }

  #handle(input: CellsInput): void {
    const nowMs = this.#options.clock.now()
    const byMs = this.#steps.take()
    const isBegin = input.type === 'begin'
    if (byMs !== 0 && !isBegin) this.#carryOut(this.#cells.handle({ type: 'clock-set', byMs }, nowMs))
    this.#carryOut(this.#cells.handle(input, nowMs))
    // Those that speak are woken each time that they may have to say something.
    if (input.type === 'wake') this.#company.keep(this.#cells.company(nowMs))
  }

  #carryOut(effects: readonly CellsEffect[]): void {
    carryOut(effects, this.#hands, (say) => say())
  }

  #wakeAt(atMs: number): void {
    this.#callOff()
    const { clock, log } = this.#options
    this.#callOff = guardedAt(clock, atMs, () => this.#tell({ type: 'wake' }), log)
  }
}
