/**
 * Every option of every command, written once: its flag (`--data-dir`), its environment variable
 * (`CARPOOL_DATA_DIR`), its key in the file (`dataDir`), its help, its check and its default all follow from here.
 */
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { isPrintable } from '../../base/printable.ts'
import type { NetworkKind } from '../../host/signals/network.ts'
import { acceptedSpecs, specIn } from '../../host/signals/specs.ts'
import { unitMicrosMax } from '../../protocol/limits.ts'
import { type Ask, parsePrice } from '../../protocol/price.ts'
import { unitOfRuntime } from '../../runtimes/registry.ts'
import { cellsOption } from './cells-option.ts'
import { energyOptions } from './energy-options.ts'
import { ConfigError } from './errors.ts'
import { gatewayOptions } from './gateway-options.ts'
import { lifetimeOptions } from './lifetime-options.ts'
import type { Option } from './option.ts'
import { autoOnOff, choice, list, path } from './option-kinds.ts'
import { preferenceOptions } from './preference-options.ts'
import { bytesOf } from './sizes.ts'

export const peerAddressExample = '/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…'

export const options = {
  dataDir: path({
    help: 'folder that keeps keys, journal and blocks',
    placeholder: '<folder>',
    // The XDG base directory specification, since what is in it is neither cache nor configuration.
    fallback: ({ environment, home }) => {
      const data = environment.XDG_DATA_HOME || (home === null ? null : join(home, '.local', 'share'))
      if (data === null) throw new ConfigError({ code: 'no-home' })
      return join(data, 'carpool')
    },
    fallbackText: '$XDG_DATA_HOME/carpool or ~/.local/share/carpool',
  }),
  // Any interface, since peers are on other machines; any free port, since adverts carry addresses and a second node on
  // the machine must start too. Only a bootstrap peer needs a port of its own choice. Without IPv6 there the second is left out.
  listen: list({
    help: 'address on which the node accepts peers; repeat for several',
    placeholder: '<multiaddr>',
    expects: 'a multiaddr such as /ip4/0.0.0.0/tcp/4001',
    item: z.string().refine(isMultiaddr),
    fallback: () => ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'],
    fallbackText: '/ip4/0.0.0.0/tcp/0 and /ip6/::/tcp/0, free ports',
  }),
  // These replace the addresses listened on: an address that nobody can reach costs every peer that tries it a dial.
  announce: list({
    help: 'address that other nodes should dial, if a router forwards a port; repeat for several',
    placeholder: '<multiaddr>',
    expects: 'a multiaddr such as /ip4/192.0.2.1/tcp/4001',
    item: z.string().refine(isMultiaddr),
    fallback: () => [],
    fallbackText: 'the addresses listened on',
  }),
  bootstrap: list({
    help: 'peer through which the node joins the mesh; repeat for several',
    placeholder: '<multiaddr>',
    expects: `a multiaddr with a peer id, such as ${peerAddressExample}, or /dnsaddr/ and a domain`,
    item: z.string().refine(isBootstrapAddress),
    fallback: () => [],
    fallbackText: 'none: the first node of a mesh',
  }),
  // Not the host name, which tells strangers more than an owner may want.
  name: {
    help: 'name of this node for people, shown by carpool peers',
    placeholder: '<name>',
    isList: false,
    expects: 'a name of 1 to 64 printable characters',
    schema: () => z.string().trim().min(1).max(64).refine(isPrintable),
    fallback: () => null,
    fallbackText: 'the end of its peer id',
  } satisfies Option<string | null> as Option<string | null>,
  // One core stays free for the node itself and the car's other duties; two slots on one core only take turns. A guess.
  slots: {
    help: 'leases that the node executes at once, as far as there is memory; with 0 it only looks after jobs',
    placeholder: '<count>',
    isList: false,
    expects: 'a whole number from 0 to 1024',
    schema: () => z.union([z.number(), digits]).pipe(z.number().int().min(0).max(1024)),
    fallback: ({ cores }) => Math.max(1, cores - 1),
    fallbackText: 'cores less one, at least 1',
  } satisfies Option<number> as Option<number>,
  owner: path({
    help: "certificate in which this node's owner vouches for it",
    placeholder: '<file>',
    fallback: () => null,
    fallbackText: 'none: the node is its own owner',
  }),
  fleet: path({
    help: 'charter of the fleet to join, as carpool fleet init writes it',
    placeholder: '<file>',
    fallback: () => null,
    fallbackText: 'none: an open mesh, and no error bound',
  }),
  fleetKey: path({
    help: "the fleet's key: this node admits vehicles and renews their credentials",
    placeholder: '<file>',
    fallback: () => null,
    fallbackText: 'none: the node is not a registrar',
  }),
  // Nothing by default: a mesh among friends works for nothing, and a price that nobody pays earns nothing.
  price: {
    help: 'lowest price at which the node does a page, a document, or 1,000 tokens of a runtime; repeat for several; auto follows --tariff',
    placeholder: '<runtime=amount>',
    isList: true,
    expects:
      'one price for a runtime, such as ocr=0.0002EUR for a page, or llm=0.0002EUR/1k for 1,000 tokens, or auto, or ocr=auto',
    schema: () =>
      z
        .array(z.string().refine((text) => isAuto(text) || askFrom(text) !== undefined))
        .refine((texts) => asksOf(texts).size === texts.filter((text) => !isAuto(text)).length),
    fallback: () => [],
    fallbackText: 'nothing',
  } satisfies Option<readonly string[]> as Option<readonly string[]>,
  meshKey: path({
    help: 'key that all nodes of a closed mesh share',
    placeholder: '<file>',
    fallback: () => null,
    fallbackText: 'none',
  }),
  // Strangers near by must not come to see what is submitted, so an open mesh is looked for only when asked.
  lan: autoOnOff(
    'whether to look for nodes of the mesh on the local network; auto: with a fleet or a mesh key',
  ),
  // A relay costs its owner traffic, which a node without slots is there for and a car is not.
  relay: autoOnOff(
    'whether to relay between nodes behind routers, as long as others can dial this one; auto: with --slots 0',
  ),
  cells: cellsOption,
  // Nothing is guessed about a vehicle: without a source its owner says what is true of it.
  signals: {
    help: "source of the vehicle's readings; repeat for several",
    placeholder: '<source>',
    isList: true,
    expects: `one of ${acceptedSpecs}`,
    schema: (folder) =>
      z.array(
        z
          .string()
          .regex(/^(trace|command|viss|kuksa):./)
          .transform((spec) => specIn(folder, spec)),
      ),
    fallback: () => [],
    fallbackText: 'none: the node knows nothing of the vehicle',
  } satisfies Option<readonly string[]> as Option<readonly string[]>,
  network: choice<NetworkKind>(
    'metered if the network in use is paid by the byte; auto asks NetworkManager',
    ['auto', 'metered', 'unmetered'],
  ),
  // Machine code of a driver then reads what strangers send: its owner has to want that.
  gpu: choice<'off' | 'auto'>(
    'whether language models may use the graphics processor, if its package and driver are installed',
    ['off', 'auto'],
  ),
  logLevel: choice<LogLevel>(
    'least severe level of log lines that are written',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  json: {
    help: 'print JSON lines instead of text',
    placeholder: null,
    isList: false,
    expects: 'true or false',
    schema: () => z.union([z.boolean(), z.enum(['true', 'false', '1', '0']).transform(isYes)]),
    fallback: () => false,
    fallbackText: 'false',
  } satisfies Option<boolean> as Option<boolean>,
  // The same figure as the block store's own default (src/host/store/blocks.ts), and asserted to be so by a test.
  cacheBytesMax: {
    help: 'disk space for weights that no current job uses',
    placeholder: '<size>',
    isList: false,
    expects: 'a size such as 500MB, 2GiB or 1048576',
    schema: () => z.union([z.number(), z.string().transform(bytesOf)]).pipe(z.number().int().min(0)),
    fallback: () => 2 * 2 ** 30,
    fallbackText: '2GiB',
  } satisfies Option<number> as Option<number>,
  ...energyOptions,
  ...gatewayOptions,
  ...lifetimeOptions,
  ...preferenceOptions,
}

export type OptionName = keyof typeof options

export type OptionValues = {
  readonly [Name in OptionName]: (typeof options)[Name] extends Option<infer Value> ? Value : never
}

export const optionNames = Object.keys(options) as OptionName[]

export function flagOf(name: OptionName): string {
  return `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`
}

export function variableOf(name: OptionName): string {
  return `CARPOOL_${name.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`
}

/** Returns the price that an owner asks for a unit of work, by runtime. */
export function asksOf(prices: readonly string[]): ReadonlyMap<string, Ask> {
  return new Map(prices.flatMap((text) => askFrom(text) ?? []).map(({ runtime, ask }) => [runtime, ask]))
}

/** Returns the runtimes whose prices follow that of power; null: all others; undefined: none. */
export function autoRuntimesOf(prices: readonly string[]): readonly string[] | null | undefined {
  const auto = prices.map((text) => text.trim()).filter(isAuto)
  if (auto.length === 0) return undefined
  return auto.includes('auto') ? null : auto.map((text) => text.slice(0, -'=auto'.length))
}

function isAuto(text: string): boolean {
  return /^([a-z0-9-]{1,32}=)?auto$/.test(text.trim())
}

function askFrom(text: string): { readonly runtime: string; readonly ask: Ask } | undefined {
  const [, runtime, amount = ''] = /^([a-z0-9-]{1,32})=(.+)$/.exec(text.trim()) ?? []
  const price = parsePrice(amount)
  if (runtime === undefined || price === undefined || price.micros > unitMicrosMax) return undefined
  const { currency, micros, per } = price
  if (per !== unitOfRuntime(runtime).pricedPer) return undefined
  return { runtime, ask: { currency, unitMicros: micros, ...(per === 1 ? {} : { per }) } }
}

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Nodes dial it, and know by its peer id whom they have reached. */
export function isPeerAddress(text: string): boolean {
  return isMultiaddr(text) && text.includes('/p2p/')
}

/** … or a domain, whose records say where such nodes are. */
export function isBootstrapAddress(text: string): boolean {
  return isPeerAddress(text) || (isMultiaddr(text) && text.startsWith('/dnsaddr/'))
}

function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

const digits = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)

function isYes(text: string): boolean {
  return text === 'true' || text === '1'
}
