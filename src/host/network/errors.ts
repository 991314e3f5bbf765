/** The errors of the network layer. */
import type { Cid, PeerId } from '../../protocol/ids.ts'

/**
 * The failures between two peers:
 *
 * - `unreachable`: no known address answered, or the peer does not speak the protocol.
 * - `too-large`: the message is above its bound; nothing was sent.
 * - `backlog`: the peer reads slower than we send, and its queue is full; nothing was sent.
 * - `closed`: the stream ended before the message or the answer was through; it may or may not have arrived.
 * - `stalled`: the peer owes us an answer and makes no progress.
 * - `corrupt-block`: the peer sent bytes that do not hash to the CID that was asked for.
 * - `bad-cid`: not a CIDv1 with sha2-256, so nobody could check what comes back.
 * - `malformed`: the peer sent something that is not a frame of the protocol.
 */
export type NetworkErrorCode =
  | 'unreachable'
  | 'too-large'
  | 'backlog'
  | 'closed'
  | 'stalled'
  | 'corrupt-block'
  | 'bad-cid'
  | 'malformed'

export class NetworkError extends Error {
  readonly code: NetworkErrorCode
  readonly peer: PeerId | undefined
  readonly cid: Cid | undefined

  constructor(
    code: NetworkErrorCode,
    message: string,
    facts: { peer?: PeerId; cid?: Cid; cause?: unknown } = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'NetworkError'
    this.code = code
    this.peer = facts.peer
    this.cid = facts.cid
  }
}

/** Describes anything that was thrown in one line, for logs and for messages that wrap it. */
export function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reason(thrown.errors[0])
  return (thrown.message || thrown.name).split('\n', 1)[0]!.trim()
}
