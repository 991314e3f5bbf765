/**
 * Files that are never sent to strangers' vehicles: private keys, and what a node keeps. Nobody means to submit one; a list of
 * documents that somebody sent may name it all the same, and so may a link in a folder that was unpacked.
 */
import { basename } from 'node:path'
import type { Refusal } from '../../runtimes/messages.ts'

/** A document by its path and its first bytes (4,096, or all that it has); null where it is no secret that is known. */
export function refusalOfSecret(path: string, head: Uint8Array): Refusal | null {
  const text = new TextDecoder('latin1').decode(head)
  const isKey = keyMarks.some((mark) => mark.test(text))
  const isOwn = ownFiles.test(basename(path))
  return isKey || isOwn
    ? {
        what: isKey ? 'a private key' : 'a file of a Carpool node',
        wayOut: 'take it out of what is submitted',
      }
    : null
}

const keyMarks = [
  /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----/m, // PKCS #8, OpenSSH, OpenPGP, and those before them
  /^\s*PuTTY-User-Key-File-\d/,
  /^AGE-SECRET-KEY-1/m,
  /^age-encryption\.org\/v1/, // what `carpool key export` writes
  /"kty"\s*:\s*"(OKP|EC|RSA)"[^}]{0,400}"d"\s*:/,
]
/** Its database holds the secrets of the jobs that it looks after. */
const ownFiles = /^carpool\.sqlite/
