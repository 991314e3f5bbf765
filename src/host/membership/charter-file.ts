/**
 * A fleet's charters on the disk: those that this node has heard, in its journal; and the file that newcomers are given, which a
 * registrar keeps as new as its own word.
 */
import { chmodSync, realpathSync, statSync } from 'node:fs'
import type { Logger } from 'pino'
import { type Charter, Fleet } from '../../protocol/membership/fleet.ts'
import type { FleetTerms } from '../fleet-views.ts'
import { reason } from '../network/errors.ts'
import { sha256 } from '../sha256.ts'
import { writeWhole } from '../store/durable.ts'
import type { Journal } from '../store/journal.ts'
import { verifyAgain } from '../store/keys.ts'
import { chartersSetting, charterText, parseCharter, readCharter } from './certificates.ts'

/** The fleet of this file, as it was last heard of. Throws Error, one sentence that names the file. */
export function openFleet(path: string, journal: Pick<Journal, 'getSetting'>): Fleet {
  const { record, later } = readCharter(path)
  const fleet = new Fleet(record, sha256, verifyAgain)
  try {
    for (const charter of later) fleet.adopt(charter)
  } catch (error) {
    throw new Error(`${path} is no charter of one fleet: ${reason(error)}`, { cause: error })
  }
  const heard = JSON.parse(journal.getSetting(chartersSetting(fleet.id)) ?? '[]') as string[]
  for (const text of heard) fleet.adopt(parseCharter(text))
  return fleet
}

export function keepCharters(fleet: Fleet, journal: Pick<Journal, 'putSetting'>): void {
  const charters = fleet.charters().map((record) => charterText(record))
  journal.putSetting(chartersSetting(fleet.id), JSON.stringify(charters))
}

/** The charter as a file for newcomers: the first one, by which all know the fleet, and those that followed. */
export function charterTextOf(fleet: Fleet): string {
  const [first, ...later] = fleet.charters()
  return charterText(first!, later)
}

/** Has newcomers be given all that the fleet says by now. The file stays readable to those who could read it. */
export function replaceCharter(path: string, fleet: Fleet, log: Logger): void {
  try {
    const target = realpathSync(path)
    const mode = statSync(target).mode & 0o777
    writeWhole(target, Buffer.from(charterTextOf(fleet)))
    chmodSync(target, mode)
  } catch (error) {
    log.warn(
      { error },
      `${path} still has the charter of before; for newcomers: carpool fleet charter -o <file>`,
    )
  }
}

export function termsOf({ charter: { payload, serial } }: Fleet): FleetTerms {
  const { name, operatorPpm, registrars, keys } = payload
  return { name, operatorPpm, registrars, keys, serial }
}

/** There is a new charter: logs what it changes for members. */
export function sayNews({ charter: { payload, serial } }: Fleet, before: Charter, log: Logger): void {
  const what = changesOf(before, payload).map((change) => `: ${change}`)
  const text = `the fleet ${payload.name} has a new charter${what.join('')}`
  log.info({ serial, revoked: payload.revoked.length }, text)
}

/** The terms that differ: revocations left out. */
function changesOf(before: Charter, after: Charter): string[] {
  const share = (ppm: number) => `${ppm / 10_000} %`
  const isDifferent = (one: readonly string[], other: readonly string[]) =>
    one.join('\n') !== other.join('\n')
  return [
    ...(before.name === after.name ? [] : [`it was called ${before.name}`]),
    ...(before.operatorPpm === after.operatorPpm
      ? []
      : [
          `its operator keeps ${share(after.operatorPpm)} of what is earned from now on, and kept ${share(before.operatorPpm)}`,
        ]),
    ...(isDifferent(before.registrars, after.registrars)
      ? [`its registrars are at ${after.registrars.join(' and ') || 'no address'}`]
      : []),
    ...(isDifferent(before.keys, after.keys) ? [`${after.keys.length} of its keys are in force`] : []),
  ]
}
