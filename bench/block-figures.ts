/** Block transfer, measured by blocks.ts, in the form of the other figures. */
import { blocks } from './blocks.ts'
import type { Figure } from './figure.ts'

export async function blockFigures(): Promise<Figure[]> {
  const { ours, raw } = await blocks()
  return [
    {
      name: 'verified blocks of 1 MiB',
      unit: 'MB/s',
      ours,
      baseline: raw,
      of: 'a bare libp2p stream',
      goal: { value: 'ratio', least: 0.5 },
    },
  ]
}
