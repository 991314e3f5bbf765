/** The executor's bounds, each with its origin. Every one may be set in ExecutorOptions. */
export interface ExecutorLimits {
  /** Per record. More lets a slow vehicle finish heavy pages; less frees a slot sooner from an endless loop. */
  readonly cpuMsMax: number
  /** Per record, frozen time left out. Catches what waits without computing, and a starved machine. */
  readonly wallMsMax: number
  /** Per session: reading weights, checking and compiling; also where one is loaded only to see whether it can be. */
  readonly loadMsMax: number
  /** Per document: counting pages reads little more than headers. */
  readonly inspectMsMax: number
  /** Private memory of a child (usage.ts), sampled. */
  readonly privateBytesMax: number
  /** prlimit --data: a fence behind the sampling, for a child that allocates between two samples. */
  readonly dataBytesMax: number
  /** V8's --wasm-max-mem-pages, pages of 64 KiB: for any one wasm memory in the process, wabt's and ORT's too. */
  readonly wasmPagesMax: number
  /** How often a busy child is looked at; limits may be overrun by as much. */
  readonly sampleMs: number
  /** Runs that wait in one slot. More is refused: the caller has lost its own bounds. */
  readonly queuedRunsMax: number
  readonly queuedBytesMax: number
}

export const defaultLimits: ExecutorLimits = {
  // An A4 page of OCR costs 15 CPU seconds in the exact engine (notes: 13.6 to 14.8 s); ten times that for slow cars.
  cpuMsMax: 150_000,
  // Slots run at nice 19, so a busy machine may take several times the CPU time. A guess.
  wallMsMax: 600_000,
  // OCR's two sessions load in 2 s on a loaded machine; thirty times that. A guess.
  loadMsMax: 60_000,
  // A guess.
  inspectMsMax: 10_000,
  // OCR of an A4 page at 300 dpi in colour peaks at 964 MB in the exact engine (measured); the rest is a margin.
  privateBytesMax: 1536 * 2 ** 20,
  // Private address space counts, not use: OCR maps 1.0 GB of it, a guest of 256 MiB 1.4 GB (measured).
  dataBytesMax: 2048 * 2 ** 20,
  // 1 GiB; ORT ran within it (measured). A guest's own cap is far lower (src/runtimes/wasm).
  wasmPagesMax: 16_384,
  // Two reads of /proc cost some 60 µs, so 0.1 % of a core at 50 ms. A guess otherwise.
  sampleMs: 50,
  // A lease of tiny records may be sent ahead as a whole. Guesses.
  queuedRunsMax: 16_384,
  queuedBytesMax: 256 * 2 ** 20,
}
