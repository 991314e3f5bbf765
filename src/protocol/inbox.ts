/**
 * The inbox of a node that looks after jobs: to which part of the node a message goes, and the input that it becomes
 * there.
 *
 * A message that belongs to one job names it, so that it costs that job and no other; one that names a job that is not
 * here costs nothing. Real nodes and simulated ones read their messages with this one table. It lists every type by
 * name: a new one does not compile before somebody has decided who is to hear it.
 */
import { impossible } from '../base/assert.ts'
import type { FellowMessage } from './council/contract.ts'
import type { JobId, PeerId } from './ids.ts'
import type { Message } from './message.ts'
import type { StewardInput } from './steward/contract.ts'

/** The messages of these types. */
type Of<Type extends Message['type']> = Extract<Message, { readonly type: Type }>

/** To whom each message is said: to a node as a steward, as a vehicle that works, or as a member of the mesh. */
const hearers = {
  accept: 'steward',
  decline: 'steward',
  progress: 'steward',
  receipt: 'steward',
  invite: 'steward',
  willing: 'steward',
  unwilling: 'steward',
  entrust: 'steward',
  record: 'steward',
  beat: 'steward',
  branches: 'steward',
  leaves: 'steward',
  ids: 'steward',
  want: 'steward',
  find: 'steward',
  account: 'steward',
  accounted: 'steward',
  offer: 'vehicle',
  adopt: 'vehicle',
  acknowledge: 'vehicle',
  withdraw: 'vehicle',
  ended: 'vehicle',
  statement: 'vehicle',
  charter: 'member',
  advert: 'member',
  credential: 'member',
  evidence: 'member',
} as const satisfies Readonly<Record<Message['type'], 'steward' | 'vehicle' | 'member'>>

type Hearer = (typeof hearers)[Message['type']]
type To<Whom extends Hearer> = Of<
  { [Type in Message['type']]: (typeof hearers)[Type] extends Whom ? Type : never }[Message['type']]
>

export type MessageToSteward = To<'steward'>
export type MessageToVehicle = To<'vehicle'>
export type MessageToMember = To<'member'>

/** The messages with which a vehicle answers for a lease. */
export type LeaseMessage = Of<'accept' | 'decline' | 'progress'>

export type LeaseInput = Extract<StewardInput, { readonly type: 'accepted' | 'declined' | 'progress' }>

type FellowInput = { readonly type: 'fellow'; readonly from: PeerId; readonly message: FellowMessage }

export type Delivery =
  /** To the council of this job. */
  | { readonly to: 'council'; readonly job: JobId; readonly input: LeaseInput | FellowInput }
  /**
   * To whoever of this node invited the sender: a job that is being submitted, or a council that lost a steward, once
   * the consent is opened; its signature counts.
   */
  | { readonly to: 'inviter'; readonly message: Of<'willing' | 'unwilling'> }
  /** To the council of the job that the message names, once the record in it is opened; its signature counts. */
  | { readonly to: 'records'; readonly message: Of<'record' | 'receipt'> }
  /** To whoever pays for this job. */
  | { readonly to: 'payables'; readonly message: Of<'account' | 'accounted'> }
  /** To the node itself, which looks after the job not yet, or not for the sender. */
  | { readonly to: 'node'; readonly message: Of<'invite' | 'entrust' | 'find'> }

export function isToSteward(message: Message): message is MessageToSteward {
  return hearers[message.type] === 'steward'
}

export function isToVehicle(message: Message): message is MessageToVehicle {
  return hearers[message.type] === 'vehicle'
}

export function deliveryOf(from: PeerId, message: MessageToSteward): Delivery {
  switch (message.type) {
    case 'accept':
    case 'decline':
    case 'progress':
      return { to: 'council', job: message.job, input: leaseInput(from, message) }
    case 'beat':
    case 'branches':
    case 'leaves':
    case 'ids':
    case 'want':
      return { to: 'council', job: message.job, input: { type: 'fellow', from, message } }
    case 'willing':
    case 'unwilling':
      return { to: 'inviter', message }
    case 'record':
    case 'receipt':
      return { to: 'records', message }
    case 'account':
    case 'accounted':
      return { to: 'payables', message }
    case 'invite':
    case 'entrust':
    case 'find':
      return { to: 'node', message }
    default:
      return impossible(message)
  }
}

export function leaseInput(from: PeerId, message: LeaseMessage): LeaseInput {
  const { lease } = message
  switch (message.type) {
    case 'accept':
      return { type: 'accepted', lease, from }
    case 'decline':
      return { type: 'declined', lease, from, reason: message.reason, retryMs: message.retryMs }
    case 'progress':
      return { type: 'progress', lease, from, done: message.done }
    default:
      return impossible(message)
  }
}
