/**
 * Has V8 weigh the memory outside of its heap together with what is in it.
 *
 * Packets and blocks lie outside. By default V8 marks its whole heap after each 32 MiB of them, however little of that is still in use, and so
 * it spent more processor time on that than on the cipher: moving 512 MiB of weights took 8 s of both nodes' time, and takes 5 s
 * this way (two busy cores). The node has some 100 MiB more meanwhile, for which memory-room.ts leaves room.
 */
import { setFlagsFromString } from 'node:v8'

/** The Node that Carpool brings along. Others may not know the flag. */
const nodeMajor = 24

export function weighOutsideMemory(): void {
  if (Number.parseInt(process.versions.node, 10) === nodeMajor)
    setFlagsFromString('--external-memory-accounted-in-global-limit')
}
