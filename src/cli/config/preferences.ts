/** Turns resolved options into the owner's preferences. */
import type { OwnersWish } from '../../host/supervisor/owner-watch.ts'
import { contradictionIn, type PreferenceName, type Preferences } from '../../protocol/rules/preferences.ts'
import type { Config } from './config.ts'
import { ConfigError } from './errors.ts'
import { preferenceOptions } from './preference-options.ts'

/** In the order in which help and `carpool config` show them. */
export const preferenceNames = Object.keys(preferenceOptions) as PreferenceName[]

/** Throws ConfigError: contradiction. */
export function wishOf(config: Config<PreferenceName>): OwnersWish {
  const entries = preferenceNames.map((name) => [name, config[name]])
  const preferences = Object.fromEntries(entries) as Preferences
  const origins = Object.fromEntries(
    preferenceNames.map((name) => {
      const { layer, where } = config.origins[name]
      return [name, layer === 'default' ? 'default' : where]
    }),
  ) as OwnersWish['origins']
  const contradiction = contradictionIn(preferences)
  if (contradiction === null) return { preferences, origins }
  const [first, second] = contradiction.names.map((name) => `${name} (${origins[name]})`)
  throw new ConfigError({ code: 'contradiction', first: first!, second: second!, why: contradiction.why })
}
