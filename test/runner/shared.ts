/** The file that a shared process is at (shared-main.ts), and who is told when its last result is written (reporter.ts). */
export const shared: { file: string | null; ended: (isGood: boolean) => void } = {
  file: null,
  ended: () => {},
}

/** From the runner to a shared process: the next file. */
export interface NextFile {
  readonly file: string
  /** Exists, and is empty. */
  readonly folder: string
}

/** From a shared process to the runner: all tests of the file have ended. */
export interface FileEnded {
  readonly declared: number
  readonly cpuSeconds: number
  /** The code that the file's own process would have ended with. */
  readonly code: number
  /** The remains of the file in the process that it did not find there, in words, or null. */
  readonly left: string | null
}
