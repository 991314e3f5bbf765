/** The hands of `Cells`: one for each effect that it can ask for (src/protocol/driver.ts). */
import type { CellsEffect, Topic } from '../../protocol/cells/contract.ts'
import { holds } from '../../protocol/cells/key.ts'
import type { Hands } from '../../protocol/driver.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import type { CensusDesk } from './census-desk.ts'
import { advertChannelOf, digestChannelOf } from './channels.ts'
import type { DigestDesk } from './digest-desk.ts'
import type { KeptCells } from './kept.ts'
import type { CellsDriverOptions } from './options.ts'
import type { SignedAdverts } from './signed-adverts.ts'
import type { Talk } from './talk.ts'

export interface HandsNeeds
  extends Pick<CellsDriverOptions, 'network' | 'clock' | 'log' | 'advertise' | 'isMetered'> {
  readonly digests: DigestDesk
  readonly talk: Talk
  readonly adverts: SignedAdverts
  readonly kept: KeptCells
  readonly censuses: CensusDesk
  /** The topics that it is in, kept here. */
  readonly topics: Set<Topic>
  /** Its adverts name this depth from now on. */
  readonly said: (depth: number) => void
  readonly wakeAt: (atMs: number) => void
}

export function handsOf(needs: HandsNeeds): Hands<CellsEffect> {
  const { network, clock, log, digests, talk, adverts, kept, censuses, topics } = needs
  const { gossip } = network
  /** The cell of which contacts are dialled. */
  const near = (): string[] =>
    [...topics].flatMap((topic) => (topic.startsWith('cell/') ? [topic.slice(5)] : []))
  return {
    join: ({ topic }) => {
      topics.add(topic)
      const channel = advertChannelOf(topic)
      if (channel !== undefined)
        gossip.joinChannel(channel, channel === null ? undefined : gossip.judgeAdvert)
      digests.join(topic)
    },
    'leave-topic': ({ topic }) => {
      topics.delete(topic)
      const channel = advertChannelOf(topic)
      if (channel !== undefined) gossip.leaveChannel(channel)
      gossip.leaveChannel(digestChannelOf(topic))
    },
    'advertise-in': ({ topics: said, depth, withinMs }) => {
      needs.said(depth)
      gossip.sayIn(said.flatMap((topic) => (topics.has(topic) ? (advertChannelOf(topic) ?? null) : [])))
      clock.after(Math.random() * withinMs, () => needs.advertise())
    },
    speak: ({ digest, topics: heard }) => digests.speak(digest, heard),
    'pass-on': ({ digest, topic }) => digests.passOn(digest, topic),
    'tell-cell': ({ peer, topic }) => {
      const record = adverts.get(peer)
      if (record === undefined || !topics.has(topic)) return
      gossip.publishIn(advertChannelOf(topic) ?? null, encodeCbor(record)).catch((error) => {
        log.debug({ peer, error }, 'the advert of a member that reported it was not told')
      })
    },
    ask: ({ to, message }) => talk.say(to, message),
    'answer-these': ({ to, question, cell, peers, hasMore }) => {
      const answer = adverts.fitting(peers)
      const more = hasMore || answer.rest.length > 0
      talk.answer(to, { type: 'these', question, cell, adverts: answer.adverts, hasMore: more })
    },
    'report-to': ({ to, since }) => {
      const advert = adverts.get(network.peer)
      if (advert !== undefined) talk.say(to, { type: 'report', advert, since })
    },
    'answer-news': ({ to, peers, next, hasMore }) => {
      // Who asks goes on after `next`: all up to it are said, in as many messages as they take.
      let rest = peers
      do {
        const page = adverts.fitting(rest)
        rest = page.rest
        talk.answer(to, { type: 'news', adverts: page.adverts, next, hasMore: hasMore && rest.length === 0 })
      } while (rest.length > 0)
    },
    'pull-charter': ({ from }) => talk.wantCharter(from),
    accused: ({ owner, proof, from, isUrgent }) => talk.heardAccused(owner, proof, from.peer, isUrgent),
    'keep-cell': ({ kept: cell }) => {
      kept.write(cell)
      if (needs.isMetered) return
      const cells = near()
      network.hear(cell.contacts.filter(({ key }) => cells.some((name) => holds(name as never, key))))
    },
    moved: ({ from, to, why }) => {
      log.info({ from, to, why }, `this node is in cell '${to}' of its mesh now, and was in '${from}'`)
    },
    'counted-abroad': ({ name, result }) => censuses.counted(name, result),
    wake: ({ atMs }) => needs.wakeAt(atMs),
  }
}
