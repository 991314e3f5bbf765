/** The owner's preferences (src/protocol/rules/preferences.ts) as options: named alike, with the defaults from there. */
import { z } from 'zod'
import { categorySchema } from '../../protocol/job/manifest.ts'
import {
  type DispensableSignal,
  defaultPreferences,
  dispensableSignals,
  type PreferenceName,
  type Preferences,
} from '../../protocol/rules/preferences.ts'
import { isTimeZone, parseHours, parseTimes } from '../../protocol/rules/week.ts'
import { durationOf } from './lifetime-options.ts'
import type { Option } from './option.ts'
import { bytesOf } from './sizes.ts'

const numeric = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,9}(\.\d{1,6})?$/)
    .transform(Number),
])

/** A lease and its answer over a metered network take more than a smaller cap: such a cap was meant to be in another unit. */
const meteredBytesMin = 1_000_000

const sensors = Object.keys(dispensableSignals) as [DispensableSignal]

export const preferenceOptions: { readonly [Name in PreferenceName]: Option<Preferences[Name]> } = {
  pluggedOnly: yesOrNo('pluggedOnly', 'work only while the charging cable is connected'),
  chargePercentMin: number('chargePercentMin', {
    help: "charge in per cent from which work may begin; the vehicle's charge limit if that is lower",
    placeholder: '<percent>',
    range: [0, 100],
  }),
  reservePercent: number('reservePercent', {
    help: 'charge in per cent below which the vehicle never works',
    placeholder: '<percent>',
    range: [0, 100],
  }),
  parkLock: yesOrNo('parkLock', 'work only while park lock or parking brake is engaged'),
  ignitionOff: yesOrNo('ignitionOff', 'work only while the ignition is neither ON nor START'),
  settleMs: {
    help: 'time for which all signals must have been good before work begins',
    placeholder: '<duration>',
    isList: false,
    expects: 'a duration from 1s to 1d, such as 10m, or milliseconds',
    schema: () =>
      z
        .union([z.number(), z.string().transform(durationOf)])
        // Below a second, a signal that flaps would make the work flap.
        .pipe(z.number().int().min(1_000).max(86_400_000)),
    fallback: () => defaultPreferences.settleMs,
    fallbackText: '10m',
  },
  packCelsiusMax: number('packCelsiusMax', {
    help: 'pack temperature above which work stops',
    placeholder: '<celsius>',
    range: [0, 60],
  }),
  outsideCelsiusMin: number('outsideCelsiusMin', {
    help: 'outside temperature below which work stops',
    placeholder: '<celsius>',
    range: [-40, 50],
  }),
  outsideCelsiusMax: number('outsideCelsiusMax', {
    help: 'outside temperature above which work stops',
    placeholder: '<celsius>',
    range: [-40, 50],
  }),
  cabinRiseCelsiusMax: number('cabinRiseCelsiusMax', {
    help: 'degrees by which the cabin may warm up while the vehicle works',
    placeholder: '<celsius>',
    range: [1, 50],
  }),
  lowVoltsMin: number('lowVoltsMin', {
    help: 'voltage of the 12 V battery below which work stops',
    placeholder: '<volts>',
    range: [9, 16],
  }),
  noSignal: {
    help: 'sensor that the vehicle does not have, so that its rule is not asked; repeat for several',
    placeholder: '<sensor>',
    isList: true,
    expects: `one of ${sensors.join(', ')}: without the others nobody knows that it may work`,
    schema: () => z.array(z.enum(sensors)).max(sensors.length),
    fallback: () => defaultPreferences.noSignal,
    fallbackText: 'none',
  },
  unmeteredOnly: yesOrNo('unmeteredOnly', 'work only over a network that is not paid by the byte'),
  meteredBytesPerMonthMax: orNone(
    'meteredBytesPerMonthMax',
    {
      help: 'bytes that the node may send and receive a month over a metered network, if you allow one',
      placeholder: '<size>',
      expects: 'a size of at least 1MB, such as 500MB or 2GiB, or none',
      fallbackText: '10GB',
    },
    z.union([z.number(), z.string().transform(bytesOf)]).pipe(z.number().int().min(meteredBytesMin)),
  ),
  quietHours: hours(
    'quietHours',
    'hours in which the vehicle does not work',
    'hours such as 22:00-06:00 or mon-fri 08:00-18:00',
    (text) => parseHours(text) !== null,
  ),
  readyBy: hours(
    'readyBy',
    'time at which you need the vehicle; it stops working 15 minutes before',
    'a time such as 07:30 or mon-fri 07:30',
    (text) => parseTimes(text) !== null,
  ),
  timeZone: {
    help: "the vehicle's time zone, for quiet hours, departures and days",
    placeholder: '<zone>',
    isList: false,
    expects: 'a time zone such as Europe/Berlin',
    schema: () => z.string().refine(isTimeZone),
    fallback: ({ timeZone }) => timeZone,
    fallbackText: "this machine's",
  },
  powerWattsMax: orNone(
    'powerWattsMax',
    {
      help: 'watts that the work may draw',
      placeholder: '<watts>',
      expects: 'watts above 0, or none',
      fallbackText: 'none',
    },
    numeric.pipe(z.number().gt(0).max(100_000)),
  ),
  energyWhPerDayMax: orNone(
    'energyWhPerDayMax',
    {
      help: 'watt-hours that the work may use a day',
      placeholder: '<watt-hours>',
      expects: 'watt-hours above 0, or none',
      fallbackText: 'none',
    },
    numeric.pipe(z.number().gt(0).max(10_000_000)),
  ),
  surplusOnly: {
    ...yesOrNo(
      'surplusOnly',
      'work only on power of your own panels that nothing else draws, by the signal Carpool.Energy.SurplusWatts',
    ),
    placeholder: '[yes|no]',
  },
  categories: {
    help: 'category of jobs that the vehicle works for; repeat for several',
    placeholder: '<category>',
    isList: true,
    expects: 'a category of small letters, digits and dashes, such as documents',
    schema: () => z.array(categorySchema).min(1),
    fallback: () => defaultPreferences.categories,
    fallbackText: 'all',
  },
}

/** Not a switch: an option that is on by default must take one word to turn off. */
function yesOrNo<Name extends 'pluggedOnly' | 'parkLock' | 'ignitionOff' | 'unmeteredOnly' | 'surplusOnly'>(
  name: Name,
  help: string,
): Option<boolean> {
  return {
    help,
    placeholder: '<yes|no>',
    isList: false,
    expects: 'yes or no',
    schema: () =>
      z.union([
        z.boolean(),
        z.enum(['yes', 'no', 'true', 'false']).transform((text) => text === 'yes' || text === 'true'),
      ]),
    fallback: () => defaultPreferences[name],
    fallbackText: defaultPreferences[name] ? 'yes' : 'no',
  }
}

type NumberName = {
  [Name in PreferenceName]: Preferences[Name] extends number ? Name : never
}[PreferenceName]

function number(
  name: NumberName,
  {
    range: [low, high],
    ...words
  }: Pick<Option<number>, 'help' | 'placeholder'> & { readonly range: readonly [number, number] },
): Option<number> {
  return {
    ...words,
    isList: false,
    expects: `a number from ${low} to ${high}`,
    schema: () => numeric.pipe(z.number().min(low).max(high)),
    fallback: () => defaultPreferences[name],
    fallbackText: `${defaultPreferences[name]}`,
  }
}

function orNone(
  name: 'meteredBytesPerMonthMax' | 'powerWattsMax' | 'energyWhPerDayMax',
  words: Pick<Option<number | null>, 'help' | 'placeholder' | 'expects' | 'fallbackText'>,
  schema: z.ZodType<number>,
): Option<number | null> {
  return {
    ...words,
    isList: false,
    schema: () => z.union([z.null(), z.literal('none').transform(() => null), schema]),
    fallback: () => defaultPreferences[name],
  }
}

function hours(
  name: 'quietHours' | 'readyBy',
  help: string,
  expects: string,
  isUnderstood: (text: string) => boolean,
): Option<readonly string[]> {
  return {
    help: `${help}; repeat for several`,
    placeholder: name === 'quietHours' ? '<hours>' : '<time>',
    isList: true,
    cut: hoursIn,
    expects,
    schema: () => z.array(z.string().max(64).refine(isUnderstood)).max(hoursMax),
    fallback: () => defaultPreferences[name],
    fallbackText: 'none',
  }
}

/** Days are separated by commas as well ("sat,sun 10:00"): a part without a time belongs to the next. */
function hoursIn(text: string): string[] {
  const all: string[] = []
  let days = ''
  for (const part of text.split(',').map((one) => one.trim())) {
    const joined = days === '' ? part : `${days},${part}`
    if (/\d/.test(part)) all.push(joined)
    days = /\d/.test(part) ? '' : joined
  }
  return days === '' ? all : [...all, days]
}

/** Two a day, each day of its own. */
const hoursMax = 14
