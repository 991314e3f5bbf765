/**
 * Parses the text with which an owner names a source of signals.
 *
 *     trace:<file>[?speed=60][&loop]
 *     command:<program and arguments>
 *     viss:ws(s)://host:port[/path][?version=2|3][&token-file=<file>][&held]
 *     kuksa:http(s)://host:port[?token-file=<file>][&held]
 *
 * `held`: the server sends a value when it changes, and what it still holds is true. Its answers then count from when
 * they come, not from when the value was read, and a sensor that died is not noticed as long as its server lives.
 */
import { resolve } from 'node:path'

export const acceptedSpecs =
  'trace:<file>, command:<program and arguments>, viss:ws(s)://host:port, kuksa:http(s)://host:port'

/** Returns the same with absolute paths: files are relative to the place that names them. A command finds its own. */
export function specIn(folder: string, spec: string): string {
  const inFolder = (_: string, before: string, path: string): string => `${before}${resolve(folder, path)}`
  if (spec.startsWith('trace:')) return spec.replace(/^(trace:)([^?]+)/, inFolder)
  return /^(viss|kuksa):/.test(spec) ? spec.replace(/([?&]token-file=)([^&]+)/, inFolder) : spec
}

/** A week in ten minutes is 1000; above, changes are closer together than they can be played. */
export const speedMax = 10_000

export function split(
  spec: string,
  rest: string,
  accepted: readonly string[],
): { readonly target: string; readonly settings: ReadonlyMap<string, string> } {
  const at = rest.lastIndexOf('?')
  const target = at === -1 ? rest : rest.slice(0, at)
  const settings = new Map(new URLSearchParams(at === -1 ? '' : rest.slice(at + 1)))
  for (const name of settings.keys())
    if (!accepted.includes(name)) throw new Error(`${shown(spec)}: ${name} is none of ${accepted.join(', ')}`)
  return { target, settings }
}

export function addressOf(spec: string, target: string, protocols: readonly string[]): string {
  const url = URL.canParse(target) ? new URL(target) : null
  if (url === null || !protocols.includes(url.protocol) || url.hash !== '')
    throw new Error(
      `${shown(spec)}: the address is not ${protocols.map((protocol) => `${protocol}//host:port`).join(' or ')}`,
    )
  // A name is written into logs.
  if (url.username !== '' || url.password !== '')
    throw new Error(`${kindOf(spec)}: a secret belongs into token-file, not into the address`)
  return url.href
}

/** The text without what may be a secret in the wrong place: an error goes to the terminal, and from there into logs. */
export function shown(spec: string): string {
  return spec
    .replaceAll(/\/\/[^/@\s]*@/g, '//…@')
    .replaceAll(/[^/:?&\s]*:[^/@\s]*@/g, '…@')
    .replaceAll(/([?&])([^=&]+)=[^&]*/g, (whole, mark, name) =>
      harmlessSettings.has(name) ? whole : `${mark}${name}=…`,
    )
}

const harmlessSettings: ReadonlySet<string> = new Set(['version', 'speed', 'token-file', 'held', 'loop'])

function kindOf(spec: string): string {
  return spec.slice(0, spec.indexOf(':'))
}
