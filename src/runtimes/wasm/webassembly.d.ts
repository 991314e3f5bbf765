/** The part of the WebAssembly interface used here: TypeScript has it in its browser library only. */
declare namespace WebAssembly {
  type Imports = Record<string, Record<string, (...parameters: never[]) => unknown>>
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: Imports)
    readonly exports: Readonly<Record<string, unknown>>
  }
  class Memory {
    readonly buffer: ArrayBuffer
  }
  class RuntimeError extends Error {}
}
