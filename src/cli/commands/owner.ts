/** `carpool owner`: an owner's key, and the certificates with which it vouches for its vehicles. */
import { mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { certificateText, signCertificate, validDaysDefault } from '../../host/membership/certificates.ts'
import { sha256 } from '../../host/sha256.ts'
import { writeWhole } from '../../host/store/durable.ts'
import {
  type KeyPurpose,
  loadKey,
  loadOrCreateKey,
  publicKeyOf,
  type SigningKey,
} from '../../host/store/keys.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { wholeNumber } from '../flags.ts'
import { quoted } from '../format.ts'
import { print, printJson } from '../output.ts'
import { handToUser } from '../user-files.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const

/** A key that signs for longer than a car lives is not a certificate but a gift. */
const validDaysMax = 3650

export function ownerCommand(program: Command): void {
  const owner = program.command('owner').summary("make an owner's key, and vouch for vehicles with it")

  const init = owner
    .command('init')
    .summary('make the owner key, and print the owner id')
    .description('Makes the owner key if there is none, and prints the owner id, which a fleet lists.')
    .option('--key <file>', "file of the owner's key (default: owner.key in the data directory)")
    .action((flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const path = keyPath(flags.key, dataDir, 'owner')
      const id = ownerIdOf(sha256, makeKey(path, 'owner').peerId)
      if (json) printJson({ event: 'owner', owner: id, key: path })
      else print(id)
    })
  addOptions(init, optionNames)

  const sign = owner
    .command('sign')
    .argument('<peer>', 'the peer id of the vehicle, as carpool id prints it')
    .summary('vouch for a vehicle')
    .description(
      'Signs a certificate that this peer is a vehicle of this owner; carpool node --owner shows it.',
    )
    .option('--key <file>', "file of the owner's key (default: owner.key in the data directory)")
    .option(
      '--days <count>',
      'days for which the certificate is valid',
      wholeNumber(1, validDaysMax),
      validDaysDefault,
    )
    .option('-o, --output <file>', 'where to; stdout if left out')
    .action((peer: string, flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(optionNames, flags)
      const path = keyPath(flags.key, dataDir, 'owner')
      if (publicKeyOf(peer as PeerId) === undefined)
        throw new CommandFailure(`'${peer}' is not a peer id; carpool node prints its own, such as 12D3KooW…`)
      const text = certificateText(
        signCertificate(existingKey(path, 'owner'), peer as PeerId, { days: flags.days as number }),
      )
      writeOrPrint(text, flags.output, json)
    })
  addOptions(sign, optionNames)
}

export function keyPath(flag: unknown, dataDir: string, purpose: KeyPurpose): string {
  return typeof flag === 'string' ? resolve(flag) : join(dataDir, `${purpose}.key`)
}

/** Throws StoreError. */
export function makeKey(path: string, purpose: KeyPurpose): SigningKey {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return loadOrCreateKey(path, purpose)
}

/** Signed text goes to the file, else to stdout: it is JSON itself. */
export function writeOrPrint(text: string, output: unknown, isJson: boolean): void {
  if (typeof output !== 'string') {
    print(text.trimEnd())
    return
  }
  const path = resolve(output)
  writeWhole(path, Buffer.from(text))
  handToUser(path)
  if (isJson) printJson({ event: 'signed', path })
  else print(path)
}

export function existingKey(path: string, purpose: KeyPurpose): SigningKey {
  try {
    return loadKey(path)
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw error
    throw new CommandFailure(
      `there is no ${purpose} key at ${path}; make one with: carpool ${purpose} init --key ${quoted(path)}`,
    )
  }
}
