/**
 * The refusals of the protocol: one class, a union of codes, each with the facts a person needs. (The pattern is
 * lodestar's, packages/fork-choice/src/protoArray/errors.ts.)
 */
export type Refusal =
  | { readonly code: 'not-canonical'; readonly what: string }
  | { readonly code: 'malformed'; readonly what: string; readonly why: string }
  | { readonly code: 'too-large'; readonly what: string; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: 'wrong-signature'; readonly what: string; readonly signer: string }
  | { readonly code: 'wrong-root'; readonly receipt: string }
  | { readonly code: 'not-its-lease'; readonly lease: string; readonly peer: string }
  | { readonly code: 'not-admitted'; readonly why: string }
  | { readonly code: 'impossible-bound'; readonly why: string }
  | { readonly code: 'amount-too-large'; readonly what: string }
  | { readonly code: 'other-amount'; readonly transfer: string; readonly why: string }
  | {
      readonly code: 'overdrawn'
      readonly account: string
      readonly micros: number
      readonly owedMicros: number
    }
  | { readonly code: 'already-resolved'; readonly transfer: string; readonly state: string }

export class ProtocolError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    const { code, ...facts } = refusal
    const described = Object.entries(facts).map(([name, value]) => `${name} ${value}`)
    super(`${code}: ${described.join(', ')}`)
    this.name = 'ProtocolError'
    this.refusal = refusal
  }
}
