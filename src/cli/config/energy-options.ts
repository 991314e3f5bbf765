/** The options about electricity: what it costs, and what is drawn beside the work. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { commandPrefix, isAmount } from '../../host/energy/tariff-source.ts'
import type { Option } from './option.ts'

export const energyOptions = {
  tariff: {
    help: 'price of a kWh: an amount, a JSON file of hours, or a command that prints the prices now and ahead (docs/tariffs.md)',
    placeholder: '<price>',
    isList: false,
    expects: 'an amount such as 0.30EUR, a file, or command:<program and arguments>',
    schema: (folder) =>
      z
        .string()
        .min(1)
        .max(4096)
        .transform((text) =>
          isAmount(text) || text.startsWith(commandPrefix) ? text : resolve(folder, text),
        ),
    fallback: () => null,
    fallbackText: 'none: nothing is said of cost',
  } satisfies Option<string | null> as Option<string | null>,
  // A machine that is on in any case costs its owner nothing more; a car's computer draws 250 to 300 W awake (owners' measurements).
  idleWatts: {
    help: 'watts that the computer draws beside the work, if it is awake for the work only',
    placeholder: '<watts>',
    isList: false,
    expects: 'a number from 0 to 10000',
    schema: () =>
      z
        .union([
          z.number(),
          z
            .string()
            .regex(/^\d{1,5}(\.\d{1,3})?$/)
            .transform(Number),
        ])
        .pipe(z.number().min(0).max(10_000)),
    fallback: () => 0,
    fallbackText: '0: it is on in any case',
  } satisfies Option<number> as Option<number>,
}
