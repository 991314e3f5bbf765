/** The outcome of a run of a virtual world. */
export interface Outcome {
  readonly traceHash: string
  readonly violations: readonly string[]
  readonly jobs: number
  readonly jobsComplete: number
  /** Jobs that never ended, in their deadline and two leases. */
  readonly jobsLost: number
  /** Wrong results that stewards' verdicts accepted. */
  readonly wrongAccepted: number
  /** Wrong results that an honest steward showed as accepted, at any time. */
  readonly wrongShown: number
  /** Reports of complete jobs, one for each honest steward, that the audit would refuse: each says so itself (lying/README.md). */
  readonly reportsRefused: number
  readonly executionsPerShard: number
  /** The time that each ended job took. */
  readonly completionMs: readonly number[]
  readonly handovers: number
  /** For how long each job was without a steward that acts, after the only one went down, until another one did. */
  readonly takeoversMs: readonly number[]
  /** Vehicles of other cells, in a world that is one of many (day.ts). */
  readonly abroad: {
    readonly censuses: number
    /** Cells that were left out of them. */
    readonly doubted: number
    readonly listed: number
    /** Distinct ones that took leases. */
    readonly worked: number
  }
  readonly events: number
  readonly virtualMs: number
  /** How often stewards that lie took each of their ways. */
  readonly lies: Readonly<Record<string, number>>
  readonly lastEvents: readonly string[]
}
