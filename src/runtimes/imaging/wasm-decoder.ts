/**
 * Starts a decoder that was compiled to WebAssembly, anew for each document.
 *
 * A stranger's bytes can overwrite the memory of a decoder written in C. It stays within WebAssembly's sandbox, but what it changed
 * there would go on to the next document, and differ between vehicles, which get documents in other orders. So the code is compiled
 * once for each process, and its memory begins new each time: 1 to 10 ms. A decoder gets no clock, no files and nothing to print to.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

/** The function that Emscripten's glue exports. */
type Factory<Decoder> = (overrides: object) => Promise<Decoder>

export class WasmDecoder<Decoder> {
  /** The path of the WebAssembly file. */
  readonly path: string
  readonly #factory: () => Promise<Factory<Decoder>>
  #code: Promise<readonly [WebAssembly.Module, Factory<Decoder>]> | undefined

  /** `path`: of the WebAssembly file, as `require` resolves it. `factory`: imports the glue. */
  constructor(path: string, factory: () => Promise<Factory<Decoder>>) {
    this.path = createRequire(import.meta.url).resolve(path)
    this.#factory = factory
  }

  async start(): Promise<Decoder> {
    this.#code ??= this.#load()
    const [module, factory] = await this.#code
    return factory({
      print: silent,
      printErr: silent,
      instantiateWasm(imports: WebAssembly.Imports, done: (instance: object, module: object) => void) {
        if (imports.env?.emscripten_date_now !== undefined) imports.env.emscripten_date_now = () => 0
        const instance = new WebAssembly.Instance(module, imports)
        done(instance, module)
        return instance.exports
      },
    })
  }

  async #load(): Promise<readonly [WebAssembly.Module, Factory<Decoder>]> {
    return [new WebAssembly.Module(await readFile(this.path)), await this.#factory()]
  }
}

function silent(): void {}
