/** The part of @fugood/node-llama-wasm that is used here: the module that Emscripten made of llama.cpp. The package has no types for it. */
declare module '@fugood/node-llama-wasm/wasm/llama-node.js' {
  export interface LlamaModule {
    readonly FS: {
      writeFile(path: string, bytes: Uint8Array, options: { readonly canOwn: boolean }): void
    }
    ccall(name: string, returns: 'string', types: readonly 'string'[], values: readonly string[]): string
  }
  export default function make(options: {
    readonly wasmBinary: Uint8Array
    readonly locateFile: (file: string) => string
    readonly print: (line: string) => void
    readonly printErr: (line: string) => void
  }): Promise<LlamaModule>
}
