/** The formats of results: text, hOCR, ALTO, TSV, and a file for each document whatever it is called. */
import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { create } from 'xmlbuilder2'
import { CommandFailure } from '../../src/cli/failure.ts'
import { alto } from '../../src/cli/formats/alto.ts'
import { FileNames } from '../../src/cli/formats/file-names.ts'
import { hocr } from '../../src/cli/formats/hocr.ts'
import { OutputFolder } from '../../src/cli/formats/output-folder.ts'
import { isRead, pageOf } from '../../src/cli/formats/page.ts'
import { tsv } from '../../src/cli/formats/tsv.ts'
import { forFormat, outputOf } from '../../src/cli/output-choice.ts'
import { checkOutput, writeResults } from '../../src/cli/results-output.ts'
import type { ResultLine, ResultsEnd } from '../../src/host/api.ts'
import type { RemoteApi } from '../../src/host/local/client.ts'
import { submitDefaults } from '../../src/host/submit-defaults.ts'
import { checkAlto } from '../support/alto-rules.ts'
import { resultsEnd } from '../support/fake-node.ts'
import { temporaryDirectory } from '../support/store.ts'

type Box = readonly [number, number, number, number]
type Word = readonly [text: string, box: Box, confidence?: number]

/** A record's line of these words. */
function line(...words: readonly Word[]) {
  const [left, right] = [
    Math.min(...words.map(([, box]) => box[0])),
    Math.max(...words.map(([, box]) => box[2])),
  ]
  const [top, bottom] = [
    Math.min(...words.map(([, box]) => box[1])),
    Math.max(...words.map(([, box]) => box[3])),
  ]
  return {
    text: words.map(([text]) => text).join(' '),
    box: [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ],
    confidence: 0.9,
    words: words.map(([text, box, confidence = 0.96]) => ({ text, box, confidence })),
  }
}

function result(
  document: string,
  page: number,
  lines: readonly ReturnType<typeof line>[],
  more = {},
): ResultLine {
  const text = lines.map((one) => one.text).join('\n')
  const record = {
    text,
    width: 200,
    height: 300,
    turnedDegrees: 0,
    skewDegrees: 0,
    model: 'tesseract',
    warnings: [],
  }
  return { document, page, result: { ...record, lines, ...more }, error: null }
}

const first = result('scans/a "<b>&\\c.png', 1, [
  line(['Ärger', [10, 20, 50, 40]], ['<&>"\'', [60, 20, 90, 40], 0.5]),
  line(['below', [10, 45, 50, 65]]),
  line(['beside', [120, 20, 180, 40]]),
])
const broken: ResultLine = {
  document: first.document,
  page: 2,
  result: null,
  error: { code: 'damaged-image', message: 'torn -- here' },
}

test('hOCR has the place of every page, block, line and word, and is XML whatever the words are', () => {
  const text = hocr(first.document, [pageOf(first), pageOf(broken)])
  const elements = elementsOf(text)
  const titles = (name: string) => elements.filter((one) => one.class === name).map((one) => one.title)
  assert.deepEqual(titles('ocr_page'), [
    'image "scans/a _<b>&_c.png"; bbox 0 0 200 300; ppageno 0',
    'ppageno 1',
  ])
  assert.deepEqual(titles('ocr_carea'), ['bbox 10 20 90 65', 'bbox 120 20 180 40'])
  assert.deepEqual(titles('ocr_par'), titles('ocr_carea'))
  assert.deepEqual(titles('ocr_line'), [
    'bbox 10 20 90 40; baseline 0 0',
    'bbox 10 45 50 65; baseline 0 0',
    'bbox 120 20 180 40; baseline 0 0',
  ])
  const words = elements.filter((one) => one.class === 'ocrx_word')
  assert.deepEqual(
    words.map(({ title, text: word }) => `${title}: ${word}`),
    [
      'bbox 10 20 50 40; x_wconf 96: Ärger',
      'bbox 60 20 90 40; x_wconf 50: <&>"\'',
      'bbox 10 45 50 65; x_wconf 96: below',
      'bbox 120 20 180 40; x_wconf 96: beside',
    ],
  )
  assert.equal(new Set(elements.flatMap(({ id }) => id ?? [])).size, 1 + 1 + 2 * 2 + 3 + 4)
  const used = new Set(elements.flatMap((one) => one.class ?? []))
  const [, capabilities] = /name="ocr-capabilities" content="([^"]+)"/.exec(text)!
  for (const name of used) assert(capabilities!.split(' ').includes(name), name)
})

test('a line of a turned page says its angle, and its block is told by how it stands upright', () => {
  // Turned by 90 degrees to be read: its lines run upwards, and the next one is to the right.
  const turned = result('t', 1, [line(['one', [20, 100, 40, 200]]), line(['two', [50, 100, 70, 200]])], {
    turnedDegrees: 90,
  })
  const elements = elementsOf(hocr('t', [pageOf(turned)]))
  assert.equal(elements.filter((one) => one.class === 'ocr_carea').length, 1)
  assert(elements.every((one) => one.class !== 'ocr_line' || one.title!.endsWith('; textangle 90')))
  assert.match(alto('t', [pageOf(turned)]), /<TextBlock [^>]*ROTATION="90"/)
})

test('ALTO has the elements that its schema asks for, in their order, and spaces between words', () => {
  const text = alto(first.document, [pageOf(first), pageOf(broken)])
  const elements = elementsOf(text)
  const names = elements.map(({ name }) => name)
  assert.deepEqual(names.slice(0, 10), [
    'alto',
    'Description',
    'MeasurementUnit',
    'sourceImageInformation',
    'fileName',
    'Processing',
    'processingSoftware',
    'softwareName',
    'softwareVersion',
    'Layout',
  ])
  assert.deepEqual(names.slice(10), [
    ...['Page', 'PrintSpace', 'TextBlock', 'TextLine', 'String', 'SP', 'String'],
    ...['TextLine', 'String', 'TextBlock', 'TextLine', 'String', 'Page'],
  ])
  assert.match(text, /xmlns="http:\/\/www\.loc\.gov\/standards\/alto\/ns-v4#"/)
  assert.equal(elements.find(({ name }) => name === 'fileName')!.text, first.document)
  const strings = elements.filter(({ name }) => name === 'String')
  assert.deepEqual(
    strings.map((one) => [one.CONTENT, one.HPOS, one.VPOS, one.WIDTH, one.HEIGHT, one.WC].join()),
    [
      'Ärger,10,20,40,20,0.9600',
      '<&>"\',60,20,30,20,0.5000',
      'below,10,45,40,20,0.9600',
      'beside,120,20,60,20,0.9600',
    ],
  )
  for (const { name, ID } of elements) if (/^(Page|TextBlock|TextLine|String)$/.test(name)) assert(ID, name)
  assert.equal(new Set(strings.map(({ ID }) => ID)).size, 4)
})

test('whatever the records say, ALTO keeps the rules of its schema', () => {
  const place = fc.nat(4000)
  const word = fc.tuple(
    fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom('a b', '\u0000', '"', ' ')),
    fc.tuple(place, place, place, place),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  const lines = fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 5 })
  const page = fc.record({ lines, turnedDegrees: fc.constantFrom(0, 90, 180, 270) })
  fc.assert(
    fc.property(
      fc.array(page, { minLength: 1, maxLength: 3 }),
      fc.string({ unit: 'binary' }),
      (pages, name) => {
        const results = pages.map(({ lines: words, turnedDegrees }, i) => {
          const placed = words.map((each) =>
            each.length === 0 ? { ...line(['x', [1, 2, 3, 4]]), words: [] } : line(...each),
          )
          return pageOf(result(name, i + 1, placed, { turnedDegrees }))
        })
        assert(results.every(isRead))
        checkAlto(alto(name, [...results, pageOf({ ...broken, page: pages.length + 1 })]))
      },
    ),
  )
  assert.throws(
    () => checkAlto(alto('a', [pageOf(first), pageOf(first)])),
    /there twice/,
    'the rules can fail',
  )
})

test('what XML cannot have is replaced, in names and in words', () => {
  const odd = 'a\u0000b\u0007c\ud800d\ufffee'
  const page = pageOf(result(odd, 1, [line([odd, [1, 2, 3, 4]])]))
  for (const text of [hocr(odd, [page]), alto(odd, [page])])
    assert.match(text, /a\ufffdb\ufffdc\ufffdd\ufffde/)
  elementsOf(hocr(odd, [page]))
  elementsOf(alto(odd, [page]))
})

test('a page of 150,000 lines, a message with dashes and a word without letters are written as any other', async () => {
  const many = Array.from({ length: 150_000 }, (_, i) => line(['x', [0, i, 1, i + 1]]))
  assert.match(hocr('a', [pageOf(result('a', 1, many))]), /ocr_page/)
  const text = alto('a', [{ page: 1, why: 'object --- at 1 ---' }])
  const comment = /<!--(.*?)-->/s.exec(text)![1]!
  assert(!comment.includes('--') && !comment.endsWith('-'), comment)
})

test('TSV has the columns and levels of Tesseract', () => {
  const rows = tsv([pageOf(first), pageOf(broken)]).split('\n')
  assert.deepEqual(rows, [
    'level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext',
    '1\t1\t0\t0\t0\t0\t0\t0\t200\t300\t-1\t',
    '2\t1\t1\t0\t0\t0\t10\t20\t80\t45\t-1\t',
    '3\t1\t1\t1\t0\t0\t10\t20\t80\t45\t-1\t',
    '4\t1\t1\t1\t1\t0\t10\t20\t80\t20\t-1\t',
    '5\t1\t1\t1\t1\t1\t10\t20\t40\t20\t96.000000\tÄrger',
    '5\t1\t1\t1\t1\t2\t60\t20\t30\t20\t50.000000\t<&>"\'',
    '4\t1\t1\t1\t2\t0\t10\t45\t40\t20\t-1\t',
    '5\t1\t1\t1\t2\t1\t10\t45\t40\t20\t96.000000\tbelow',
    '2\t1\t2\t0\t0\t0\t120\t20\t60\t20\t-1\t',
    '3\t1\t2\t1\t0\t0\t120\t20\t60\t20\t-1\t',
    '4\t1\t2\t1\t1\t0\t120\t20\t60\t20\t-1\t',
    '5\t1\t2\t1\t1\t1\t120\t20\t60\t20\t96.000000\tbeside',
    '',
  ])
})

test('a record that is none of ours has no places, and is said so', () => {
  const without = { text: 'native', lines: [{ text: 'a', box: [], confidence: 1 }] }
  for (const record of [{ text: 'native' }, without, {}]) {
    const page = pageOf({ document: 'a', page: 1, result: record, error: null })
    assert(!isRead(page) && /does not say where its words stand/.test(page.why))
  }
})

test('files are distinct, below the folder, and not hidden, whatever documents are called', () => {
  const names = new FileNames('.txt')
  const hostile = [
    '../../etc/passwd',
    '/etc/passwd',
    '..',
    '',
    '.',
    'a/../../b',
    '.bashrc',
    'a\u0000b',
    'a\nb',
    'a:b',
    'a_b',
    'x/',
    '~/x',
  ]
  assert.deepEqual(
    hostile.map((name) => names.of(name)),
    [
      ...[
        '__/__/etc/passwd.txt',
        '_/etc/passwd.txt',
        '__.txt',
        '_.txt',
        '_~2.txt',
        'a/__/__/b.txt',
        '_bashrc.txt',
      ],
      ...['a_b.txt', 'a_b~2.txt', 'a_b~3.txt', 'a_b~4.txt', 'x/_.txt', '_/x.txt'],
    ],
  )
  const some = new FileNames('.txt')
  assert.deepEqual(
    ['a', 'a.txt/b', 'a.txt'].map((name) => some.of(name)),
    ['a.txt', 'a.txt~2/b.txt', 'a.txt.txt'],
  )
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.stringMatching(/^[./a~:]{0,6}$/),
          fc.string({ minLength: 300, maxLength: 400 }),
        ),
      ),
      (documents) => {
        const files = new FileNames('.alto')
        const paths = documents.map((document) => files.of(document))
        assert.equal(new Set(paths).size, paths.length)
        const folders = new Set(
          paths.flatMap((path) =>
            path
              .split('/')
              .slice(0, -1)
              .map((_, i, all) => all.slice(0, i + 1).join('/')),
          ),
        )
        for (const path of paths) {
          assert(!folders.has(path), 'a file is no folder')
          assert(resolve('/out', path).startsWith('/out/'))
          for (const part of path.split('/'))
            assert(part !== '' && !part.startsWith('.') && Buffer.byteLength(part) < 230)
        }
      },
    ),
  )
})

test('results go into a folder, a file for each document, and take the place of older ones with --overwrite', async (t) => {
  const folder = join(temporaryDirectory(t), 'out', 'new')
  const second = result('b.png', 1, [line(['second', [1, 2, 30, 20]])])
  const node = nodeWith([first, { ...first, page: 2 }, second])
  await writeResults(node, 'job', { format: 'text', folder, overwrite: false })
  assert.deepEqual(readdirSync(folder).sort(), ['b.png.txt', 'scans'])
  const path = join(folder, 'scans', readdirSync(join(folder, 'scans'))[0]!)
  const page = 'Ärger <&>"\'\nbelow\nbeside\n'
  assert.equal(readFileSync(path, 'utf8'), `${page}\f${page}`)
  writeFileSync(join(folder, 'b.png.txt'), 'my own')
  rmSync(path)
  await assert.rejects(
    writeResults(node, 'job', { format: 'text', folder, overwrite: false }),
    /b\.png\.txt is there already and holds no results of Carpool; name another file, or add --overwrite/,
  )
  assert.equal(readFileSync(join(folder, 'b.png.txt'), 'utf8'), 'my own')
  const said = notesOf(t)
  await writeResults(node, 'job', outputOf({ outputDir: folder, overwrite: true })!)
  assert.match(said.at(-1)!, /replaced 2 files that had been there/)
  assert.equal(readFileSync(join(folder, 'b.png.txt'), 'utf8'), 'second\n')
  await writeResults(node, 'job', { format: 'jsonl', folder, overwrite: false })
  assert.deepEqual(JSON.parse(readFileSync(join(folder, 'b.png.jsonl'), 'utf8')), second)
  const all = join(folder, 'all.txt')
  await writeResults(node, 'job', { format: 'text', path: all, overwrite: false })
  assert.equal(readFileSync(all, 'utf8'), `${page}${page}second\n`)
})

test('nothing is written through a link that leads out of the folder, nor over a folder', async (t) => {
  const root = temporaryDirectory(t)
  const [folder, elsewhere] = [join(root, 'out'), join(root, 'elsewhere')]
  for (const path of [folder, elsewhere]) mkdirSync(path)
  symlinkSync(elsewhere, join(folder, 'scans'))
  const node = nodeWith([first])
  await assert.rejects(
    writeResults(node, 'job', { format: 'text', folder, overwrite: false }),
    /scans is a link that leads out of/,
  )
  assert.deepEqual(readdirSync(elsewhere), [])
  const plain = nodeWith([result('a', 1, [])])
  mkdirSync(join(folder, 'a.txt'))
  await assert.rejects(
    writeResults(plain, 'job', { format: 'text', folder, overwrite: false }),
    /a\.txt: it is a folder/,
  )
  writeFileSync(join(root, 'target'), 'kept')
  symlinkSync(join(root, 'target'), join(folder, 'a.tsv'))
  await writeResults(plain, 'job', { format: 'tsv', folder, overwrite: true })
  assert(lstatSync(join(folder, 'a.tsv')).isFile(), 'a link to a file is replaced')
  assert.equal(readFileSync(join(root, 'target'), 'utf8'), 'kept')
  await assert.rejects(async () => new OutputFolder(join(root, 'target'), false), /it is no folder/)
  assert(!readdirSync(folder).some((name) => name.endsWith('.part')))
})

test('pages that a format cannot show are named, counted once, and an exit code of their own', async (t) => {
  const folder = temporaryDirectory(t)
  const native = { ...first, result: { text: 'native' } }
  const said = notesOf(t)
  await assert.rejects(
    writeResults(nodeWith([native]), 'job', { format: 'hocr', folder, overwrite: false }),
    {
      exitCode: 3,
      message:
        /^1 of 1 page cannot be shown as hocr; the first is .* page 1: its record does not say where its words stand; submit with --format/,
    },
  )
  assert.deepEqual(readdirSync(folder), [], 'no file without a page')
  // Of a PDF the pictures are missing as well: there are two pages and no more.
  for (const format of ['hocr', 'pdf'] as const)
    await assert.rejects(
      writeResults(nodeWith([first, { ...native, page: 2 }]), 'job', { format, folder, overwrite: false }),
      format === 'hocr'
        ? { exitCode: 3, message: /^1 of 2 pages cannot be shown as hocr; the first is .* page 2: / }
        : { exitCode: 3, message: /^2 of 2 pages cannot be shown as pdf; the first is .* page 2: / },
    )
  assert(existsSync(join(folder, 'scans')))
  assert(said.some((line) => / {2}scans\/a .* page 2: its record does not say/.test(line)))
})

test('a document of nothing but errors gets no file, and its pages are named', async (t) => {
  const folder = temporaryDirectory(t)
  const said = notesOf(t)
  const torn = { ...broken, document: 'torn.png', page: 1 }
  await writeResults(nodeWith([torn, result('good.png', 1, [line(['good', [1, 1, 9, 9]])])]), 'job', {
    format: 'text',
    folder,
    overwrite: false,
  })
  assert.deepEqual(readdirSync(folder), ['good.png.txt'])
  assert.deepEqual(said.slice(0, 2), [
    '1 page ended in an error, with no text:',
    '  torn.png page 1: damaged-image: torn -- here',
  ])
  for (const format of ['hocr', 'alto', 'tsv'] as const)
    await writeResults(nodeWith([torn]), 'job', { format, folder, overwrite: false })
  assert.deepEqual(readdirSync(folder), ['good.png.txt'])
  await writeResults(nodeWith([torn]), 'job', { format: 'jsonl', folder, overwrite: false })
  assert.match(
    readFileSync(join(folder, 'torn.png.jsonl'), 'utf8'),
    /damaged-image/,
    'lines say it themselves',
  )
})

test('-o replaces results and empty files, says so, and leaves everything else alone', async (t) => {
  const folder = temporaryDirectory(t)
  const path = join(folder, 'out')
  const said = notesOf(t)
  const node = nodeWith([first])
  writeFileSync(path, '')
  checkOutput(path)
  await writeResults(node, 'job', path)
  const written = readFileSync(path, 'utf8')
  assert.deepEqual(said, [])
  checkOutput(path)
  await writeResults(node, 'job', path)
  assert.equal(readFileSync(path, 'utf8'), written)
  assert.match(said[0]!, /out: what was there is replaced/)
  for (const mine of ['my only copy', '{"document":"mine"}\n', JSON.stringify([first])]) {
    writeFileSync(path, mine)
    const refused =
      /(out|link) is there already and holds no results of Carpool; name another file, or add --overwrite/
    assert.throws(() => checkOutput(path), refused)
    await assert.rejects(writeResults(node, 'job', path), refused)
    symlinkSync(path, join(folder, 'link'))
    assert.throws(() => checkOutput(join(folder, 'link')), refused)
    unlinkSync(join(folder, 'link'))
    assert.equal(readFileSync(path, 'utf8'), mine)
    await writeResults(node, 'job', outputOf({ output: path, overwrite: true })!)
    assert.equal(readFileSync(path, 'utf8'), written)
  }
})

test('a place that nothing can be written to is said before anything is submitted', async (t) => {
  const folder = temporaryDirectory(t)
  const missing = join(folder, 'missing', 'out.jsonl')
  assert.throws(() => checkOutput(missing), /there is no folder .*missing; make it, or name another place$/)
  assert.throws(() => checkOutput(folder), /it is a folder; name a file, or the folder with --output-dir$/)
  writeFileSync(join(folder, 'file'), '')
  assert.throws(
    () => checkOutput(join(folder, 'file', 'out')),
    /file is no folder; name another place$|ENOTDIR/,
  )
  // Where nobody can make files, not even root.
  const shut = '/proc/self'
  for (const output of [join(shut, 'out.jsonl'), { format: 'text', folder: shut, overwrite: false } as const])
    assert.throws(
      () => checkOutput(output),
      /nothing can be written to the folder \/proc\/.* \(.*\); change its permissions, or name another place$/,
    )
})

test('flags that do not fit together are refused, and formats with places ask for records that have them', () => {
  assert.equal(outputOf({}), undefined)
  assert.equal(outputOf({ output: '-' }), '-')
  assert.equal(outputOf({ format: 'jsonl' }), '-')
  assert.deepEqual(outputOf({ format: 'text', output: '/x' }), {
    format: 'text',
    path: '/x',
    overwrite: false,
  })
  assert.deepEqual(outputOf({ outputDir: '/x' }), { format: 'text', folder: '/x', overwrite: false })
  const refused = { name: 'CommandFailure', exitCode: 2 }
  assert.throws(() => outputOf({ format: 'pdf', output: '/x' }), refused)
  assert.throws(() => outputOf({ outputDir: '/x', output: '/y' }), refused)
  const request = { ...submitDefaults, paths: ['/x'], runtime: 'ocr' }
  const pdf = { format: 'pdf', folder: '/x', overwrite: false } as const
  assert.equal(forFormat(request, pdf).engine, 'exact')
  assert.equal(forFormat(request, '/x').engine, 'auto')
  for (const wrong of [{ runtime: 'wasm' }, { engine: 'native' }, { options: { words: 'off' } }])
    assert.throws(() => forFormat({ ...request, ...wrong }, pdf), CommandFailure)
})

function nodeWith(lines: readonly ResultLine[]): RemoteApi {
  const end: ResultsEnd = { ...resultsEnd, pages: lines.length, missing: [] }
  return {
    async *results() {
      yield* lines
      return end
    },
    async *document() {
      yield { base64: Buffer.from('no picture').toString('base64') }
      return { firstPage: 1, pages: 9 }
    },
  } as unknown as RemoteApi
}

interface Element {
  readonly name: string
  readonly text: string
  readonly [attribute: string]: string | undefined
}

/** All elements of a document, in its order. Throws where it is not well-formed. */
function elementsOf(xml: string): Element[] {
  const elements: Element[] = []
  create(xml).each(
    (node) => {
      const element = node.node as unknown as {
        readonly nodeName: string
        readonly textContent: string
        readonly attributes?: Iterable<{ readonly name: string; readonly value: string }>
      }
      if (element.attributes === undefined) return
      elements.push({
        ...Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value])),
        name: element.nodeName,
        text: element.textContent,
      })
    },
    true,
    true,
  )
  return elements
}

/** The lines that are said on stderr from now on. */
function notesOf(t: TestContext): string[] {
  const said: string[] = []
  t.mock.method(process.stderr, 'write', (text: string) => {
    said.push(...text.split('\n').filter((line) => line !== ''))
    return true
  })
  return said
}
