/** Hears what stewards say to this vehicle: opens what comes with it, and tells the worker. */
import { impossible } from '../../base/assert.ts'
import type { PeerId } from '../../protocol/ids.ts'
import type { MessageToVehicle } from '../../protocol/inbox.ts'
import type { WorkerInput } from '../../protocol/worker/contract.ts'
import type { ReceivablesDriver } from '../ledger/receivables-driver.ts'
import type { SigningKey } from '../store/keys.ts'
import type { Departure } from './departure.ts'
import type { LeaseRecords } from './lease-records.ts'
import { type Brought, contentsOf, openAdoption, openEnding, openOffer } from './offers.ts'

export type Said = readonly [from: PeerId, message: MessageToVehicle]

export interface Ears {
  readonly key: SigningKey
  readonly records: Pick<LeaseRecords, 'isPast'>
  readonly departure: Pick<Departure, 'answered'>
  readonly earnings: Pick<ReceivablesDriver, 'hear'>
  readonly tell: (input: WorkerInput) => void
  /** Keeps what came along if the worker takes it up. */
  readonly tellWith: (brought: Brought, input: WorkerInput) => void
}

/** Throws ProtocolError for records that do not hold. */
export function hearSteward(ears: Ears, from: PeerId, message: MessageToVehicle): void {
  switch (message.type) {
    case 'offer': {
      const offer = openOffer(message, ears.key)
      const lease = offer.lease.content
      const isPast = ears.records.isPast(lease)
      ears.tellWith(offer, { type: 'offer', from, lease, isPast, ...contentsOf(offer) })
      break
    }
    case 'adopt': {
      const adoption = openAdoption(message)
      ears.tellWith(adoption, { type: 'adopt', from, ...contentsOf(adoption) })
      break
    }
    case 'acknowledge':
      ears.departure.answered(from, message.receipt)
      ears.tell({ ...message, from })
      break
    case 'withdraw':
      ears.tell({ ...message, from })
      break
    case 'ended':
      ears.tell({ type: 'ended', ...openEnding(message) })
      break
    case 'statement':
      ears.earnings.hear(from, message)
      break
    default:
      impossible(message)
  }
}
