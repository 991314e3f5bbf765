/**
 * Strangers: nodes that cannot shake hands, since they belong to different fleets, or only one belongs to any.
 *
 * Their ways to shake hands have different names, so libp2p finds none in common, and neither side would learn more. Each node
 * therefore offers one way more, after its own: both say whether they are in a fleet and what they run, and hang up. No
 * name and no key is said, since whoever listens does not know who asks.
 */
import type { MessageStream, MultiaddrConnection, SecureConnectionOptions } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { z } from 'zod'
import { decodeCbor, encodeCbor } from '../../protocol/record/block.ts'
import { printableSchema } from '../../protocol/record/record.ts'
import type { Encrypter } from './admission.ts'
import { hostOf } from './turnstile.ts'

export interface Introduction {
  readonly isInFleet: boolean
  /** Name and version, such as carpool/0.1.0. */
  readonly software: string
}

const introductionSchema: z.ZodType<Introduction> = z.object({
  isInFleet: z.boolean(),
  software: printableSchema(32),
})
const introductionBytesMax = 256

/** Hears why a peer was not let in; `host` is where it called from. */
export type OnStranger = (host: string, why: string) => void

/** The way to shake hands that comes to nothing, and says why. */
export function introducing(self: Introduction, onStranger: OnStranger): Encrypter {
  return () => ({
    protocol: '/carpool/stranger/1',
    secureOutbound: async (connection, options) => {
      throw new Error(await introduce(connection, self, options))
    },
    secureInbound: async (connection, options) => {
      const why = await introduce(connection, self, options)
      const { remoteAddr } = connection as Partial<MultiaddrConnection>
      onStranger(remoteAddr === undefined ? '' : hostOf(remoteAddr), why)
      throw new Error(why)
    },
  })
}

async function introduce(
  connection: MessageStream,
  self: Introduction,
  options: SecureConnectionOptions | undefined,
): Promise<string> {
  const stream = lpStream(connection, { maxDataLength: introductionBytesMax })
  await stream.write(encodeCbor(self), options)
  const said = decodeCbor('introduction', (await stream.read(options)).slice(), introductionBytesMax)
  const other = introductionSchema.safeParse(said)
  // Whatever we wrote goes out before we hang up.
  await connection.close(options).catch((error) => connection.abort(error))
  return other.success ? differenceOf(self, other.data) : 'it introduces itself with something else'
}

function differenceOf(self: Introduction, other: Introduction): string {
  const what = `it runs ${other.software} and`
  if (!other.isInFleet && !self.isInFleet)
    return `${what} shakes hands in another way than ${self.software}, which runs here: update the older of the two`
  if (!other.isInFleet)
    return `${what} belongs to no fleet, and this node belongs to one: that node must be started with --fleet and the fleet's charter`
  if (!self.isInFleet)
    return `${what} belongs to a fleet, and this node to none: this node must be started with --fleet and the fleet's charter`
  return `${what} belongs to another fleet than this node, which runs ${self.software}: both must be started with --fleet and the same charter, or the older of the two updated`
}
