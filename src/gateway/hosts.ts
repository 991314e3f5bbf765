/**
 * The names by which this server may be asked. A web page anywhere can have its own name lead to this machine (DNS rebinding), and then
 * its requests come here from the owner's browser; but they carry that name, which is not on the list.
 */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>

  /** `listening`: the address of the server. `named`: those that its owner allows beside it and this machine's own. */
  constructor(listening: string, named: readonly string[]) {
    this.#names = new Set(
      ['localhost', '127.0.0.1', '[::1]', listening, ...named].map((name) => name.toLowerCase()),
    )
  }

  /** `host`: the header, with or without a port. */
  has(host: string | undefined): boolean {
    if (host === undefined) return false
    return this.#names.has(host.toLowerCase().replace(/:\d{1,5}$/, '')) || this.#names.has(host.toLowerCase())
  }
}
