/**
 * A page's own axes: `along` runs with the lines of text, `down` across them, both in page pixels.
 *
 * A skewed page is not turned; positions are. Boxes, columns and reading order live in these axes, and each
 * line is cut out of the original pixels along its slope, so that it is interpolated once instead of twice.
 * The turn is kept in 16-bit fixed point: the slope is a fraction, its cosine comes from a square root, which
 * IEEE 754 rounds exactly, so no sine of any mathematical library has a say in a record.
 */
export interface Frame {
  /** Rise of the text lines per pixel along, in 1/65536; positive when lines sink to the right. */
  readonly slope: number
  readonly cosine: number
  readonly sine: number
}

export const fixedOne = 65_536

export function frameOfSlope(slope: number): Frame {
  const cosine = Math.floor((fixedOne * fixedOne) / Math.sqrt(fixedOne * fixedOne + slope * slope) + 0.5)
  return { slope, cosine, sine: Math.floor((slope * cosine) / fixedOne + 0.5) }
}

export function toAlong(frame: Frame, x: number, y: number): number {
  return (x * frame.cosine + y * frame.sine) / fixedOne
}

export function toDown(frame: Frame, x: number, y: number): number {
  return (y * frame.cosine - x * frame.sine) / fixedOne
}

export function toX(frame: Frame, along: number, down: number): number {
  return (along * frame.cosine - down * frame.sine) / fixedOne
}

export function toY(frame: Frame, along: number, down: number): number {
  return (along * frame.sine + down * frame.cosine) / fixedOne
}

/** Arc tangent by its series, to 2e-5 radians below slope 0.4: enough for the two decimals that are shown. */
export function degreesOf(slope65536: number): number {
  const slope = slope65536 / fixedOne
  const square = slope * slope
  const series = 1 - square * (1 / 3 - square * (1 / 5 - square * (1 / 7 - square / 9)))
  return Math.round(slope * series * 57.29577951308232 * 100) / 100
}
