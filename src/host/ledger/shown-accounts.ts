/**
 * The accounts of several vehicles in one view: an owner's, over all that show its certificate; an operator's share, over all of
 * its fleet.
 *
 * No ledger is gathered anywhere: each vehicle is asked, and answers for itself to whoever shows an access that the owner's key,
 * or the fleet's, has signed for that reader. So what is shown is the vehicles' word, as `carpool earnings` is on each of them.
 */
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { accountsAccessType, opensAccounts } from '../../protocol/membership/accounts-access.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { currencySchema } from '../../protocol/price.ts'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import {
  naturalSchema,
  peerIdSchema,
  printableSchema,
  type SignedRecord,
  signedRecordSchema,
} from '../../protocol/record/record.ts'
import { systemClock } from '../clock.ts'
import { RequestError } from '../errors.ts'
import type { Network } from '../network/network.ts'
import { sha256 } from '../sha256.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { EarningsView, OperatorShare, OperatorsAccounts, OwnersAccounts, Period } from './contract.ts'
import type { Money } from './money.ts'
import { summed } from './operator-shares.ts'

export interface ShownAccountsOptions {
  readonly self: PeerId
  readonly owner: OwnerId
  /** Null: an open mesh. */
  readonly fleet: { readonly fleet: PeerId; readonly standing: { readonly keys: readonly PeerId[] } } | null
  readonly everybody: () => readonly Pick<Capacity, 'peer' | 'owner' | 'name'>[]
  readonly network: Pick<Network['accounts'], 'ask' | 'onQuestion'>
  readonly money: Pick<Money, 'earnings' | 'operatorShares'>
}

const questionBytesMax = 8 * 1024
const periodsMax = 8
const answerDepthMax = 12
/** The newest jobs one by one, and the others as one sum a currency, so that a long history does not make an answer too long. A guess. */
const sharesMax = 1_000
const currenciesMax = 32
/** Vehicles that are asked at once. A guess. */
const askedAtOnce = 8

const periodSchema: z.ZodType<Period> = z.strictObject({ name: printableSchema(32), sinceMs: naturalSchema })
const questionSchema = z.strictObject({
  access: signedRecordSchema,
  periods: z.array(periodSchema).max(periodsMax),
})

const micros = z.int()
const countSchema = z.number()
const workSchema = {
  units: z.record(printableSchema(32), countSchema),
  receipts: countSchema,
  wallMs: countSchema,
  measuredJoules: countSchema,
  estimatedJoules: countSchema,
  receiptsWithoutEnergy: countSchema,
}
const earnedSchema: z.ZodType<Pick<EarningsView, 'currencies' | 'energy'>> = z.object({
  currencies: z
    .array(
      z.object({
        currency: currencySchema,
        pendingMicros: micros,
        owedMicros: micros,
        beyondMicros: micros.exactOptional(),
        periods: z
          .array(
            z.object({
              name: printableSchema(32),
              sinceMs: naturalSchema,
              verifiedMicros: micros,
              paidMicros: micros,
              ...workSchema,
            }),
          )
          .max(periodsMax),
      }),
    )
    .max(currenciesMax),
  energy: z.object({
    idleWatts: countSchema,
    hours: z.array(
      z.object({
        hour: z.int(),
        drawnJoules: countSchema,
        doneJoules: countSchema,
        readyMs: countSchema,
        costMicros: z.record(currencySchema, countSchema),
      }),
    ),
  }),
})
const sharesSchema: z.ZodType<OperatorShare[]> = z
  .array(
    z.object({
      vehicle: peerIdSchema,
      job: z.string().max(128).nullable() as unknown as z.ZodType<OperatorShare['job']>,
      currency: currencySchema,
      pendingMicros: micros,
      verifiedMicros: micros,
      periods: z.array(z.object({ name: printableSchema(32), verifiedMicros: micros })).max(periodsMax),
    }),
  )
  .max(sharesMax + currenciesMax)

export class ShownAccounts {
  readonly #options: ShownAccountsOptions

  constructor(options: ShownAccountsOptions) {
    this.#options = options
    options.network.onQuestion((from, question) => this.#answer(from, question))
  }

  /** Asks all vehicles of the owner whose key signed this access. Throws RequestError where it is not for this node. */
  async ofOwner(access: SignedRecord, periods: readonly Period[]): Promise<OwnersAccounts> {
    const owner = ownerIdOf(sha256, this.#signerOf(access))
    const vehicles = this.#options.everybody().filter((one) => one.owner === owner)
    const told = await this.#askAll(vehicles, access, periods, (json) => earnedSchema.parse(json))
    return { owner, vehicles: told.map(({ peer, name, answer }) => ({ peer, name, accounts: answer })) }
  }

  /** Asks all vehicles of this node's fleet. Throws RequestError. */
  async ofOperator(access: SignedRecord, periods: readonly Period[]): Promise<OperatorsAccounts> {
    const { fleet, everybody } = this.#options
    this.#signerOf(access)
    if (fleet === null) throw new RequestError('this node is in no fleet, and there is no operator')
    const told = await this.#askAll(everybody(), access, periods, (json) => sharesSchema.parse(json))
    return {
      fleet: fleet.fleet,
      // A vehicle speaks of its own work.
      shares: told.flatMap(({ peer, answer }) => (answer ?? []).filter(({ vehicle }) => vehicle === peer)),
      silent: told.filter(({ answer }) => answer === null).map(({ peer, name }) => ({ peer, name })),
    }
  }

  async #askAll<Answer>(
    vehicles: readonly Pick<Capacity, 'peer' | 'name'>[],
    access: SignedRecord,
    periods: readonly Period[],
    read: (json: unknown) => Answer,
  ): Promise<{ readonly peer: PeerId; readonly name: string; readonly answer: Answer | null }[]> {
    const { self, network } = this.#options
    const question = encodeCbor({ access, periods: periods.slice(0, periodsMax) })
    const waiting = [...vehicles].sort((a, b) => (a.peer < b.peer ? -1 : 1))
    const told: { peer: PeerId; name: string; answer: Answer | null }[] = []
    const askOn = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { peer, name } = next
        let answer: Answer | null = null
        try {
          const bytes = peer === self ? await this.#answer(self, question) : await network.ask(peer, question)
          if (bytes !== null) answer = read(parseJson(new TextDecoder().decode(bytes), answerDepthMax))
        } catch {
          // It is told as one that did not answer.
        }
        told.push({ peer, name, answer })
      }
    }
    await Promise.all(Array.from({ length: askedAtOnce }, askOn))
    return told.sort((a, b) => (a.peer < b.peer ? -1 : 1))
  }

  /** Throws ProtocolError for a question that is none. */
  async #answer(from: PeerId, question: Uint8Array): Promise<Uint8Array | null> {
    const { owner, fleet, money } = this.#options
    const { access, periods } = questionSchema.parse(decodeCbor('question', question, questionBytesMax))
    const opened = accountsAccessType.open(access, sha256, verifyByPeerId)
    const keys = fleet?.standing.keys ?? []
    if (!opensAccounts(opened, from, { owner, fleetKeys: keys }, systemClock.now(), sha256)) return null
    if (opened.payload.of === 'operator')
      return encoded(summed(money.operatorShares(fleet!.fleet, periods), sharesMax))
    const { currencies, energy } = await money.earnings(periods)
    return encoded({ currencies, energy })
  }

  /** Throws RequestError. */
  #signerOf(access: SignedRecord): PeerId {
    const { signer, payload } = accountsAccessType.open(access, sha256, verifyByPeerId)
    if (payload.reader !== this.#options.self) throw new RequestError('this access is for another node')
    return signer
  }
}

function encoded(answer: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer))
}
