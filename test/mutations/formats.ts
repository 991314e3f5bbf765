import type { Mutation } from './mutation.ts'

export const formats: readonly Mutation[] = [
  {
    name: 'Two documents become one file.',
    file: 'src/cli/formats/file-names.ts',
    find: 'this.#files.add(at(name))',
    replace: '',
    caughtBy: ['test/cli/formats.test.ts'],
  },
  {
    name: 'A document that is called .. leaves the folder.',
    file: 'src/cli/formats/file-names.ts',
    find: "    .replace(/^[.~ -]/, '_')\n",
    replace: '',
    caughtBy: ['test/cli/formats.test.ts'],
  },
  {
    name: 'Results follow a link out of their folder.',
    file: 'src/cli/formats/output-folder.ts',
    find: 'const real = madeFolder(join(this.#path, below))',
    replace: 'const real = join(this.#root, below, String(madeFolder(join(this.#path, below)).length))',
    caughtBy: ['test/cli/formats.test.ts'],
  },
  {
    name: 'A word of a document is markup of its hOCR.',
    file: 'src/cli/formats/xml.ts',
    find: '[&<>"\'\\t\\n\\r]',
    replace: '[&>"\'\\t\\n\\r]',
    caughtBy: ['test/cli/formats.test.ts'],
  },
  {
    name: 'A PDF shows its text over its pictures.',
    file: 'src/cli/formats/pdf.ts',
    find: "['BT 3 Tr', ",
    replace: "['BT 0 Tr', ",
    caughtBy: ['test/cli/pdf.test.ts'],
  },
  {
    name: 'Words of a PDF touch, and are found as one.',
    file: 'src/cli/formats/pdf.ts',
    find: 'if (room >= word.length) return word',
    replace: 'if (room >= 0) return word',
    caughtBy: ['test/cli/pdf.test.ts'],
  },
  {
    name: 'A document is read back that is another one.',
    file: 'src/host/jobs/document.ts',
    find: 'if (document.name === name) return page',
    replace: 'if (document.name <= name) return page',
    caughtBy: ['test/host/submission.test.ts'],
  },
]
