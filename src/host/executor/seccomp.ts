/**
 * The last link of a child's chain: closes every file above the child's three, loads a filter of system calls, and becomes
 * the program.
 *
 * Perl does it, because it can make any system call by its number, and every Debian and Ubuntu has it: their own package
 * manager is written in it. Node cannot; setpriv can from util-linux 2.41 on, which is younger than Debian 12; bubblewrap
 * can, but stays between the node and its child as a process of its own, so that freezing would miss the child.
 *
 * A call that is refused fails with EPERM. A call that the filter does not know fails with ENOSYS, as on an older kernel,
 * for which the C library is prepared; so does clone3, whose arguments no filter can see. A call of another architecture
 * (x86-64 kernels also take those of 32 bits, under other numbers) ends the process.
 *
 * The filter names the process itself, since its pid stays the same to the end: it may signal and limit itself and no other.
 * Sources: seccomp(2); linux/bpf_common.h, linux/filter.h and linux/audit.h for the numbers below.
 */
import { highestCall, knownCalls, type Numbers, refusedCalls } from './system-calls.ts'

/** Code, jump if true, jump if false, operand. `pid`: the process that loads the filter. */
export type Instruction = readonly [code: number, yes: number, no: number, operand: number | 'pid']

const architectures: Readonly<Record<string, { readonly audit: number; readonly column: 0 | 1 }>> = {
  x64: { audit: 0xc000003e, column: 0 },
  arm64: { audit: 0xc00000b7, column: 1 },
}

/** From here on x86-64 takes calls of the x32 ABI, which has most calls under a second number. */
const x32Bit = 0x40000000

const actions = { allow: 0x7fff0000, kill: 0x80000000, eperm: 0x00050001, enosys: 0x00050026 } as const

/** Offsets in struct seccomp_data. Arguments are read by their low half, which is all that the calls below look at. */
const callOffset = 0
const architectureOffset = 4
const argumentOffset = (index: number) => 16 + 8 * index

const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const answer = (action: number): Instruction => [0x06, 0, 0, action]
const ifEqual = (value: number | 'pid', yes: number, no: number): Instruction => [0x15, yes, no, value]
const ifAbove = (value: number, yes: number, no: number): Instruction => [0x25, yes, no, value]
const ifAnyBit = (bits: number, yes: number, no: number): Instruction => [0x45, yes, no, bits]

/** CLONE_THREAD: without it, the answer is a process. */
const cloneThread = 0x00010000
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const cloneNamespaces = 0x7e020000

/** F_SETOWN, F_SETSIG, F_SETOWN_EX: they have the kernel send signals to any process of this user. */
const signallingCommands = [8, 10, 15]
/** FIOSETOWN and SIOCSPGRP, likewise; TIOCSTI and TIOCLINUX type into a terminal. */
const harmfulRequests = [0x8901, 0x8902, 0x5412, 0x541c]

const allowIf = (argument: number, allowed: readonly (number | 'pid')[]): Instruction[] => [
  load(argumentOffset(argument)),
  ...allowed.flatMap((value) => [ifEqual(value, 0, 1), answer(actions.allow)]),
  answer(actions.eperm),
]
const refuseIf = (argument: number, refused: readonly number[]): Instruction[] => [
  load(argumentOffset(argument)),
  ...refused.flatMap((value) => [ifEqual(value, 0, 1), answer(actions.eperm)]),
  answer(actions.allow),
]

/** The calls whose arguments decide; each answer is final. */
const decided: readonly (readonly [Numbers, readonly Instruction[]])[] = [
  [knownCalls.clone3, [answer(actions.enosys)]],
  [
    knownCalls.clone,
    [
      load(argumentOffset(0)),
      ifAnyBit(cloneNamespaces, 2, 0),
      ifAnyBit(cloneThread, 0, 1),
      answer(actions.allow),
      answer(actions.eperm),
    ],
  ],
  [knownCalls.kill, allowIf(0, ['pid'])],
  [knownCalls.tgkill, allowIf(0, ['pid'])],
  [knownCalls.prlimit64, allowIf(0, [0, 'pid'])],
  [knownCalls.sched_setaffinity, allowIf(0, [0, 'pid'])],
  [knownCalls.fcntl, refuseIf(1, signallingCommands)],
  [knownCalls.ioctl, refuseIf(1, harmfulRequests)],
]

/** Returns null for an architecture whose numbers are not known here. */
export function filterFor(architecture: string): Instruction[] | null {
  const known = architectures[architecture]
  if (known === undefined) return null
  const refused: readonly (readonly [Numbers, readonly Instruction[]])[] = Object.values(refusedCalls).map(
    (numbers) => [numbers, [answer(actions.eperm)]],
  )
  return [
    load(architectureOffset),
    ifEqual(known.audit, 1, 0),
    answer(actions.kill),
    load(callOffset),
    ifAbove(x32Bit - 1, 0, 1),
    answer(actions.kill),
    ifAbove(highestCall, 0, 1),
    answer(actions.enosys),
    ...[...decided, ...refused].flatMap(([numbers, body]) => {
      const number = numbers[known.column]
      return number === null ? [] : [ifEqual(number, 0, body.length), ...body]
    }),
    answer(actions.allow),
  ]
}

/**
 * close_range(3, ~0): a kernel before 5.9 has none, and the files stay open. PR_SET_NO_NEW_PRIVS is what lets a process
 * without capabilities load a filter. SECCOMP_FILTER_FLAG_SPEC_ALLOW leaves the processor's guesses as they are: older kernels
 * would otherwise slow the process down, and V8 has measures of its own.
 */
const script = `
my ($prctl, $seccomp, $closeRange, $filter) = splice @ARGV, 0, 4;
syscall($closeRange, 3, 4294967295, 0);
my $code = join '', map { pack 'SCCL', map { $_ eq 'pid' ? $$ : $_ } split / / } split /,/, $filter;
my $program = pack 'S x![P] P', length($code) / 8, $code;
syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
syscall($seccomp, 1, 4, $program) == 0 or die "seccomp: $!";
exec { $ARGV[0] } @ARGV or die "exec: $!";`

/** The arguments that have perl become the rest of them, behind the filter; null where there is no filter. */
export function seccompArguments(architecture: string): string[] | null {
  const filter = filterFor(architecture)
  const column = architectures[architecture]?.column
  if (filter === null || column === undefined) return null
  const { prctl, seccomp, close_range } = knownCalls
  const numbers = [prctl, seccomp, close_range].map((call) => String(call[column]))
  return ['-e', script, '--', ...numbers, filter.map((instruction) => instruction.join(' ')).join()]
}
