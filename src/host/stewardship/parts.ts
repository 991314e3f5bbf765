/**
 * The parts of a stewardship, made and joined: the council that decides, and those that hold, fetch, offer, collect, pay and
 * remember for it.
 */
import type { CouncilInput } from '../../protocol/council/contract.ts'
import { Council } from '../../protocol/council/council.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { openCredential } from '../../protocol/membership/fleet.ts'
import type { Message } from '../../protocol/message.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { RequestError } from '../errors.ts'
import type { PayablesDriver } from '../ledger/payables-driver.ts'
import { say } from '../say.ts'
import { sha256 } from '../sha256.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { Outbox } from '../store/outbox.ts'
import { Collector } from './collector.ts'
import { EndWatch } from './end-watch.ts'
import { Inputs } from './inputs.ts'
import { Offers } from './offers.ts'
import type { CouncilDriverOptions } from './options.ts'
import { Pace } from './pace.ts'
import { Papers } from './papers.ts'
import { payablesOf } from './payables.ts'

export interface CouncilDriverParts {
  readonly council: Council
  /** Until the job is dropped: what is fetched or computed for it later is not kept. */
  readonly blocks: JobBlocks
  readonly inputs: Inputs
  readonly offers: Offers
  readonly collector: Collector
  readonly pace: Pace
  readonly endWatch: EndWatch
  readonly outbox: Outbox
  /** Null for a job that pays nobody. */
  readonly payables: PayablesDriver | null
  readonly papers: Papers
  /** The other stewards. */
  readonly fellows: () => PeerId[]
  /** The records that show that this node is a steward of the job, and so is that one. */
  readonly credentials: (to?: PeerId) => ReturnType<Papers['credentials']>
  /** Says it at once. What is lost is said again: a vehicle repeats its receipts, and a lease that it lost lapses. */
  readonly say: (to: PeerId, message: Message) => void
}

/** `tell` takes what the parts have to tell the council. */
export function partsOf(
  options: CouncilDriverOptions,
  tell: (input: CouncilInput) => void,
): CouncilDriverParts {
  const { job, manifest, key, store, log, drawSecret } = options
  const council = new Council({
    job,
    manifest,
    submitter: options.submitter,
    self: key.peerId,
    drawSecret,
    ownerOf: (vehicle) => admittedOwner(store.journal.members.credentialOf(vehicle)),
    sha256,
  })
  const sayTo = (to: PeerId, message: Message) => void say(options, to, message)
  const fellows = () => council.places.stewards.map(({ peer }) => peer).filter((peer) => peer !== key.peerId)
  const blocks = store.blocks.of(job)
  const outbox = new Outbox((error) => log.fatal({ job, error }, 'this job cannot be recorded and stops'))
  const payables = payablesOf(options, outbox, sayTo, {
    counts: (lease) => council.counts(lease),
    isOpen: (lease, place, units) => council.isOpen(lease, place, units),
  })
  const papers = new Papers(options, outbox, payables)
  const credentials = (to?: PeerId) =>
    papers.credentials(council.pathsTo(to === undefined ? [key.peerId] : [key.peerId, to]))
  const inputs = new Inputs(options, blocks, fellows)
  const offers = new Offers(options, {
    secret: () => secretOf(options),
    credentials,
    block: (cid) => inputs.block(cid),
    onUndelivered: (lease) => tell({ type: 'undelivered', lease }),
  })
  const collector = new Collector({ ...options, blocks }, (results) => tell({ type: 'examined', results }))
  const own = { council, blocks, inputs, offers, collector, outbox, payables, papers }
  return { ...own, pace: new Pace(), endWatch: new EndWatch(job, log), fellows, credentials, say: sayTo }
}

/** The owner that a credential names; it was checked before it got onto the disk. */
function admittedOwner(credential: SignedRecord | undefined): OwnerId | undefined {
  return credential && openCredential(credential, sha256, () => true).payload.owner
}

/** Throws RequestError where the job is blind and this node is not its submitter's. */
export function secretOf({ job, secret }: Pick<CouncilDriverOptions, 'job' | 'secret'>): Uint8Array {
  if (secret === null) throw new RequestError(`job ${job} is blind: only its submitter can read it`)
  return secret
}
