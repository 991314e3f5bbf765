import type { Mutation } from './mutation.ts'

export const network: readonly Mutation[] = [
  {
    name: 'An answer without a header is read.',
    file: 'src/host/network/block-frames.ts',
    find: 'if (frame.byteLength < headerBytes) throw',
    replace: 'if (frame.byteLength < 0) throw',
    caughtBy: ['test/fuzz/fuzz.test.ts'],
  },
  {
    name: 'One host may have all places for those who shake no hands.',
    file: 'src/host/network/turnstile.ts',
    find: 'pending >= pendingPerHostMax || ',
    replace: '',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
  {
    name: 'A full node refuses, whoever sits there and says nothing.',
    file: 'src/host/network/turnstile.ts',
    find: '    if (silent !== undefined) return silent\n',
    replace: '',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
  {
    name: 'Known peers make room for strangers.',
    file: 'src/host/network/turnstile.ts',
    find: 'peer !== null && !this.#isKnown(peer))',
    replace: 'peer !== null)',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
  {
    name: 'A flood keeps its places while a newcomer of another host is refused.',
    file: 'src/host/network/turnstile.ts',
    find: 'if (!isKnown && most <= own + 1) return undefined',
    replace: 'if (!isKnown) return undefined',
    caughtBy: ['test/host/network-turnstile.test.ts'],
  },
  {
    name: 'A place is dialled for every peer that claims it.',
    file: 'src/host/network/dial-plan.ts',
    find: 'return Math.max(spot.notBeforeMs + restMs, spot.met?.untilMs ?? 0, this.#spareMs(place))',
    replace: 'return this.#spareMs(place)',
    caughtBy: ['test/host/network-dialling.test.ts'],
  },
  {
    name: 'Other ports of a host have other budgets.',
    file: 'src/host/network/dial-plan.ts',
    find: 'this.#budgets.set(place.host, budget)',
    replace: 'this.#budgets.set(place.name, budget)',
    caughtBy: ['test/host/network-dialling.test.ts'],
  },
  {
    name: 'A loopback address of anybody is dialled.',
    file: 'src/host/network/reach.ts',
    find: 'return !places.some(isPublic) && (this.#isAtHome() || this.#ownBlocks().size === 0)',
    replace: 'return true',
    caughtBy: ['test/host/network-dialling.test.ts'],
  },
  {
    name: 'An address outlives the advert that named it.',
    file: 'src/host/network/neighbours.ts',
    find: 'if (!known.isProven && this.#openTo(peer) === undefined) this.forget(peer)',
    replace: 'void this.forget',
    caughtBy: ['test/host/network-dialling.test.ts'],
  },
]
