/** Ids that a person types, and the name of that person. */
import { userInfo } from 'node:os'
import { publicKeyOf } from '../host/store/keys.ts'
import type { OwnerId, PeerId } from '../protocol/ids.ts'
import { CommandFailure } from './failure.ts'

/** Throws CommandFailure. */
export function peerFrom(text: string): PeerId {
  if (publicKeyOf(text as PeerId) !== undefined) return text as PeerId
  throw new CommandFailure(`'${text}' is not a peer id; carpool id prints that of a node, such as 12D3KooW…`)
}

export function isOwner(text: string): text is OwnerId {
  return /^[0-9a-f]{64}$/.test(text)
}

/** Throws CommandFailure. */
export function ownerFrom(text: string): OwnerId {
  if (isOwner(text)) return text
  throw new CommandFailure(`'${text}' is not an owner id; carpool owner init prints one`)
}

/** The user who gives a command, behind sudo as well: for a log of decisions, and no proof of anything. */
export function userName(): string {
  const { SUDO_USER: behind } = process.env
  if (behind !== undefined && /^[\w.-]{1,60}$/.test(behind)) return behind
  try {
    return userInfo().username.slice(0, 60)
  } catch {
    return `user ${process.getuid?.() ?? ''}`.trim()
  }
}
