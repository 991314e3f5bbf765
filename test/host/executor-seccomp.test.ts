/** The filter of system calls, tried from within: by perl, in a child's place, with every link of the chain around it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ProcessExecutor } from '../../src/host/executor/executor.ts'
import { probeIsolation } from '../../src/host/executor/isolation.ts'
import { defaultLimits } from '../../src/host/executor/limits.ts'
import { filterFor } from '../../src/host/executor/seccomp.ts'
import { highestCall, knownCalls, refusedCalls } from '../../src/host/executor/system-calls.ts'
import { findTool, systemFolders } from '../../src/host/executor/tools.ts'
import { childPids, sessionOf, silent } from '../support/wasm/executor.ts'

const isolation = await probeIsolation(defaultLimits, silent)
const needsFilter = {
  skip:
    ['seccomp', 'setpriv'].some((name) => isolation.missing.includes(name)) && 'no filter can be loaded here',
}
const column = process.arch === 'x64' ? 0 : 1
const perl = findTool('perl', systemFolders) ?? ''

/** Runs a perl program in a child's place. */
async function inPlace(program: string, chain: readonly string[] = isolation.chain): Promise<string> {
  const [first, ...rest] = [...chain, perl, '-e', program]
  const { stdout } = await promisify(execFile)(first!, rest, { env: {}, cwd: '/' })
  return stdout.trim()
}

/** The error numbers of calls, each with arguments that are numbers, without any by default. */
async function errorsOf(calls: readonly (readonly number[])[], chain?: readonly string[]): Promise<number[]> {
  const lines = calls.map((call) => `$! = 0; syscall(${call.join(', ')}); push @errors, $! + 0;`)
  return JSON.parse(`[${await inPlace(`${lines.join('\n')} print join ',', @errors`, chain)}]`)
}

const [eperm, enosys] = [1, 38]

test('a child runs behind a filter', needsFilter, async () => {
  const executor = new ProcessExecutor({ log: silent })
  await executor.openSlot().prepare(sessionOf('echo'))
  const status = readFileSync(`/proc/${childPids()[0]}/status`, 'utf8')
  assert.match(status, /^Seccomp:\t2$/m)
  await executor.close()
})

test('the list has the calls that ways out of a sandbox begin with, on both architectures', () => {
  const needed = [
    ...[
      'ptrace',
      'process_vm_readv',
      'process_vm_writev',
      'pidfd_getfd',
      'mount',
      'umount2',
      'pivot_root',
      'open_tree',
    ],
    ...[
      'fsopen',
      'bpf',
      'keyctl',
      'add_key',
      'request_key',
      'unshare',
      'setns',
      'kexec_load',
      'kexec_file_load',
    ],
    ...[
      'init_module',
      'finit_module',
      'delete_module',
      'perf_event_open',
      'userfaultfd',
      'open_by_handle_at',
    ],
    ...['io_uring_setup', 'io_uring_enter', 'io_uring_register', 'socket'],
  ]
  for (const name of needed)
    for (const number of refusedCalls[name] ?? [null]) assert.notEqual(number, null, name)
})

test('every call on the list is refused, whatever its arguments', needsFilter, async () => {
  const numbers = Object.values(refusedCalls).flatMap((call) => call[column] ?? [])
  // Arguments of which no call makes anything: without the filter most say EINVAL, EFAULT or EBADF.
  const errors = await errorsOf(numbers.map((number) => [number, -1, -1, -1, -1, -1]))
  for (const [name, call] of Object.entries(refusedCalls)) {
    const number = call[column]
    if (number !== null) assert.equal(errors[numbers.indexOf(number)], eperm, name)
  }
})

test('what this machine’s kernel has beyond the list is not there', needsFilter, async () => {
  const unknown = [highestCall + 1, highestCall + 5, 500, 1000, 0x3fffffff]
  assert.deepEqual(
    await errorsOf(unknown.map((number) => [number, -1, -1])),
    unknown.map(() => enosys),
  )
  assert.deepEqual(await errorsOf([[knownCalls.clone3[column], 0, 0]]), [enosys])
})

test('a child signals and limits itself, and no other process', needsFilter, async () => {
  const [kill, tgkill] = [knownCalls.kill[column], knownCalls.tgkill[column]]
  const [limit, pin] = [knownCalls.prlimit64[column], knownCalls.sched_setaffinity[column]]
  const others = [process.pid, 1, 0, -1, -process.pid]
  const calls = others.flatMap((pid) => [
    [kill, pid, 0],
    [tgkill, pid, pid, 0],
    ...(pid === 0
      ? []
      : [
          [limit, pid, 7, 0, 0],
          [pin, pid, 0, 0],
        ]),
  ])
  assert.deepEqual(
    await errorsOf(calls),
    calls.map(() => eperm),
  )
  const own = `$! = 0; syscall(${kill}, $$ + 0, 0); print $! + 0, ' '; $! = 0; syscall(${limit}, 0, 7, 0, 0); print $! + 0`
  assert.equal(await inPlace(own), '0 0')
})

test(
  'a child starts no process, makes no namespace and has no descriptor signal others',
  needsFilter,
  async () => {
    const [clone, fcntl, ioctl] = [
      knownCalls.clone[column],
      knownCalls.fcntl[column],
      knownCalls.ioctl[column],
    ]
    const [signalOfEnd, newUser, thread] = [17, 0x10000000, 0x10000]
    const calls = [
      [clone, signalOfEnd, 0, 0, 0, 0],
      [clone, newUser | signalOfEnd, 0, 0, 0, 0],
      [clone, newUser | thread, 0, 0, 0, 0],
      ...[8, 10, 15].map((command) => [fcntl, 0, command, 0]),
      ...[0x8901, 0x8902, 0x5412, 0x541c].map((request) => [ioctl, 0, request, 0]),
    ]
    assert.deepEqual(
      await errorsOf(calls),
      calls.map(() => eperm),
    )
    // The same behind the other links alone: the test can tell.
    assert.equal(await inPlace('print fork() ? 1 : exit', []), '1')
  },
)

test('calls of another architecture end the process', {
  skip: needsFilter.skip || process.arch !== 'x64',
}, async () => {
  // getpid of the x32 ABI, whose numbers the list does not have.
  await assert.rejects(inPlace('syscall(0x40000000 | 39); print 1'), { signal: 'SIGSYS' })
})

test('each architecture has a filter of its own, and an unknown one has none', () => {
  const [x64, arm64] = [filterFor('x64'), filterFor('arm64')]
  assert.notDeepEqual(x64, arm64)
  assert.equal(filterFor('riscv64'), null)
  for (const filter of [x64!, arm64!])
    for (const [at, [code, yes, no]] of filter.entries()) {
      const isJump = (code & 0x07) === 0x05
      if (isJump)
        assert(at + 1 + Math.max(yes, no) < filter.length, `instruction ${at} jumps out of the program`)
    }
  assert.equal(filter(x64!), 'ends with an answer')
  assert.equal(filter(arm64!), 'ends with an answer')
})

const filter = (instructions: NonNullable<ReturnType<typeof filterFor>>) =>
  instructions.at(-1)?.[0] === 0x06 ? 'ends with an answer' : 'runs on'
