/**
 * Gives memory back while there is nothing to do: a parked vehicle's memory is its owner's.
 *
 * Starting leaves some 30 MiB of garbage (parsed modules, handshakes), and V8 collects when it needs room, which an
 * idle node never does. One full collection took an idle node from 124 to 91 MiB resident (compiled; a bare
 * libp2p node 101), for some 50 ms of one core. `--max-semi-space-size` and its like would need another process
 * around this one, and slow down a node that works.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The mesh is joined and its handshakes are over by then: a guess. */
const firstMs = 5_000
/** After work, somebody else waits no longer than this for his memory; 50 ms in it are 0.01 % of a core. A guess. */
const intervalMs = 600_000

/** For the whole process, whatever else runs in it. The answer ends it. */
export function giveBackMemory(isIdle: () => boolean): () => void {
  const collect = collector()
  const look = () => {
    if (isIdle()) collect()
  }
  const first = setTimeout(look, firstMs).unref()
  const again = setInterval(look, intervalMs).unref()
  return () => {
    clearTimeout(first)
    clearInterval(again)
  }
}

/** V8's own, which it shows to contexts that are made while the flag is set, and to no other. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  setFlagsFromString('--no-expose-gc')
  return () => collect({ type: 'major', flavor: 'last-resort' })
}
