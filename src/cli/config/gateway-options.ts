/** The options of a node's HTTP server (src/gateway). */
import { z } from 'zod'
import type { Option } from './option.ts'

export interface HttpAddress {
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

export const gatewayOptions = {
  // Off by default: a car has nobody to serve.
  http: {
    help: 'address of an HTTP server for batches in the format of OpenAI’s API, health and metrics',
    placeholder: '<host:port>',
    isList: false,
    expects: 'a host and a port such as 127.0.0.1:8080',
    schema: () =>
      z
        .string()
        .transform(addressIn)
        .refine((address) => address !== undefined),
    fallback: () => null,
    fallbackText: 'none: no HTTP server',
  } satisfies Option<HttpAddress | null> as Option<HttpAddress | null>,
  httpHost: {
    help: 'name by which clients may ask the HTTP server, beside localhost and its own address; repeat for several',
    placeholder: '<name>',
    isList: true,
    expects: 'a host name such as batches.example.org, or one with its port',
    schema: () => z.array(z.string().regex(/^[A-Za-z0-9.[\]:_-]{1,253}$/)),
    fallback: () => [],
    fallbackText: 'no others',
  } satisfies Option<readonly string[]> as Option<readonly string[]>,
}

/** An address as the option takes it: `127.0.0.1:8080`, `[::1]:8080`. */
export function httpAddressText({ host, port }: HttpAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function addressIn(text: string): HttpAddress | undefined {
  const [, bracketed, plain, port = ''] =
    /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  return host === undefined || Number(port) > 65_535 ? undefined : { host, port: Number(port) }
}
