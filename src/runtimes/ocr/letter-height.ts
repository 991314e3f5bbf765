/**
 * The usual height of a page's small letters, from its connected groups of ink.
 *
 * Runs of ink in neighbouring rows that touch are one group (Rosenfeld and Pfaltz, "Sequential Operations in Digital Picture
 * Processing", Journal of the ACM 13(4), 1966). Dots, dust and rules are left out by size; of the rest the median height is that of
 * a letter without ascender, since those are more than half of all print in the scripts at hand.
 */
import type { GrayImage } from '../imaging/gray-image.ts'
import { histogram, otsu } from '../imaging/light.ts'

/** Pixels. Lower groups are dots and dust, higher ones pictures, rules and headlines. */
const heightMin = 3
const heightMax = 120

/** Fewer groups than this say nothing. */
const groupsMin = 20

export interface Letters {
  /** In pixels; undefined where there is too little ink to tell. */
  readonly height: number | undefined
  /** Groups of up to four pixels, for each group that may be a letter: dust, and a fax's flipped pixels. */
  readonly specksEach: number
}

export function lettersOf({ width, height, pixels }: GrayImage): Letters {
  const threshold = otsu(histogram(pixels))
  const parents: number[] = []
  const tops: number[] = []
  const bottoms: number[] = []
  const widths: { left: number; right: number }[] = []
  const rootOf = (group: number): number => {
    let root = group
    while (parents[root] !== root) root = parents[root]!
    parents[group] = root
    return root
  }
  let above: { start: number; end: number; group: number }[] = []
  for (let y = 0; y < height; y += 1) {
    const runs: typeof above = []
    let next = 0
    for (let x = 0; x < width; x += 1) {
      if (pixels[y * width + x]! > threshold) continue
      const start = x
      while (x < width && pixels[y * width + x]! <= threshold) x += 1
      let group = -1
      while (next < above.length && above[next]!.end < start) next += 1
      for (let at = next; at < above.length && above[at]!.start <= x; at += 1) {
        const other = rootOf(above[at]!.group)
        if (group < 0) group = other
        else if (other !== group) {
          parents[other] = group
          tops[group] = Math.min(tops[group]!, tops[other]!)
          widths[group]!.left = Math.min(widths[group]!.left, widths[other]!.left)
          widths[group]!.right = Math.max(widths[group]!.right, widths[other]!.right)
        }
      }
      if (group < 0) {
        group = parents.length
        parents.push(group)
        tops.push(y)
        bottoms.push(y)
        widths.push({ left: start, right: x })
      }
      bottoms[group] = y
      widths[group]!.left = Math.min(widths[group]!.left, start)
      widths[group]!.right = Math.max(widths[group]!.right, x)
      runs.push({ start, end: x, group })
    }
    above = runs
  }
  const heights: number[] = []
  let specks = 0
  for (let group = 0; group < parents.length; group += 1) {
    if (parents[group] !== group) continue
    const tall = bottoms[group]! - tops[group]! + 1
    const wide = widths[group]!.right - widths[group]!.left
    if (tall <= 2 && wide <= 2) specks += 1
    if (tall >= heightMin && tall <= heightMax && wide >= 2 && wide <= 8 * tall) heights.push(tall)
  }
  const specksEach = specks / Math.max(groupsMin, heights.length)
  if (heights.length < groupsMin) return { height: undefined, specksEach }
  heights.sort((a, b) => a - b)
  return { height: heights[heights.length >> 1], specksEach }
}
