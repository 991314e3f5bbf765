/**
 * `carpool key`: makes keys for programs (gateway-keys.ts), and takes the submitter's key to another machine, and keeps a copy of it. The file is an age file
 * (age-encryption.org), locked with a passphrase: `age -d` opens it, too.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Decrypter, Encrypter } from 'age-encryption'
import type { Command } from 'commander'
import { writeWhole } from '../../host/store/durable.ts'
import { keyOf, loadKey, loadOrCreateKey, type SigningKey } from '../../host/store/keys.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure, usageExitCode } from '../failure.ts'
import { note, print, printJson } from '../output.ts'
import { gatewayKeyCommands } from './gateway-keys.ts'
import { keyPath } from './owner.ts'

const optionNames = ['dataDir', 'json', 'logLevel'] as const

/** A thief of the file may try passphrases for ever, and the key signs for money. */
const passphraseLengthMin = 12
/** A key file is a few hundred bytes, and locked some more. */
const lockedBytesMax = 16_384

export function keyCommand(program: Command): void {
  const key = program
    .command('key')
    .summary(
      "take the submitter's key to another machine, and make keys for programs that use this node over HTTP",
    )
  gatewayKeyCommands(key)

  const exporting = key
    .command('export')
    .summary("write the submitter's key to a file, locked with a passphrase")
    .description(
      'Writes the key that signs, pays for and reads the jobs submitted here to an age file, locked with a passphrase of at least 12 letters. Whoever has both can do all that: it is also the backup of the key.',
    )
    .requiredOption('-o, --output <file>', 'file for the locked key')
    .option('--passphrase-file <file>', "file with the passphrase; '-' is stdin (default: asked for)")
    .action(async (flags: Flags & { readonly output: string }) => {
      const { dataDir, json } = resolveConfig(optionNames, { ...flags })
      const path = resolve(flags.output)
      if (existsSync(path)) throw new CommandFailure(`${path} exists; name a file that does not`)
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      const file = keyPath(undefined, dataDir, 'submitter')
      const { peerId } = loadOrCreateKey(file, 'submitter')
      const passphrase = await newPassphrase(flags.passphraseFile)
      const encrypter = new Encrypter()
      encrypter.setPassphrase(passphrase)
      writeFileSync(path, await encrypter.encrypt(readFileSync(file)), { mode: 0o600, flag: 'wx' })
      if (json) printJson({ event: 'exported', key: peerId, path })
      else print(`${path}: the key of ${peerId}, locked; on another machine: carpool key import <file>`)
    })
  addOptions(exporting, optionNames)

  const importing = key
    .command('import')
    .argument('<file>', 'a file that carpool key export wrote')
    .summary('use a key that was exported elsewhere')
    .description(
      "Unlocks an exported key and makes it this data directory's submitter key: its jobs can be read from here then. Another key that is there is never replaced.",
    )
    .option('--passphrase-file <file>', "file with the passphrase; '-' is stdin (default: asked for)")
    .action(async (file: string, flags: Flags) => {
      const { dataDir, json } = resolveConfig(optionNames, { ...flags })
      const locked = readLocked(resolve(file))
      const passphrase = await givenPassphrase(flags.passphraseFile)
      const { peerId } = await unlockInto(dataDir, locked, passphrase, file)
      if (json) printJson({ event: 'imported', key: peerId })
      else
        print(
          `this data directory has the key of ${peerId} now; its jobs: carpool jobs --bootstrap <multiaddr>`,
        )
    })
  addOptions(importing, optionNames)
}

interface Flags {
  readonly passphraseFile?: string
}

/** Throws CommandFailure, and StoreError when what was locked is no key. */
async function unlockInto(
  dataDir: string,
  locked: Uint8Array,
  passphrase: string,
  file: string,
): Promise<SigningKey> {
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  let opened: Uint8Array
  try {
    opened = await decrypter.decrypt(locked)
  } catch {
    throw new CommandFailure(
      `${file} does not open: the passphrase is another one, or this is no exported key`,
    )
  }
  const key = keyOf(file, Buffer.from(opened).toString('utf8'))
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = keyPath(undefined, dataDir, 'submitter')
  if (!writeWhole(path, opened, { exclusive: true }) && loadKey(path).peerId !== key.peerId)
    throw new CommandFailure(
      `${path} is there already and is another key, with jobs of its own; import into another --data-dir`,
    )
  return key
}

function readLocked(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    if (bytes.byteLength <= lockedBytesMax) return bytes
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandFailure(
      code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read: ${code}`,
    )
  }
  throw new CommandFailure(`${path} is too large for an exported key`)
}

/** Throws CommandFailure for one that is easily guessed. */
async function newPassphrase(file: string | undefined): Promise<string> {
  const passphrase = await givenPassphrase(file)
  if ([...passphrase].length < passphraseLengthMin)
    throw new CommandFailure(
      `the passphrase is shorter than ${passphraseLengthMin} letters, and whoever gets the file may guess for ever`,
      usageExitCode,
    )
  if (file === undefined && (await askHidden('the same passphrase again: ')) !== passphrase)
    throw new CommandFailure('the two passphrases are not the same; nothing was written')
  return passphrase
}

/** From a file or from stdin, without its last line break; else from a person, who does not see it. */
async function givenPassphrase(file: string | undefined): Promise<string> {
  if (file === undefined) return askHidden('passphrase: ')
  try {
    return readFileSync(file === '-' ? 0 : resolve(file), 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new CommandFailure(
      `the passphrase cannot be read from ${file}: ${(error as NodeJS.ErrnoException).code}`,
    )
  }
}

async function askHidden(question: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CommandFailure(
      'there is no terminal to ask for the passphrase; give it with --passphrase-file',
      usageExitCode,
    )
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  try {
    return await lines.question('')
  } finally {
    lines.close()
    note('')
  }
}
