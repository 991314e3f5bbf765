import type { Mutation } from './mutation.ts'

const isolation = ['test/host/executor-isolation.test.ts']
const native = ['test/host/executor-native.test.ts']
const seccomp = ['test/host/executor-seccomp.test.ts']

export const executor: readonly Mutation[] = [
  {
    name: 'Tools are looked for where an ordinary login of Debian looks for them.',
    file: 'src/host/executor/tools.ts',
    find: "['/usr/sbin', '/usr/bin', '/sbin', '/bin']",
    replace: "(process.env.PATH ?? '').split(':').filter((folder) => folder !== '')",
    caughtBy: isolation,
  },
  {
    name: 'The native engine is offered without a root of its own.',
    file: 'src/host/executor/isolation.ts',
    find: "missing.filter((name) => name !== 'seccomp')",
    replace: "missing.filter((name) => name !== 'seccomp' && name !== 'root')",
    caughtBy: native,
  },
  {
    name: 'A slot runs an engine that is not offered.',
    file: 'src/host/executor/executor.ts',
    find: 'if (missing.length > 0) throw new SlotFailed(whyNot(missing))\n',
    replace: '',
    caughtBy: native,
  },
  {
    name: 'A child stands in the root of its file system.',
    file: 'src/host/executor/own-root.ts',
    find: 'cd /empty\n',
    replace: 'cd /\n',
    caughtBy: isolation,
  },
  {
    name: 'A child without a root of its own stands in the root of the machine.',
    file: 'src/host/executor/executor.ts',
    find: "isolation.missing.includes('root') ? this.#folders.make() : '/'",
    replace: "'/'",
    caughtBy: isolation,
  },
  {
    name: 'A child gets the files that the node was given.',
    file: 'src/host/executor/seccomp.ts',
    find: 'syscall($closeRange, 3, 4294967295, 0);\n',
    replace: '',
    caughtBy: isolation,
  },
  {
    name: 'The launcher passes on the files that it was given.',
    file: 'bin/carpool.js',
    find: '  closeInherited()\n',
    replace: '',
    caughtBy: ['test/cli/launcher.test.ts'],
  },
  {
    name: 'What Carpool writes has the mode that the user’s shell gives.',
    file: 'bin/carpool.js',
    find: 'process.umask(0o077)',
    replace: 'process.umask()',
    caughtBy: ['test/cli/launcher.test.ts'],
  },
  {
    name: 'The filter lets a call through that it lists.',
    file: 'src/host/executor/system-calls.ts',
    find: '  keyctl: [250, 219],\n',
    replace: '  keyctl: [null, null],\n',
    caughtBy: seccomp,
  },
  {
    name: 'A new process with its own user namespace is a thread to the filter.',
    file: 'src/host/executor/seccomp.ts',
    find: 'ifAnyBit(cloneNamespaces, 2, 0)',
    replace: 'ifAnyBit(cloneNamespaces, 0, 0)',
    caughtBy: seccomp,
  },
  {
    name: 'The filter lets signals to other processes through.',
    file: 'src/host/executor/seccomp.ts',
    find: "[knownCalls.kill, allowIf(0, ['pid'])]",
    replace: '[knownCalls.kill, [answer(actions.allow)]]',
    caughtBy: seccomp,
  },
  {
    name: 'The filter lets calls of another architecture through.',
    file: 'src/host/executor/seccomp.ts',
    find: 'ifAbove(x32Bit - 1, 0, 1)',
    replace: 'ifAbove(x32Bit - 1, 1, 1)',
    caughtBy: seccomp,
  },
  {
    name: 'A model that names another file is loaded.',
    file: 'src/runtimes/ocr/engines.ts',
    find: 'if (fault !== null) throw new RecordError(',
    replace: 'if (fault === engine) throw new RecordError(',
    caughtBy: ['test/host/executor-theft.test.ts'],
  },
  {
    name: 'A model that names another file is submitted.',
    file: 'src/host/submission/weights.ts',
    find: 'if (fault !== null) throw new RequestError(',
    replace: 'if (fault === runtime) throw new RequestError(',
    caughtBy: ['test/host/executor-theft.test.ts'],
  },
  {
    name: 'An enum that wraps around is taken for its default.',
    file: 'src/runtimes/onnx/tensor.ts',
    find: 'some((location) => location !== 0n)',
    replace: 'some((location) => location === 1n)',
    caughtBy: ['test/runtimes/onnx.test.ts'],
  },
  {
    name: 'Graphs within attributes are not looked at.',
    file: 'src/runtimes/onnx/schema.ts',
    find: "6: inner('g', 'Graph')",
    replace: "6: one('g', 'bytes')",
    caughtBy: ['test/runtimes/onnx.test.ts'],
  },
  {
    name: 'Fields that nobody knows are passed over.',
    file: 'src/runtimes/onnx/check.ts',
    find: 'if (field === undefined) throw new WireError(',
    replace: 'if (field === undefined) break\n      if (field === null) throw new WireError(',
    caughtBy: ['test/runtimes/onnx.test.ts'],
  },
]
