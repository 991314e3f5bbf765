/**
 * Reads a running node's configuration again: at SIGHUP, and after `carpool config set`. What its owner allows changes at once; the
 * rest of what has changed is named, and waits for the next start.
 */
import type { Logger } from 'pino'
import { RequestError } from '../host/errors.ts'
import type { Terms } from '../host/node/terms.ts'
import type { Reloaded } from '../host/reloaded.ts'
import { ConfigError, configFileOf, readConfigFile, resolveConfig } from './config/config.ts'
import { autoPriceOf, type NodeConfig, nodeOptionNames } from './config/node-config.ts'
import { asksOf, type OptionName } from './config/options.ts'
import { preferenceNames, wishOf } from './config/preferences.ts'

/** Days are counted in the time zone. */
const liveNames: readonly OptionName[] = [
  ...preferenceNames.filter((name) => name !== 'timeZone'),
  'price',
  'margin',
  'logLevel',
  'drainDeadline',
]

const names = [...nodeOptionNames, ...preferenceNames, 'http', 'httpHost', 'drainDeadline'] as const

type RunningConfig = NodeConfig & ReturnType<typeof resolveConfig<(typeof names)[number]>>

function termsOf(config: NodeConfig): Terms {
  return { wish: wishOf(config), asks: asksOf(config.price), autoPrice: autoPriceOf(config) }
}

export class Configuration {
  readonly #flags: Readonly<Record<string, unknown>>
  readonly #started: RunningConfig
  #now: RunningConfig

  /** Throws ConfigError. */
  constructor(flags: Readonly<Record<string, unknown>>) {
    this.#flags = flags
    this.#started = resolveConfig(names, flags)
    this.#now = this.#started
  }

  /** As it was read last. Of what cannot change while the node runs, `started` has what is in force. */
  get now(): RunningConfig {
    return this.#now
  }

  /** Throws RequestError where it is not valid; then nothing has changed. */
  async reload(change: (terms: Terms) => Promise<void>, log: Logger): Promise<Reloaded> {
    const [file, inFile, read] = this.#read()
    const before = this.#now
    const differs = (name: (typeof names)[number], than: RunningConfig) =>
      JSON.stringify(read[name]) !== JSON.stringify(than[name])
    const changed = names.filter((name) => liveNames.includes(name) && differs(name, before))
    const needsRestart = names.filter((name) => !liveNames.includes(name) && differs(name, this.#started))
    const overridden = names
      .filter((name) => inFile.has(name) && ['flag', 'environment'].includes(read.origins[name].layer))
      .map((option) => ({ option, by: read.origins[option].where }))
    await change(termsOf(read))
    log.level = read.logLevel
    this.#now = read
    log.info({ changed, needsRestart }, 'the configuration was read again')
    return { file, changed, needsRestart, overridden }
  }

  #read(): [file: string, inFile: ReadonlySet<string>, read: RunningConfig] {
    try {
      const values = readConfigFile(this.#flags)?.values ?? {}
      const read = resolveConfig(names, this.#flags)
      wishOf(read)
      return [configFileOf(this.#flags).path, new Set(Object.keys(values)), read]
    } catch (error) {
      if (error instanceof ConfigError) throw new RequestError(error.message)
      throw error
    }
  }
}
