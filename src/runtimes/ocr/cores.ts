/**
 * Connected groups of pixels above a threshold, with what is needed to lay a box along them.
 *
 * Flood fill over eight neighbours, in raster order, so that the groups' order and sums are the same everywhere.
 */
import type { Box } from './box.ts'

export interface Core {
  /** Mean of the values. */
  readonly score: number
  /** First and last column, in pixels. */
  readonly left: number
  readonly right: number
  /** Least-squares rise per pixel of column, in pixels. */
  readonly slope: number
  /** Variances of the pixels' positions along the columns, and of what is left of the rows' beside the slope. */
  readonly spreadAlong: number
  readonly spreadAcross: number
  /**
   * Bounds in axes that are turned and scaled: along = xAlong * x + yAlong * y, down likewise, over the pixels'
   * whole squares.
   */
  extent(xAlong: number, yAlong: number, xDown: number, yDown: number): Box
}

export function coresAbove(values: Float32Array, width: number, height: number, threshold: number): Core[] {
  const seen = new Uint8Array(width * height)
  const cores: Core[] = []
  for (let start = 0; start < width * height; start += 1) {
    if (seen[start] === 0 && values[start]! > threshold) {
      cores.push(measure(flood(values, width, height, threshold, seen, start), values, width))
    }
  }
  return cores
}

function flood(
  values: Float32Array,
  width: number,
  height: number,
  threshold: number,
  seen: Uint8Array,
  start: number,
): number[] {
  const members = [start]
  seen[start] = 1
  for (let next = 0; next < members.length; next += 1) {
    const pixel = members[next]!
    const x = pixel % width
    const y = (pixel - x) / width
    for (let otherY = Math.max(0, y - 1); otherY <= Math.min(height - 1, y + 1); otherY += 1) {
      for (let otherX = Math.max(0, x - 1); otherX <= Math.min(width - 1, x + 1); otherX += 1) {
        const other = otherY * width + otherX
        if (seen[other] === 0 && values[other]! > threshold) {
          seen[other] = 1
          members.push(other)
        }
      }
    }
  }
  return members
}

function measure(members: readonly number[], values: Float32Array, width: number): Core {
  const count = members.length
  let score = 0
  let sumX = 0
  let sumY = 0
  let left = width
  let right = 0
  for (const pixel of members) {
    const x = pixel % width
    score += values[pixel]!
    sumX += x
    sumY += (pixel - x) / width
    left = Math.min(left, x)
    right = Math.max(right, x)
  }
  let squareX = 0
  let squareY = 0
  let product = 0
  for (const pixel of members) {
    const x = pixel % width
    const fromX = x - sumX / count
    const fromY = (pixel - x) / width - sumY / count
    squareX += fromX * fromX
    squareY += fromY * fromY
    product += fromX * fromY
  }
  const slope = squareX > 0 ? product / squareX : 0
  return {
    score: score / count,
    left,
    right,
    slope,
    spreadAlong: squareX / count,
    spreadAcross: (squareY - slope * product) / count,
    extent(xAlong, yAlong, xDown, yDown) {
      let minAlong = Number.POSITIVE_INFINITY
      let maxAlong = Number.NEGATIVE_INFINITY
      let minDown = Number.POSITIVE_INFINITY
      let maxDown = Number.NEGATIVE_INFINITY
      for (const pixel of members) {
        const x = (pixel % width) + 0.5
        const y = (pixel - (pixel % width)) / width + 0.5
        const along = x * xAlong + y * yAlong
        const down = x * xDown + y * yDown
        minAlong = Math.min(minAlong, along)
        maxAlong = Math.max(maxAlong, along)
        minDown = Math.min(minDown, down)
        maxDown = Math.max(maxDown, down)
      }
      const halfAlong = Math.abs(xAlong) / 2
      const halfDown = Math.abs(yDown) / 2
      return {
        left: minAlong - halfAlong,
        top: minDown - halfDown,
        right: maxAlong + halfAlong,
        bottom: maxDown + halfDown,
      }
    },
  }
}
