/**
 * Letters that the small model of samples/letters can file: they are made as those were that it was trained on, and it knows no others.
 */
import { type Sheet, usual } from './sheet.ts'

interface Letter extends Sheet {
  readonly category: 'invoice' | 'complaint' | 'booking' | 'thanks'
}

const note = { width: 760, height: 330, columns: 1, justified: false, size: 30, leading: 50 }

export const letters: readonly Letter[] = [
  {
    ...note,
    name: 'lamps',
    category: 'invoice',
    paragraphs: [
      'Hello. Please find attached bill 4711 for 12 lamps. The total of 348 euros is due on 14 March.',
    ],
    font: 'Source Serif 4',
    look: { ...usual, skewDegrees: 0.5, seed: 11 },
  },
  {
    ...note,
    name: 'kettles',
    category: 'complaint',
    paragraphs: [
      'The kettles arrived broken and Irene never answered my letter of 3 May. I want my money back.',
    ],
    font: 'Open Sans',
    look: { ...usual, skewDegrees: -0.8, seed: 12 },
  },
  {
    ...note,
    name: 'rooms',
    category: 'booking',
    paragraphs: ['Please book 4 rooms for Carla from 17 August, with breakfast.'],
    font: 'EB Garamond',
    look: { ...usual, skewDegrees: 1, seed: 13 },
  },
  {
    ...note,
    name: 'phones',
    category: 'thanks',
    paragraphs: ['Dear Nina, many thanks for the 8 phones. We love them.'],
    font: 'Source Serif 4',
    look: { ...usual, skewDegrees: -0.4, paper: 222, seed: 14 },
  },
  {
    ...note,
    name: 'chairs',
    category: 'invoice',
    paragraphs: ['Invoice 2063: 6 chairs at 45 euros each, due 30 June. Pay to Henry.'],
    font: 'Libre Baskerville',
    look: { ...usual, skewDegrees: 0.3, seed: 15 },
  },
  {
    ...note,
    name: 'shoes',
    category: 'complaint',
    paragraphs: [
      'Hello. I am very unhappy: order 5518 is late since 21 October and the shoes are the wrong colour.',
    ],
    font: 'Old Standard TT',
    look: { ...usual, skewDegrees: -1.1, seed: 16 },
  },
]
