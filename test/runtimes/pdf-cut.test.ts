/** A page that is cut out of a PDF is drawn as it was within it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { objectsOf } from '../../src/runtimes/pdf/page-objects.ts'
import { openPdf } from '../../src/runtimes/pdf/pdfium.ts'
import { drawPage, type PdfPicture } from '../../src/runtimes/pdf/picture.ts'
import { cutPages } from '../../src/runtimes/pdf/pieces.ts'
import { PlainFile, valueIn, withEntry } from '../../src/runtimes/pdf/plain-file.ts'
import { textLayerOf } from '../../src/runtimes/pdf/text-layer.ts'
import { locked, pdfOf, streamOf, textAt } from '../support/pdfs.ts'

const page = { content: textAt(72, 700, 30, 'A page of text') }
const layers = (shown: string, groups = '/OCGs[120 0 R 121 0 R]') =>
  `/OCProperties<<${groups}/D<<${shown}>>>>`
const groups = { 120: '<</Type/OCG/Name(Deutsch \\(neu\\))>>', 121: '<</Type/OCG/Name(English)>>' }
const layered = {
  content: `/OC /L0 BDC ${textAt(72, 700, 30, 'Der hohe Turm')}EMC /OC /L1 BDC ${textAt(72, 700, 30, 'The tall tower')}EMC`,
  resources: '/Properties<</L0 120 0 R/L1 121 0 R>>',
}
const onlyEnglish = pdfOf([{ content: textAt(72, 700, 30, 'The tall tower') }])

for (const [how, catalog, more] of [
  ['listed as off', layers('/OFF[120 0 R]/ON[121 0 R]'), groups],
  ['not listed, where none is shown else', layers('/BaseState/OFF/ON[121 0 R]'), groups],
  [
    'off by its use',
    layers(''),
    { ...groups, 120: '<</Type/OCG/Name(a)/Usage<</View<</ViewState/OFF>>>>>>' },
  ],
  [
    'listed in an object of its own',
    '/OCProperties 122 0 R',
    { ...groups, 122: `<</OCGs 123 0 R/D 124 0 R>>`, 123: '[120 0 R 121 0 R]', 124: '<</OFF[120 0 R]>>' },
  ],
] as const)
  test(`a layer that is ${how} stays hidden when pages are cut, in a picture and as text`, async () => {
    const file = pdfOf([page, layered, layered, page], catalog, more)
    const want = await drawn(onlyEnglish)
    assert.deepEqual(await drawn(file, 1), want)
    for (const [bytes, passwords] of [
      [file, []],
      ...(how === 'listed as off' ? [[await locked(file, 'sesame'), ['sesame']] as const] : []),
    ] as const) {
      const pieces = await cutPages(bytes, passwords, [[0], [2], [1, 2], [3]])
      assert.deepEqual(await drawn(pieces[1]!), want)
      assert.deepEqual(await drawn(pieces[2]!, 1), want)
      assert.equal(textLayerOf(await openPdf(pieces[1]!), 0, 100), null, 'it is read from its picture')
      for (const plain of [pieces[0]!, pieces[3]!]) {
        assert.deepEqual(await drawn(plain), await drawn(pdfOf([page])))
        assert(!Buffer.from(plain).includes('OCG'))
        assert.notEqual(textLayerOf(await openPdf(plain), 0, 100), null)
      }
      assert.deepEqual(
        pieces,
        await cutPages(bytes, passwords, [[0], [2], [1, 2], [3]]),
        'the same each time',
      )
    }
  })

test('text on layers that are all shown is taken as it is', async () => {
  const both = { ...layered, content: layered.content.replace('72 700', '72 600') }
  const [piece] = await cutPages(pdfOf([both], layers('/ON[120 0 R 121 0 R]/OFF[]'), groups), [], [[0]])
  const text = textLayerOf(await openPdf(piece!), 0, 100)?.runs.map(({ words }) =>
    words.map(({ text: word }) => word).join(' '),
  )
  assert.deepEqual(text?.sort(), ['Der hohe Turm', 'The tall tower'])
})

const note = (more: string) => `<</Type/Annot/Rect[72 500 300 520]${more}>>`
const drawing = streamOf('/Type/XObject/Subtype/Form/BBox[0 0 228 20]', '0 0 228 20 re f')
const stamp = (more: string) => ({ 100: note(`/Subtype/Stamp/AP<</N 101 0 R>>${more}`), 101: drawing })
const noted = { ...page, more: '/Annots[100 0 R]' }

test('notes and fields: what a screen shows becomes part of the page, with what has no drawing of itself, and nothing else', async () => {
  const plain = await drawn(pdfOf([page]))
  const stamped = await drawn(pdfOf([{ content: `${page.content} 72 500 228 20 re f` }]))
  const form = (more: string) =>
    `/AcroForm<<${more}/Fields[100 0 R]/DA(/F1 12 Tf 0 g)/DR<</Font<</F1 3 0 R>>>>>>`
  const cases: readonly (readonly [string, Uint8Array, PdfPicture | null])[] = [
    ['shown', pdfOf([noted], '', stamp('/F 4')), stamped],
    ['hidden', pdfOf([noted], '', stamp('/F 2')), plain],
    ['for paper alone', pdfOf([noted], '', stamp('/F 36')), plain],
    [
      'on a hidden layer',
      pdfOf([noted], layers('/OFF[120 0 R]'), { ...groups, ...stamp('/F 4/OC 120 0 R') }),
      plain,
    ],
    [
      'on a shown layer',
      pdfOf([noted], layers('/OFF[121 0 R]'), { ...groups, ...stamp('/F 4/OC 120 0 R') }),
      stamped,
    ],
    [
      'on one of two layers',
      pdfOf([noted], layers('/OFF[121 0 R]'), {
        ...groups,
        ...stamp('/F 4/OC 122 0 R'),
        122: '<</Type/OCMD/OCGs[120 0 R 121 0 R]>>',
      }),
      stamped,
    ],
    [
      'remark',
      pdfOf([noted], '', { 100: note('/Subtype/FreeText/F 4/DA(/Helv 14 Tf 0 g)/Contents(a remark)') }),
      null,
    ],
    [
      'field',
      pdfOf([noted], form('/NeedAppearances true'), {
        100: note('/Subtype/Widget/FT/Tx/T(n)/F 4/DA(/F1 12 Tf 0 g)/V(by hand)'),
      }),
      null,
    ],
    [
      'field of a group',
      pdfOf([noted], form(''), {
        100: note('/Subtype/Widget/Parent 101 0 R/F 4'),
        101: '<</FT/Tx/T(n)/V(by hand)/Kids[100 0 R]>>',
      }),
      null,
    ],
  ]
  for (const [name, file, want] of cases) {
    const [piece] = await cutPages(file, [], [[0]])
    const seen = await drawn(piece!)
    if (want !== null) assert.deepEqual(seen, want, name)
    else assert(ink(seen) > ink(plain) + 100, `${name}: ${ink(seen)} of ${ink(plain)}`)
    assert.equal(objectsOf(await openPdf(piece!), 0).annotations, 0, name)
  }
})

test('what pages inherit comes along: size, crop, turn and fonts', async () => {
  const inherited = '/MediaBox[0 0 842 842]/CropBox[50 500 800 800]/Rotate 90/Resources<</Font<</F1 3 0 R>>>>'
  const file = Buffer.from(
    Buffer.from(pdfOf([page, page]))
      .toString('latin1')
      .replaceAll('/MediaBox[0 0 595 842]', '')
      .replaceAll(/\/Resources<<.*?>>(?=\/Contents)/g, '')
      .replace('/Type/Pages', `/Type/Pages${inherited}`),
    'latin1',
  )
  const [piece] = await cutPages(file, [], [[1]])
  const whole = await drawn(file, 1)
  assert.deepEqual([whole.width, whole.height], [300, 750])
  assert.deepEqual(await drawn(piece!), whole)
})

test('a dictionary is read as PDFium writes it: strings with brackets, references, lists', () => {
  const text = '<</A(\\(>>\\\\)/B<</C[ 1 0 R (x) <</D 2>>]>>/E 7 0 R /F 12/G<3e3e>/H/A>>'
  const values = ['A', 'B', 'E', 'F', 'G', 'H', 'C'].map((name) => valueIn(text, name))
  assert.deepEqual(values, [
    '(\\(>>\\\\)',
    '<</C[ 1 0 R (x) <</D 2>>]>>',
    '7 0 R',
    '12',
    '<3e3e>',
    '/A',
    null,
  ])
  assert.equal(valueIn(withEntry(text, 'New', '3 0 R'), 'New'), '3 0 R')
  const file = new PlainFile(pdfOf([page]))
  const changed = new PlainFile(file.with(new Map([[1, '<</Type/Catalog/Pages 2 0 R/Lang(de)>>']])))
  assert.deepEqual([changed.root, changed.size], [file.root, file.size])
  assert.throws(() => new PlainFile(Buffer.from('%PDF-1.7\nnothing')), { name: 'Error' })
})

async function drawn(file: Uint8Array, index = 0) {
  return drawPage(await openPdf(file), index, 72)
}

function ink({ pixels }: { readonly pixels: Uint8Array }): number {
  return pixels.reduce((sum, level) => sum + (level < 128 ? 1 : 0), 0)
}
