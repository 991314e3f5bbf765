/**
 * A fleet that is new: all of its vehicles come within half an hour, none of them knows anybody but the bootstrap nodes, and one of those is down
 * for some minutes. Every node is the production machine; nothing is sampled.
 */
import type { PeerId } from '../../protocol/ids.ts'
import { type Spread, spreadOf } from '../spread.ts'
import { minuteMs } from '../week/trips.ts'
import { nodesAstray } from './astray.ts'
import { CellMesh } from './mesh.ts'

export interface JoiningOptions {
  readonly seed: number
  readonly vehicles: number
  readonly minutes: number
  readonly bootstraps: number
}

export interface JoiningResult extends JoiningOptions {
  /** From when a vehicle comes until it says its advert in its cell, in seconds. */
  readonly joinSeconds: Spread
  /** … of those that came while a bootstrap node was down. */
  readonly joinSecondsWhileDown: Spread
  readonly joined: number
  /** Questions that bootstrap nodes were asked, in all, and of one of them in its busiest ten seconds, each second; and while one is down. */
  readonly questions: number
  readonly questionsPerSecond: number
  readonly questionsPerSecondWhileDown: number
  /** Questions between all nodes, those at bootstrap nodes included. */
  readonly asked: number
  readonly cells: number
  readonly largestCell: number
  /** The largest that a cell was at the end of a minute. */
  readonly largestCellMost: number
  readonly moves: number
  /** Minutes from the last arrival until no node was in another cell than those around it; null: some are at the end. */
  readonly settledMinutes: number | null
}

const windowMs = 10_000
/** Resizing takes a quarter of an hour, and somebody may have begun late. */
const settlingMinutes = 40

export function joinAll(
  { seed, vehicles, minutes, bootstraps }: JoiningOptions,
  say: (line: string) => void,
): JoiningResult {
  const mesh = new CellMesh(seed)
  const { timeline } = mesh
  // One bootstrap node is down for a sixth of the time.
  const [downMs, upMs] = [(minutes * minuteMs) / 3, (minutes * minuteMs) / 2]
  const isDown = (atMs: number) => atMs >= downMs && atMs < upMs
  const cameMs = new Map<PeerId, number>()
  const tookMs = new Map<PeerId, number>()
  const asked = new Map<string, number>()
  mesh.watch = {
    asked: (peer) => {
      const window = `${Math.floor(timeline.nowMs / windowMs)} ${peer}`
      asked.set(window, (asked.get(window) ?? 0) + 1)
    },
    settled: (peer) => {
      const came = cameMs.get(peer)
      if (came !== undefined && !tookMs.has(peer)) tookMs.set(peer, timeline.nowMs - came)
    },
  }
  const first = Array.from({ length: bootstraps }, (_, i) =>
    mesh.memberNamed(`bootstrap-${i}`, `operator-${i}`),
  )
  for (const member of first) mesh.comeAsBootstrap(member)
  for (let i = 0; i < vehicles; i += 1)
    timeline.at((i * minutes * minuteMs) / vehicles, () => {
      const member = mesh.memberNamed(`car-${i}`)
      cameMs.set(member.peer, timeline.nowMs)
      mesh.come(member)
    })
  timeline.at(downMs, () => {
    const kept = mesh.leave(first[0]!.peer)
    timeline.at(upMs, () => mesh.come(first[0]!, kept))
  })
  let [largestCellMost, settledAt, minute] = [0, null as number | null, 0]
  while (minute < minutes + settlingMinutes && (minute <= minutes || settledAt === null)) {
    mesh.run(minuteMs)
    minute += 1
    const placed = mesh.nodes()
    const largest = largestOf(placed)
    largestCellMost = Math.max(largestCellMost, largest)
    settledAt = nodesAstray(placed) === 0 ? (settledAt ?? minute) : null
    say(`minute ${minute}: ${placed.length} nodes, the largest cell has ${largest}`)
  }
  const cells = mesh.nodes()
  const perSecond = (isWhileDown: boolean) => {
    const windows = [...asked].filter(([at]) => isDown(Number.parseInt(at, 10) * windowMs) === isWhileDown)
    return (Math.max(0, ...windows.map(([, times]) => times)) * 1_000) / windowMs
  }
  const of = (isCounted: (peer: PeerId) => boolean) =>
    spreadOf(
      [...tookMs].flatMap(([peer, ms]) => (isCounted(peer) ? [ms] : [])),
      1_000,
    )
  return {
    ...{ seed, vehicles, minutes, bootstraps, joined: tookMs.size },
    joinSeconds: of(() => true),
    joinSecondsWhileDown: of((peer) => isDown(cameMs.get(peer)!)),
    ...{ questions: mesh.counts.lookups, asked: mesh.counts.asked },
    ...{ questionsPerSecond: perSecond(false), questionsPerSecondWhileDown: perSecond(true) },
    ...{ cells: new Set(cells.map(({ cell }) => cell)).size, largestCell: largestOf(cells), largestCellMost },
    moves: mesh.counts.moves,
    settledMinutes: settledAt === null ? null : Math.max(0, settledAt - minutes),
  }
}

function largestOf(nodes: readonly { readonly cell: string }[]): number {
  const counts = new Map<string, number>()
  for (const { cell } of nodes) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  return Math.max(0, ...counts.values())
}
