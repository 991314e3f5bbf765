/** The hands of a council: one for each effect that it can ask for (src/protocol/driver.ts). */

import type { CouncilEffect, CouncilInput } from '../../protocol/council/contract.ts'
import type { Hands } from '../../protocol/driver.ts'
import type { PeerId } from '../../protocol/ids.ts'
import { decidedClaims } from '../../protocol/ledger/claims.ts'
import { guardedAt } from '../clock.ts'
import { shardKey } from '../sealing/sealing.ts'
import { inSpan } from '../tracing.ts'
import { checkCensus } from './censuses.ts'
import type { CouncilDriverOptions } from './options.ts'
import { type CouncilDriverParts, secretOf } from './parts.ts'
import { endedMessage } from './shown-end.ts'

/** The outcome of the wish to leave a job: another node has the place, none wanted it, or the job ended before. */
export type Release = 'left' | 'kept' | 'ended'

export interface HandsNeeds {
  readonly options: CouncilDriverOptions
  readonly parts: CouncilDriverParts
  /** Takes the council's next input. */
  readonly tell: (input: CouncilInput) => void
  readonly wakeAt: (atMs: number) => void
  /** This node's owner wanted it to leave the job: this came of it. */
  readonly released: (outcome: Release) => void
}

export function handsOf({ options, parts, tell, wakeAt, released }: HandsNeeds): Hands<CouncilEffect> {
  const { job, clock, log } = options
  const { council, inputs, offers, collector, pace, payables, papers, credentials, say } = parts
  return {
    issue: (effect) => papers.issue(effect),
    keep: ({ receipt }) => papers.append(receipt),
    copy: ({ record }) => papers.append(record),
    'shut-out': ({ record }) => papers.shutOut(record),
    discard: ({ records, serial }) => {
      options.store.journal.noteLeft(job, serial, clock.now())
      papers.discard(records)
      payables?.anew(council.money)
    },
    refused: ({ signer, why }) => log.warn({ job, signer, why }, 'somebody signs more for a job than it may'),
    left: ({ why, serial }) => {
      options.onLeft(why, serial)
      released('left')
    },
    kept: () => released('kept'),
    counted: ({ verdicts, ends }) => {
      papers.counted(verdicts, (id) => council.positionsOf(id))
      payables?.learn(...decidedClaims({ verdicts, ends }))
    },
    recounted: ({ leases }) => payables?.recounted(leases),
    offer: ({ lease, to }) => {
      pace.leased(clock.monotonicMs())
      return offers.offer(lease, to)
    },
    send: ({ to, message }) => say(to, message),
    'tell-end': ({ to }) => {
      const end = council.ending?.end.id
      const message = end && endedMessage(options.store.journal, job, end)
      if (message !== undefined) say(to, message)
    },
    revoke: ({ from, lease }) => offers.revoke(from, lease),
    share: ({ record: { record, opening }, to }) => {
      const signed = papers.signed(record.id)
      if (signed !== undefined) say(to, { type: 'record', job, record: signed, opening })
    },
    entrust: ({ to }) => entrust(options, parts, to),
    adopt: ({ to }) => say(to, { type: 'adopt', ...credentials() }),
    collect: ({ wanted }) =>
      void inSpan('carpool.verify', { 'carpool.job': job, 'carpool.results': wanted.length }, () =>
        collector.collect(wanted),
      ),
    recompute: (effect) => void recompute(options, parts, effect).then(tell),
    'hold-inputs': async () => {
      const shards = await inputs.hold(council.isReader)
      if (typeof shards === 'string') options.onLeft(shards, council.serial)
      else if (shards !== undefined) tell({ type: 'inputs-held', shards })
    },
    'hold-results': async ({ verdict, results, from }) => {
      const held = await inputs.holdResults(results, from)
      tell({ type: 'results-held', verdict, held })
    },
    'check-census': async (effect) => {
      const checked = await checkCensus(options, inputs, effect)
      if (checked !== undefined) tell(checked)
    },
    lied: ({ receipt, because }) => options.onLie(receipt, because),
    decided: ({ verdicts }) => {
      const accepted = verdicts.filter(({ outcome }) => outcome === 'accepted')
      const pages = accepted.reduce((sum, { position }) => sum + inputs.shards[position]!.pages, 0)
      pace.decided(pages, clock.monotonicMs())
    },
    ended: () => {
      inputs.over()
      options.onEnd()
      released('ended')
    },
    acting: ({ acting }) => {
      payables?.acting(acting)
      log.info({ job, acting }, 'the acting steward changed')
    },
    wake: ({ atMs }) => wakeAt(atMs),
    // Whatever has come meanwhile goes first.
    'go-on': () => void guardedAt(clock, clock.now(), () => tell({ type: 'go-on' }), log),
  }
}

/**
 * Tells a peer that it is a steward of the job, or may read it. The stewards of a blind job get the secret of its draws, and
 * not the one that its keys are derived from.
 */
export function entrust(
  options: CouncilDriverOptions,
  { say, credentials }: Pick<CouncilDriverParts, 'say' | 'credentials'>,
  to: PeerId,
): void {
  const { manifest, drawSecret } = options
  const secret = manifest.blind === null ? secretOf(options) : null
  say(to, { type: 'entrust', ...credentials(to), secret, drawSecret })
}

async function recompute(
  { recomputer, job, manifest, secret, key: { peerId }, log }: CouncilDriverOptions,
  { inputs }: Pick<CouncilDriverParts, 'inputs'>,
  { position, claimed }: Extract<CouncilEffect, { type: 'recompute' }>,
): Promise<Extract<CouncilInput, { type: 'recomputed' }>> {
  if (secret === null) return { type: 'recomputed', position, found: null }
  const { shard } = inputs.shards[position]!
  const key = shardKey(secret, position)
  log.info({ job, position }, 'vehicles disagree: recomputing with the exact engine')
  try {
    const isOwn = manifest.stewards[0]?.peer === peerId
    const found = await inSpan(
      'carpool.recompute',
      { 'carpool.job': job, 'carpool.position': position },
      () => recomputer.recompute(job, manifest, { shard, key, claimed }, isOwn),
    )
    if (found === null)
      log.info(
        { job, position },
        'this node ran out of something, also of its time for strangers, or lacks the engine: others decide',
      )
    return { type: 'recomputed', position, found }
  } catch (error) {
    log.warn({ job, position, error }, 'this node could not recompute')
    return { type: 'recomputed', position, found: null }
  }
}
