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
  const groups = new Groups()
  let above = new Runs(width)
  let runs = new Runs(width)
  for (let y = 0; y < height; y += 1) {
    findRuns(pixels.subarray(y * width, (y + 1) * width), threshold, runs)
    joinRuns(runs, above, groups, y)
    const spare = above
    above = runs
    runs = spare
  }
  const heights: number[] = []
  let specks = 0
  for (let group = 0; group < groups.count; group += 1) {
    if (groups.parents[group] !== group) continue
    const tall = groups.bottoms[group]! - groups.tops[group]! + 1
    const wide = groups.rights[group]! - groups.lefts[group]!
    if (tall <= 2 && wide <= 2) specks += 1
    if (tall >= heightMin && tall <= heightMax && wide >= 2 && wide <= 8 * tall) heights.push(tall)
  }
  const specksEach = specks / Math.max(groupsMin, heights.length)
  if (heights.length < groupsMin) return { height: undefined, specksEach }
  heights.sort((a, b) => a - b)
  return { height: heights[heights.length >> 1], specksEach }
}

/** The runs of ink in one row, from the left; each ends before `ends`. At most every second pixel begins one. */
class Runs {
  count = 0
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly groups: Int32Array

  constructor(width: number) {
    const most = (width >> 1) + 1
    this.starts = new Int32Array(most)
    this.ends = new Int32Array(most)
    this.groups = new Int32Array(most)
  }
}

function findRuns(row: Uint8Array, threshold: number, runs: Runs): void {
  let count = 0
  for (let x = 0; x < row.length; x += 1) {
    if (row[x]! > threshold) continue
    runs.starts[count] = x
    while (x < row.length && row[x]! <= threshold) x += 1
    runs.ends[count] = x
    count += 1
  }
  runs.count = count
}

/** Gives each run the group of those above that it touches, which become one, or a new group. */
function joinRuns(runs: Runs, above: Runs, groups: Groups, y: number): void {
  let next = 0
  for (let run = 0; run < runs.count; run += 1) {
    const [start, end] = [runs.starts[run]!, runs.ends[run]!]
    let group = -1
    while (next < above.count && above.ends[next]! < start) next += 1
    for (let at = next; at < above.count && above.starts[at]! <= end; at += 1) {
      const other = groups.rootOf(above.groups[at]!)
      if (group < 0) group = other
      else if (other !== group) groups.join(group, other)
    }
    if (group < 0) group = groups.add(y, start, end)
    groups.bottoms[group] = y
    groups.lefts[group] = Math.min(groups.lefts[group]!, start)
    groups.rights[group] = Math.max(groups.rights[group]!, end)
    runs.groups[run] = group
  }
}

/** Groups of touching ink with the boxes around them. One that was joined to another has that as its parent, and a root itself. */
class Groups {
  readonly parents: number[] = []
  readonly tops: number[] = []
  readonly bottoms: number[] = []
  readonly lefts: number[] = []
  readonly rights: number[] = []

  get count(): number {
    return this.parents.length
  }

  add(y: number, left: number, right: number): number {
    const group = this.parents.length
    this.parents.push(group)
    this.tops.push(y)
    this.bottoms.push(y)
    this.lefts.push(left)
    this.rights.push(right)
    return group
  }

  rootOf(group: number): number {
    let root = group
    while (this.parents[root] !== root) root = this.parents[root]!
    this.parents[group] = root
    return root
  }

  join(group: number, other: number): void {
    this.parents[other] = group
    this.tops[group] = Math.min(this.tops[group]!, this.tops[other]!)
    this.lefts[group] = Math.min(this.lefts[group]!, this.lefts[other]!)
    this.rights[group] = Math.max(this.rights[group]!, this.rights[other]!)
  }
}
