import type { Mutation } from './mutation.ts'

export const shown: readonly Mutation[] = [
  {
    name: 'A terminal is shown what strangers say as they say it.',
    file: 'src/cli/output.ts',
    find: 'clean(line)',
    replace: 'line',
    caughtBy: ['test/cli/commands.test.ts'],
    test: 'whatever strangers name things, no command’s output draws on a terminal or forges a line',
  },
  {
    name: 'JSON on a terminal has 8-bit escapes.',
    file: 'src/base/printable.ts',
    find: 'return escaped(JSON.stringify(value))',
    replace: 'return JSON.stringify(value)',
    caughtBy: ['test/base/printable.test.ts'],
  },
  {
    name: 'A fact in the log is shown as a stranger says it.',
    file: 'src/cli/log.ts',
    find: '  return clean(\n',
    replace: '  return String(\n',
    caughtBy: ['test/cli/views.test.ts'],
  },
  {
    name: 'A failure is said with the escapes of whoever refused.',
    file: 'src/cli/failure.ts',
    find: "return clean(text.split('\\n', 1)[0]!.trim(), lineLettersMax)",
    replace: "return text.split('\\n', 1)[0]!.trim().slice(0, lineLettersMax)",
    caughtBy: ['test/cli/views.test.ts'],
  },
  {
    name: 'A name in a record may be an escape sequence.',
    file: 'src/protocol/record/record.ts',
    find: ".refine(isPrintable, 'has signs that cannot be shown')",
    replace: '',
    caughtBy: ['test/protocol/fleet.test.ts', 'test/protocol/encoding.test.ts'],
  },
  {
    name: 'What is missing is complained of before what is misspelt.',
    file: 'src/cli/main.ts',
    find: '      option.mandatory = false\n',
    replace: '',
    caughtBy: ['test/cli/mistakes.test.ts'],
  },
  {
    name: 'A module that no vehicle would run is submitted.',
    file: 'src/cli/before-start.ts',
    find: '  await tryNamedWeight(request)\n',
    replace: '',
    caughtBy: ['test/cli/mistakes.test.ts'],
  },
  {
    name: 'Documents that are not there are noticed once a node runs.',
    file: 'src/host/submission/checks.ts',
    find: '  await checkSources(request, known)\n',
    replace: '',
    caughtBy: ['test/cli/mistakes.test.ts'],
  },
  {
    name: 'A bootstrap peer that another node has replaced is said to have hung up.',
    file: 'src/host/network/outage.ts',
    find: 'new RegExp(anotherAnswered),',
    replace: '/another answered/,',
    caughtBy: ['test/cli/mistakes.test.ts'],
  },
]
