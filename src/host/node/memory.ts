/**
 * Gives memory back while there is nothing to do: a parked vehicle's memory is its owner's.
 *
 * Starting leaves some 30 MiB of garbage (parsed modules, handshakes), and V8 collects when it needs room, which an
 * idle node never does. One full collection took an idle node from 124 to 91 MiB resident (compiled; a bare
 * libp2p node 101), for some 50 ms of one core.
 *
 * A node that works gets a young generation of at most 32 MiB, which was V8's own bound until Node 24 made it 128: with that, a node
 * that submits a million documents one after another has 45 MiB of them alive and 280 resident. `--max-semi-space-size` would need
 * another process around this one. V8 asks for the factor of growth each time, and so it is set to one where it is enough.
 *
 * Nor does a node that is large already grow to several times what is alive in it, which V8 allows as long as collecting costs much. With
 * half as much again between two collections, and glibc giving large blocks back at once (MALLOC_MMAP_THRESHOLD_), which we do not ask
 * of it, a job of 200,000 lines took 286 MiB for 364, and as much processor time.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * A small mesh is joined by the first, and its handshakes are over; by the second a large one, on a busy machine. What the first of
 * them comes too early for would stay until the interval is over: 30 MiB among twelve nodes. Guesses.
 */
const firstMs = [5_000, 30_000]
/** After work, somebody else waits no longer than this for his memory; 50 ms in it are 0.01 % of a core. A guess. */
const intervalMs = 600_000

/** The young generation grows up to the first of these bytes, or twice as far; below the second it may grow again. */
const youngBytesMax = 32 * 2 ** 20
const youngBytesMin = 16 * 2 ** 20
/** It doubles in some seconds of work. A guess. */
const lookMs = 1_000

/** A node is large from so many resident bytes on, and not yet at so many. A guess: an idle one has 110 MiB. */
const largeBytesMin = 200 * 2 ** 20
const smallBytesMax = 160 * 2 ** 20
/** V8's --heap-growing-percent; 0: as V8 sees fit. */
const largeGrowth = 50

/** For the whole process, whatever else runs in it. The answer ends it. */
export function giveBackMemory(isIdle: () => boolean): () => void {
  const collect = collector()
  const look = () => {
    if (isIdle()) collect()
  }
  const first = firstMs.map((delayMs) => setTimeout(look, delayMs).unref())
  const again = setInterval(look, intervalMs).unref()
  const letGrow = [boundYoung(), boundLarge()]
  return () => {
    first.forEach(clearTimeout)
    clearInterval(again)
    for (const grow of letGrow) grow()
  }
}

/** A full collection takes the young generation back to a megabyte, from which it must be able to grow. */
function boundYoung(): () => void {
  let mayGrow = true
  const set = (grows: boolean) => {
    if (grows === mayGrow) return
    mayGrow = grows
    setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`)
  }
  const look = () => {
    const bytes =
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
    if (bytes >= youngBytesMax) set(false)
    else if (bytes < youngBytesMin) set(true)
  }
  const looking = setInterval(look, lookMs).unref()
  return () => {
    clearInterval(looking)
    set(true)
  }
}

function boundLarge(): () => void {
  let isLarge = false
  const set = (large: boolean) => {
    if (large === isLarge) return
    isLarge = large
    setFlagsFromString(`--heap-growing-percent=${large ? largeGrowth : 0}`)
  }
  const look = () => set(process.memoryUsage.rss() >= (isLarge ? smallBytesMax : largeBytesMin))
  const looking = setInterval(look, lookMs).unref()
  return () => {
    clearInterval(looking)
    set(false)
  }
}

/** V8's own, which it shows to contexts that are made while the flag is set, and to no other. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  setFlagsFromString('--no-expose-gc')
  return () => collect({ type: 'major', flavor: 'last-resort' })
}
