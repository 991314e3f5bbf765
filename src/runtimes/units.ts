/** Units of work: what runtimes count, and what their work is paid by. */

/** The unit of a runtime's work, in words for people. */
export interface UnitDescription {
  /** "page"; it stands in manifests: small letters, 16 at most. */
  readonly one: string
  /** "pages". */
  readonly many: string
  /** A price is for so many of them. */
  readonly pricedPer: 1 | 1000
  /**
   * Set where each document has as many as the runtime's `counter` says, and each record as many as it took. Left out: a page, or
   * whatever one record is made of, is one unit.
   */
  readonly isCounted?: true
}

/** Units of work: those of what goes in, and those of what comes out. */
export interface UnitCount {
  readonly input: number
  readonly output: number
}

export const page: UnitDescription = { one: 'page', many: 'pages', pricedPer: 1 }
export const document: UnitDescription = { one: 'document', many: 'documents', pricedPer: 1 }
export const token: UnitDescription = { one: 'token', many: 'tokens', pricedPer: 1000, isCounted: true }
