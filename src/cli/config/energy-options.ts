/** The options about electricity: what it costs, and what is drawn beside the work. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { commandPrefix, isAmount } from '../../host/energy/tariff-source.ts'
import type { Option } from './option.ts'

export const energyOptions = {
  // A guess: a core of a computer built for vehicles, with its share of memory and fans. Tesla's HW3 takes 72 W in all.
  slotWatts: watts('watts that a busy slot draws, used if the vehicle cannot measure it', 10, '10'),
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
  margin: {
    help: 'share of the cost of energy that a price that follows it has on top (--price auto)',
    placeholder: '<percent>',
    isList: false,
    expects: 'a share from 0% to 1000%, such as 20%',
    schema: () =>
      z
        .string()
        .regex(/^\d{1,4}(\.\d{1,2})?%$/)
        .transform((text) => Number(text.slice(0, -1)) / 100)
        .pipe(z.number().min(0).max(10)),
    fallback: () => 0.2,
    fallbackText: '20%',
  } satisfies Option<number> as Option<number>,
  // A machine that is on in any case costs its owner nothing more; a car's computer draws 250 to 300 W awake (owners' measurements).
  idleWatts: watts(
    'watts that the computer draws beside the work, if it is awake for the work only',
    0,
    '0: it is on in any case',
  ),
}

function watts(help: string, usual: number, fallbackText: string): Option<number> {
  return {
    help,
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
    fallback: () => usual,
    fallbackText,
  }
}
