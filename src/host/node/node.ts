/**
 * A node: one process of the mesh. It offers its slots as a vehicle, looks after the jobs that were submitted
 * to it as their steward, and knows the others. Any node does all of it; a vehicle without jobs of its own and
 * a submitter without slots are the same program.
 *
 * This file joins the parts and routes what arrives to the one that it concerns; the deciding is done in
 * src/protocol, the doing in the folders beside this file.
 */
import { readFileSync } from 'node:fs'
import type { Logger } from 'pino'
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid, OwnerId, PeerId } from '../../protocol/ids.ts'
import { advertReasonsMax } from '../../protocol/limits.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { decodeMessage, type Message } from '../../protocol/message.ts'
import type { Ask } from '../../protocol/price.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { NodeApi, NodeInfo, PeerRow } from '../api.ts'
import { RequestError } from '../errors.ts'
import { Executor } from '../executor/executor.ts'
import { Jobs, saidToStewards } from '../jobs/jobs.ts'
import { Money } from '../ledger/money.ts'
import { Payouts } from '../ledger/payouts.ts'
import { Bans } from '../membership/bans.ts'
import { readCertificate } from '../membership/certificates.ts'
import { FleetMember } from '../membership/fleet-member.ts'
import { Membership } from '../membership/membership.ts'
import type { Registrar } from '../membership/registrar.ts'
import { FairShare } from '../network/fair-share.ts'
import { Network } from '../network/network.ts'
import { Traffic } from '../network/traffic.ts'
import { sha256 } from '../sha256.ts'
import type { NetworkKind } from '../signals/network.ts'
import { endOnBrokenDisk } from '../store/broken-disk.ts'
import { loadOrCreateKey, type SigningKey } from '../store/keys.ts'
import { openStore, type Store } from '../store.ts'
import type { OwnersWish, OwnerWatch } from '../supervisor/owner-watch.ts'
import { watchWhy, whyOf } from '../supervisor/why.ts'
import { Vehicle } from '../vehicle/vehicle.ts'
import { followJudgement, startOwnerWatch } from './follow-owner.ts'
import { giveBackMemory } from './memory.ts'

export interface NodeOptions {
  readonly dataDir: string
  readonly listen: readonly string[]
  /** Where others are told to dial; none: where it listens. */
  readonly announce: readonly string[]
  readonly bootstrap: readonly string[]
  /** What people call it; empty: the end of its peer id. */
  readonly name: string
  /** Leases that run at once; 0 for a node that only looks after jobs. */
  readonly slots: number
  /** Path of the certificate that its owner signed for this node; null: it is its own owner. */
  readonly ownerCertificate: string | null
  /** Path of the fleet's charter; null: an open mesh. */
  readonly fleet: string | null
  /** Path of the fleet's key, which makes this node a registrar. */
  readonly fleetKey: string | null
  /** Path of a key without which nobody sees even a handshake. */
  readonly meshKey: string | null
  readonly cacheBytesMax: number
  /** What its owner asks for a unit of work, by runtime; nothing for those that are not named. */
  readonly asks: ReadonlyMap<string, Ask>
  readonly wish: OwnersWish
  /** Where readings of the vehicle come from (src/host/signals/specs.ts); none: nothing tells of one. */
  readonly signals: readonly string[]
  /** Whether the network is paid by the byte. */
  readonly network: NetworkKind
  /** What a slot that is busy all the time takes. */
  readonly slotWatts: number
  readonly log: Logger
  /** Whether it looks after jobs of others when they ask; not a node that lives for one job only. */
  readonly standsBy: boolean
  /** Name and version, as the advert says it. */
  readonly software: string
  /** What runs this node's work, where it is not the usual child processes. */
  readonly executor?: Executor
}

export class CarpoolNode {
  readonly api: NodeApi
  readonly #parts: Parts
  readonly #stopFollowing: () => void
  readonly #stopGivingBack: () => void
  #stopping: Promise<void> | undefined

  /** Throws StoreError, or an Error of one sentence, when the node cannot start; then nothing is left behind. */
  static async start(options: NodeOptions): Promise<CarpoolNode> {
    const store = openStore(options.dataDir, { cacheBytesMax: options.cacheBytesMax, log: options.log })
    endOnBrokenDisk()
    const executor = options.executor ?? new Executor({ log: options.log })
    const traffic = new Traffic()
    const { wish, signals, network: kind, slots, slotWatts, log } = options
    const watching = startOwnerWatch({
      preferences: wish.preferences,
      // A node that executes nothing has nothing to stop.
      signals: slots === 0 ? [] : signals,
      network: kind,
      slotWatts,
      trafficBytes: () => traffic.bytes,
      journal: store.journal,
      log,
    })
    watching.catch(() => undefined) // met below
    try {
      const key = loadOrCreateKey(store.directory.keyPath('node'), 'node')
      const certificate =
        options.ownerCertificate === null ? null : certificateFor(key, options.ownerCertificate)
      const owner = ownerIdOf(sha256, certificate?.content.signer ?? key.peerId)
      const fleet = fleetMemberOf(options, store, key, certificate?.record ?? null, owner)
      const engines = await Executor.describeEngines()
      if (options.slots > 0 && !engines.some(({ engine }) => engine === 'native'))
        options.log.info(
          'without onnxruntime-node pages are read by the exact engine alone, 2 to 3 times slower',
        )
      const watch = await watching
      const network = await Network.start({
        privateKey: key.toLibp2p(),
        listen: options.listen,
        announce: options.announce,
        bootstrap: options.bootstrap,
        log: options.log,
        gossipScope: fleet?.fleet ?? 'open',
        ...(fleet === null ? {} : { doorkeeper: fleet }),
        ...(options.meshKey === null ? {} : { meshKey: readMeshKey(options.meshKey) }),
      })
      const parts = { options, store, executor, key, owner, fleet, certificate, engines, network }
      return new CarpoolNode({ ...parts, watch, traffic })
    } catch (error) {
      await watching.then((watch) => watch.stop()).catch(() => undefined)
      traffic.close()
      await executor.close()
      store.close()
      throw error
    }
  }

  private constructor(parts: Given) {
    const { options, store, executor, key, owner, fleet, certificate, engines, network, watch } = parts
    const { log, slots } = options
    const name = nameOf(options, key)
    const offered = engines.map((engine) => ({ ...engine, ask: options.asks.get(engine.runtime) ?? null }))
    const vehicle = new Vehicle({
      key,
      network,
      store,
      executor,
      engines: offered,
      categories: options.wish.preferences.categories,
      slots,
      log,
      onChange: () => membership.advertise(),
    })
    const bans = new Bans({
      network,
      journal: store.journal,
      certificateOf: (peer) => membership.get(peer)?.certificate ?? null,
      log,
      onChange: () => jobs.rosterChanged(),
    })
    const membership: Membership = new Membership({
      key,
      network,
      isBanned: (owner) => bans.has(owner),
      nextSerial: () => store.journal.nextSerial('advert'),
      describe: () => {
        const view = vehicle.view()
        return {
          name,
          certificate: certificate?.record ?? null,
          credential: fleet?.credential ?? null,
          slots: view.slots,
          mode: view.mode,
          reasons: watch.judgement().reasons.slice(0, advertReasonsMax),
          availableUntilMs: watch.judgement().availableUntilMs,
          engines:
            slots === 0
              ? []
              : offered.map(({ runtime, engine, id, isa, ask }) => ({
                  runtime,
                  engine,
                  id,
                  isa,
                  unitsPerHour: vehicle.speed.pagesPerHour(runtime, id),
                  ask,
                })),
          software: options.software,
        }
      },
      fleet,
      log,
    })
    const jobs: Jobs = new Jobs({
      key,
      submitter: loadOrCreateKey(store.directory.keyPath('submitter'), 'submitter'),
      network,
      store,
      executor,
      engines,
      membership,
      bans,
      owner,
      fleet: fleet?.fleet ?? null,
      operatorPpm: () => fleet?.operatorPpm ?? 0,
      standsBy: options.standsBy,
      log,
    })
    this.#parts = { ...parts, vehicle, membership, bans, jobs, name }
    this.api = apiOf(this.#parts)
    this.#route()
    vehicle.setOperatorShare(fleet?.operatorPpm ?? 0)
    void store
      .collect()
      .catch((error) => log.warn({ error }, 'the blocks of jobs that are gone were not released'))
    jobs.resume()
    fleet?.start(
      network,
      () => membership.dismiss(),
      () => {
        vehicle.setOperatorShare(fleet.operatorPpm)
        jobs.rosterChanged()
      },
    )
    membership.start()
    vehicle.restore()
    executor.observe(watch)
    this.#stopFollowing = followJudgement(watch, executor, vehicle, () => membership.advertise(), log)
    this.#stopGivingBack = giveBackMemory(
      () => vehicle.view().leases === 0 && jobs.list().every(({ state }) => state !== 'running'),
    )
  }

  /** Stops accepting, hands back leases with what is done, says goodbye, and frees everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #route(): void {
    const { network, fleet, vehicle, jobs, bans, membership, store, options } = this.#parts
    const share = new FairShare()
    const handle = (from: PeerId, bytes: Uint8Array) => {
      try {
        const message = decodeMessage(bytes)
        if (message.type === 'evidence') bans.hear(message.evidence)
        else if (message.type === 'charter') fleet?.hear(message.charter)
        else if (message.type === 'credential') fleet?.hearCredential(message.credential)
        else if (isForSteward(message)) jobs.hear(from, message)
        else vehicle.hear(from, message)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        options.log.warn({ from, refusal: error.refusal }, 'a message was refused')
      }
    }
    network.onMessage((from, bytes) => {
      const owner = membership.get(from)?.owner
      return share.run(owner === undefined ? [from] : [from, owner], () => handle(from, bytes))
    })
    network.onPeer(({ type, peer }) => {
      if (type === 'connected') {
        vehicle.connected(peer)
        bans.tell(peer)
      }
      jobs.peerChanged(type, peer)
    })
    network.blocks.serve(
      (cid, peer) => (this.#mayRead(peer, cid) ? store.blocks.get(cid) : undefined),
      (cid, peer) => store.blocks.has(cid) && this.#mayRead(peer, cid),
    )
    membership.onChange(() => jobs.rosterChanged())
    store.blocks.onDamaged((cid) => jobs.damaged(cid))
  }

  /** Weights are anybody's; a document is its leaseholder's; a result is its steward's. */
  #mayRead(peer: PeerId, cid: Cid): boolean {
    const { store, jobs, vehicle } = this.#parts
    return (
      jobs.mayRead(peer, cid) || // from memory, and the usual reason
      store.blocks.isPublic(cid) ||
      store.blocks.jobsOf(cid).some((job) => vehicle.mayRead(peer, job))
    )
  }

  async #stop(): Promise<void> {
    const { fleet, vehicle, watch, traffic, jobs, membership, network, executor, store, options } =
      this.#parts
    this.#stopGivingBack()
    this.#stopFollowing()
    fleet?.stop()
    const goodbye = vehicle.stop()
    await Promise.all([goodbye, jobs.stop()])
    await membership.goodbye().catch((error) => options.log.debug({ error }, 'no goodbye was said'))
    await network.stop()
    await executor.close()
    await watch.stop()
    traffic.close()
    store.close()
  }
}

interface Given {
  readonly options: NodeOptions
  readonly store: Store
  readonly executor: Executor
  readonly key: SigningKey
  readonly owner: OwnerId
  readonly fleet: FleetMember | null
  readonly certificate: ReturnType<typeof readCertificate> | null
  readonly engines: readonly EngineDescription[]
  readonly network: Network
  readonly watch: OwnerWatch
  readonly traffic: Traffic
}

interface Parts extends Given {
  readonly vehicle: Vehicle
  readonly membership: Membership
  readonly bans: Bans
  readonly jobs: Jobs
  readonly name: string
}

function apiOf({
  options,
  name,
  key,
  owner,
  fleet,
  network,
  vehicle,
  watch,
  membership,
  bans,
  jobs,
  store,
}: Parts): NodeApi {
  const money = new Money({ self: key.peerId, owner, store, earnings: vehicle.earnings })
  const payouts = new Payouts(store.database, store.books, jobs.submitter)
  return {
    info: (): NodeInfo => ({
      peer: key.peerId,
      name,
      owner,
      fleet: fleet?.standing ?? null,
      addresses: network.addresses(),
      software: options.software,
      vehicle: vehicle.view(),
      connections: network.connectedPeers().length,
    }),
    peers: () => peerRows(membership, fleet !== null, bans, network, key.peerId),
    why: () => whyOf(watch.judgement(), options.wish.origins),
    watchWhy: (signal) => watchWhy(watch, options.wish.origins, signal),
    pause: (untilMs) => watch.pause(untilMs),
    resume: () => watch.resume(),
    quote: async (request, onProgress) => {
      await admission(fleet, membership, key.peerId)
      return jobs.quote(request, onProgress ?? (() => {}))
    },
    submit: async (request, onProgress) => {
      await admission(fleet, membership, key.peerId)
      return jobs.submit(request, onProgress ?? (() => {}))
    },
    jobs: () => jobs.list(),
    status: (job) => jobs.status(job),
    watch: (job, signal) => jobs.watch(job, signal),
    results: (job) => jobs.results(job),
    cancel: (job) => jobs.cancel(job),
    forget: (job) => jobs.forget(job),
    report: (job, path) => jobs.report(job, path),
    earnings: (periods) => money.earnings(periods),
    bill: (job) => jobs.bill(job, money),
    settle: async (request) => {
      const view = await payouts.settle(request, Date.now())
      if (request.action === 'paid') jobs.paid(view.payout?.lines ?? [])
      return view
    },
    async *ledger() {
      yield* money.ledger()
      return null
    },
    async *receipts() {
      yield* money.receipts()
      return null
    },
    fleetMembers: () => registrarOf(fleet).list(),
    fleetApprove: (peer) => registrarOf(fleet).approve(peer),
    fleetAdmit: (peer, owner, vehicle) => registrarOf(fleet).admit(peer, owner, vehicle),
    fleetRevoke: (id) => registrarOf(fleet).revoke(id),
    fleetRotate: (finish) => (finish ? registrarOf(fleet).finishRotation() : registrarOf(fleet).rotate()),
  }
}

function nameOf(options: NodeOptions, key: SigningKey): string {
  return options.name || key.peerId.slice(-8)
}

/** Throws Error, one sentence that names the file. */
function fleetMemberOf(
  options: NodeOptions,
  store: Store,
  key: SigningKey,
  certificate: SignedRecord | null,
  owner: OwnerId,
): FleetMember | null {
  const { fleet, fleetKey, log } = options
  if (fleet !== null)
    return new FleetMember({
      charterPath: fleet,
      keyPath: fleetKey,
      credentialPath: store.directory.credentialPath,
      key,
      certificate,
      owner,
      vehicle: nameOf(options, key),
      journal: store.journal,
      log,
    })
  if (fleetKey !== null)
    throw new Error(`--fleet-key ${fleetKey} needs the fleet's charter, too: --fleet <file>`)
  return null
}

/** Before this node asks anybody to work for it; somebody who was let in beforehand is in within seconds. Throws RequestError. */
async function admission(fleet: FleetMember | null, membership: Membership, peer: PeerId): Promise<void> {
  if (fleet === null || fleet.standing.state === 'admitted') return
  await membership.settled()
  const { state, name, why } = fleet.standing
  if (state === 'waiting')
    throw new RequestError(
      `the fleet ${name} has not let this node in${why === null ? '' : ` (${why})`}; its operator does with: carpool fleet approve ${peer}`,
    )
}

/** Throws RequestError. */
function registrarOf(fleet: FleetMember | null): Registrar {
  if (fleet?.registrar != null) return fleet.registrar
  throw new RequestError('this node is no registrar; start it with --fleet <file> --fleet-key <file>')
}

/** Throws Error, one sentence that names the file. */
function readMeshKey(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Error(`${path} is no mesh key that can be read: ${(error as Error).message}`, { cause: error })
  }
}

/** Throws Error, one sentence that names the file. */
function certificateFor(key: SigningKey, path: string): ReturnType<typeof readCertificate> {
  const certificate = readCertificate(path)
  const { peer } = certificate.content.payload
  if (peer !== key.peerId)
    throw new Error(`${path} is the certificate of ${peer}, and this node is ${key.peerId}`)
  return certificate
}

function peerRows(
  membership: Membership,
  isFleet: boolean,
  bans: Bans,
  network: Network,
  self: PeerId,
): PeerRow[] {
  const connected = new Set(network.connectedPeers())
  return membership.everybody().map((capacity) => ({
    peer: capacity.peer,
    name: capacity.name,
    owner: capacity.owner,
    counts: isFleet ? true : null,
    banned: bans.has(capacity.owner),
    slots: capacity.slots,
    mode: capacity.mode,
    reasons: capacity.reasons,
    engines: capacity.engines.map(({ runtime, engine, unitsPerHour }) => ({ runtime, engine, unitsPerHour })),
    ageMs: membership.ageMs(capacity.peer),
    connected: connected.has(capacity.peer),
    self: capacity.peer === self,
  }))
}

type ForSteward = Extract<Message, { type: (typeof saidToStewards)[number] }>

function isForSteward(message: Message): message is ForSteward {
  return (saidToStewards as readonly string[]).includes(message.type)
}
