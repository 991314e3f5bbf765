/**
 * From what an owner writes to a provider.
 *
 *     trace:<file>[?speed=60][&loop]
 *     command:<program and arguments>
 *     viss:ws(s)://host:port[/path][?version=2|3][&token-file=<file>][&held]
 *     kuksa:http(s)://host:port[?token-file=<file>][&held]
 *
 * `held`: the server sends a value when it changes, and what it still holds is true. Its answers then count from when
 * they come, not from when the value was read, and a sensor that died is not noticed as long as its server lives.
 */
import type { Logger } from 'pino'
import { openCommand } from './command.ts'
import { openKuksa } from './kuksa.ts'
import { merged } from './merge.ts'
import type { SignalProvider } from './provider.ts'
import { openTrace } from './trace.ts'
import { openViss } from './viss.ts'

/** All of them as one. Throws Error like `openProvider`. */
export function openProviders(specs: readonly string[], log: Logger): SignalProvider {
  return merged(
    specs.map((spec) => openProvider(spec, log)),
    log,
  )
}

/** Throws Error: one sentence that names the specification, and what is accepted. */
export function openProvider(spec: string, log: Logger): SignalProvider {
  const [, kind, rest] = /^([a-z]+):(.+)$/s.exec(spec) ?? []
  switch (kind) {
    case 'trace': {
      const { target, settings } = split(spec, rest!, ['speed', 'loop'])
      const speed = Number(settings.get('speed') ?? 1)
      if (!(speed > 0 && speed <= speedMax))
        throw new Error(`${spec}: speed is a number above 0, at most ${speedMax}`)
      return openTrace(spec, target, { speed, loop: settings.has('loop') })
    }
    case 'command':
      return openCommand(spec, rest!, log)
    case 'viss': {
      const { target, settings } = split(spec, rest!, ['version', 'token-file', 'held'])
      const url = addressOf(spec, target, ['ws:', 'wss:'])
      const version = Number(settings.get('version') ?? 2)
      if (version !== 2 && version !== 3) throw new Error(`${spec}: version is 2 or 3`)
      const tokenFile = settings.get('token-file') ?? null
      return openViss(spec, { url, version, tokenFile, held: settings.has('held') }, log)
    }
    case 'kuksa': {
      const { target, settings } = split(spec, rest!, ['token-file', 'held'])
      const url = addressOf(spec, target, ['http:', 'https:'])
      const tokenFile = settings.get('token-file') ?? null
      return openKuksa(spec, { url, tokenFile, held: settings.has('held') }, log)
    }
    default:
      throw new Error(
        `${spec} is no source of signals: write trace:<file>, command:<program and arguments>, viss:ws(s)://host:port or kuksa:http(s)://host:port`,
      )
  }
}

/** A week in ten minutes is 1000; above, changes are closer together than they can be played. */
const speedMax = 10_000

function split(
  spec: string,
  rest: string,
  accepted: readonly string[],
): { readonly target: string; readonly settings: ReadonlyMap<string, string> } {
  const at = rest.lastIndexOf('?')
  const target = at === -1 ? rest : rest.slice(0, at)
  const settings = new Map(new URLSearchParams(at === -1 ? '' : rest.slice(at + 1)))
  for (const name of settings.keys())
    if (!accepted.includes(name)) throw new Error(`${spec}: ${name} is none of ${accepted.join(', ')}`)
  return { target, settings }
}

function addressOf(spec: string, target: string, protocols: readonly string[]): string {
  const url = URL.canParse(target) ? new URL(target) : null
  if (url === null || !protocols.includes(url.protocol) || url.hash !== '')
    throw new Error(
      `${spec}: the address is not ${protocols.map((protocol) => `${protocol}//host:port`).join(' or ')}`,
    )
  // A name is written into logs.
  if (url.username !== '' || url.password !== '')
    throw new Error(`${kindOf(spec)}: a secret belongs into token-file, not into the address`)
  return url.href
}

function kindOf(spec: string): string {
  return spec.slice(0, spec.indexOf(':'))
}
