import type { Mutation } from './mutation.ts'

const upright = ['test/runtimes/ocr-upright.test.ts']
const recognisers = ['test/runtimes/ocr-recognisers.test.ts']
const order = ['test/runtimes/ocr-reading-order.test.ts']

export const ocr: readonly Mutation[] = [
  {
    name: 'A page whose lines run down is read as if they ran across.',
    file: 'src/runtimes/ocr/slope.ts',
    find: 'down.sharpness > quarterMin * across.sharpness',
    replace: 'false',
    caughtBy: upright,
  },
  {
    name: 'A page that is turned over tells the places of the one before.',
    file: 'src/runtimes/ocr/upright.ts',
    find: 'page.toPage(width - x, height - y)',
    replace: 'page.toPage(x, y)',
    caughtBy: upright,
  },
  {
    name: 'A huge page is given to the recogniser as it is.',
    file: 'src/runtimes/ocr/upright.ts',
    find: 'return Math.min(reduced, room)',
    replace: 'return reduced',
    caughtBy: upright,
  },
  {
    name: 'Specks are taken for letters, and enlarged.',
    file: 'src/runtimes/ocr/upright.ts',
    find: 'isRough ? undefined : lettersOf(levelled).height',
    replace: 'lettersOf(levelled).height',
    caughtBy: upright,
  },
  {
    name: 'A page on its head is read as it stands.',
    file: 'src/runtimes/ocr/read-page.ts',
    find: 'return downwards > upwards',
    replace: 'return false',
    caughtBy: recognisers,
  },
  {
    name: 'A page whose ink says nothing has no warning.',
    file: 'src/runtimes/ocr/warnings.ts',
    find: "warnings.push('nothing-read')",
    replace: '{}',
    caughtBy: recognisers,
  },
  {
    name: 'Another language reads every line.',
    file: 'src/runtimes/ocr/by-tesseract.ts',
    find: 'if (line.confidence >= sureMin) return line\n',
    replace: '',
    caughtBy: recognisers,
  },
  {
    name: 'A second opinion replaces letters that its dictionary lacks.',
    file: 'src/runtimes/ocr/by-paddle.ts',
    find: 'every((character) => known.has(character))',
    replace: 'every(() => true)',
    caughtBy: recognisers,
  },
  {
    name: 'Traineddata may point beyond its end.',
    file: 'src/runtimes/ocr/traineddata.ts',
    find: 'offset < reached || offset > bytes.byteLength',
    replace: 'offset < reached',
    caughtBy: recognisers,
  },
  {
    name: 'Cells of a table are read as columns.',
    file: 'src/runtimes/ocr/reading-order.ts',
    find: 'if (!areCells(left, right, usual)) return { left, right }',
    replace: 'return { left, right }',
    caughtBy: order,
  },
  {
    name: 'A language that is not installed is left out without a word.',
    file: 'src/host/submission/weights.ts',
    find: 'if (languages === null) return []',
    replace: 'return []',
    caughtBy: ['test/host/submission.test.ts'],
  },
  {
    name: 'A decoder keeps what one document left behind for the next.',
    file: 'src/runtimes/imaging/wasm-decoder.ts',
    find: 'const [module, factory] = await this.#code\n    return factory({',
    replace: 'const [module, factory] = await this.#code\n    return (this as any).kept ??= factory({',
    caughtBy: ['test/runtimes/imaging-decoders.test.ts'],
  },
  {
    name: 'The sizes in a header are not held against the decoder’s limit.',
    file: 'src/runtimes/imaging/document.ts',
    find: 'if (size.width * size.height > most)',
    replace: 'if (size.width < 0)',
    caughtBy: ['test/runtimes/imaging-decoders.test.ts', 'test/runtimes/imaging-refusals.test.ts'],
  },
  {
    name: 'A GIF that is torn is filled up.',
    file: 'src/runtimes/imaging/gif.ts',
    find: "if (this.#left === 0) throw damaged('GIF')",
    replace: 'if (this.#left === 0) return 0',
    caughtBy: ['test/runtimes/imaging-decoders.test.ts'],
  },
  {
    name: 'A BMP’s pixels begin right behind its palette.',
    file: 'src/runtimes/imaging/bmp.ts',
    find: 'const from = header.pixelsAt + row * rowBytes',
    replace: 'const from = 54 + row * rowBytes',
    caughtBy: ['test/runtimes/imaging-decoders.test.ts'],
  },
  {
    name: 'A JPEG without its end marker is refused.',
    file: 'src/runtimes/imaging/jpeg.ts',
    find: 'decodeBounded(withEnd(bytes))',
    replace: 'decodeBounded(bytes)',
    caughtBy: ['test/runtimes/imaging-refusals.test.ts'],
  },
  {
    name: 'HEIC is taken for something that can be read.',
    file: 'src/runtimes/imaging/kind.ts',
    find: "[refused('HEIC', convertHeic), brand",
    replace: "[readable('JPEG'), brand",
    caughtBy: ['test/runtimes/imaging-kind.test.ts'],
  },
]
