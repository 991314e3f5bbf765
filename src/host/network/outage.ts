/** Words for a connection that did not come about: what was wrong, as far as it can be told from here, and what to do. */
import { reason } from './errors.ts'

/** The words of @chainsafe/libp2p-noise; libp2p passes on nothing else of its errors. */
export const anotherAnswered = 'does not match expected remote identity key'

/** By what the system, or libp2p, says of the failure. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'nothing listens there: check the port, and that the node runs'],
  [
    /ENOTFOUND|EAI_AGAIN|ENODATA/,
    'that name is not known: check how it is spelt, and the name service of this machine',
  ],
  [
    /ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL/,
    'this machine has no way there: check its network, and the address',
  ],
  [
    /ETIMEDOUT|timed? ?out|TimeoutError|aborted/i,
    'no answer: check the address, and whether a firewall or a router stands in between',
  ],
  [
    new RegExp(anotherAnswered),
    'another node answers there: the end of the address, after /p2p/, is not its peer id',
  ],
  [
    /ECONNRESET|EPIPE|closed|EOF|ended/i,
    'it hung up: it may have another mesh key, another fleet, or no room; carpool why on that node says more',
  ],
]

/** In brackets what is behind it, for a search. */
export function outageOf(thrown: unknown): string {
  const text = reason(thrown)
  const remedy = remedies.find(([pattern]) => pattern.test(text))?.[1]
  return remedy === undefined ? text : `${remedy} (${text})`
}
