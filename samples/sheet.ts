/** A page that is to be drawn, and the look that most of them share. */
import type { ScanOptions } from './scanner.ts'

export interface Sheet {
  readonly name: string
  readonly heading?: string
  readonly paragraphs: readonly string[]
  readonly font: string
  readonly size: number
  readonly leading: number
  readonly columns: number
  readonly justified: boolean
  /** Pages stand 1 : 1.3 or so. */
  readonly width: number
  readonly height: number
  readonly look: ScanOptions
}

export const usual = { skewDegrees: 0.6, blur: 0.5, paper: 236, ink: 40, shade: 24, grain: 5, specks: 60 }
export const booklet = { width: 960, height: 1160, columns: 1, justified: true }
