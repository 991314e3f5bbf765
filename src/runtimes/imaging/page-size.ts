/** Width and height in pixels as a file's header states them, before orientation and before any decoding. */
export interface PageSize {
  readonly width: number
  readonly height: number
}
