/** The parts of decoders' packages that are used; their own types are missing or want a browser's. */
declare module '@jsquash/webp/codec/dec/webp_dec.js' {
  interface Decoded {
    readonly data: Uint8ClampedArray
    readonly width: number
    readonly height: number
  }
  const start: (overrides: object) => Promise<{ decode(bytes: Uint8Array): Decoded | null }>
  export default start
}

declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  export interface FrameInfo {
    readonly width: number
    readonly height: number
    readonly bitsPerSample: number
    readonly componentCount: number
    readonly isSigned: boolean
  }
  interface Decoder {
    getEncodedBuffer(bytes: number): Uint8Array
    decode(): void
    getFrameInfo(): FrameInfo
    getDecodedBuffer(): Uint8Array
  }
  const start: (overrides: object) => Promise<{ readonly J2KDecoder: new () => Decoder }>
  export default start
}
