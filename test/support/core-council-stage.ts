import type { CouncilEffect, CouncilInput, FellowMessage } from '../../src/protocol/council/contract.ts'
import { Council } from '../../src/protocol/council/council.ts'
import type { PeerId, RecordId } from '../../src/protocol/ids.ts'
import { cancellationOf } from '../../src/protocol/job/cancellation.ts'
import type { OfferedPlace } from '../../src/protocol/job/consent.ts'
import { type Receipt, receiptRoot } from '../../src/protocol/job/lease.ts'
import type { ShardEntry } from '../../src/protocol/job/lists.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import type { Message, UnwillingReason } from '../../src/protocol/message.ts'
import { recordId } from '../../src/protocol/record/record.ts'
import { isShared, openRecord, openRecordAs } from '../../src/protocol/records.ts'
import type { Examined } from '../../src/protocol/steward/contract.ts'
import { councilJobOf, seatOf } from './core-council-job.ts'
import { compared, lacking, viewed } from './core-council-views.ts'
import { Crowd, type Member } from './core-crowd.ts'
import {
  bodyOf,
  cidNamed,
  drawSecret,
  manifestWith,
  nameOfCid,
  nameOfPeer,
  peerNamed,
  sha256,
  sign,
  signBytes,
  verify,
} from './core-fakes.ts'
import { Post } from './core-post.ts'
import { RecordNames } from './core-record-names.ts'
import { type Command, parseDuration, printDuration } from './core-script.ts'
import { rosterOf } from './core-steward-stage.ts'
import { consentTo } from './handovers.ts'

const nonce = sha256(new Uint8Array(1))
/** Whose job it is: the key, not the node. */
const submitter = peerNamed('submitter')

export class CouncilStage {
  nowMs = 0
  #manifest: Manifest = manifestWith()
  #shards: readonly ShardEntry[] = []
  #capacities: readonly Capacity[] = []
  readonly #job = cidNamed('job')
  readonly #post = new Post()
  readonly #crowd = new Crowd(this.#post)
  readonly #records = new RecordNames(this.#job)
  /** Invitations that each has not answered yet. */
  readonly #invitations = new Map<
    string,
    { readonly from: string; readonly nonce: Uint8Array; readonly place: OfferedPlace }[]
  >()
  #lines: string[] = []
  #talks = false
  #linesAtMs = 0
  readonly #machine: typeof Council

  constructor(machine = Council) {
    this.#machine = machine
  }

  /** Carries out one command; returns the lines that it leads to. */
  run(command: Command): string[] {
    this.#lines = []
    this.#talks = command.words.includes('talk')
    this.#linesAtMs = this.nowMs
    this.#carryOutCommand({ ...command, words: command.words.filter((word) => word !== 'talk') })
    this.#deliverAll()
    return this.#lines
  }

  #carryOutCommand(command: Command): void {
    const { verb, words, settings } = command
    const [name = '', second = ''] = words
    switch (verb) {
      case 'council':
        this.#setUp(settings)
        break
      case 'submit':
        for (const { peer } of this.#manifest.stewards) this.#begin(nameOfPeer(peer), [], true)
        break
      case 'roster':
        this.#roster(rosterOf(words, command))
        break
      case 'inputs':
        for (const member of words) {
          this.#crowd.member(member).inputs = true
          this.#hand(member, { type: 'inputs-held', shards: this.#shards })
        }
        break
      case 'results':
        for (const member of words.filter((word) => word !== 'missing'))
          for (const verdict of this.#crowd.member(member).fetching.splice(0))
            this.#hand(member, { type: 'results-held', verdict, held: !words.includes('missing') })
        break
      case 'wait':
        this.#wait(parseDuration(name))
        break
      case 'down':
      case 'up':
      case 'relay':
        for (const [a, b] of this.#crowd.pairs(words)) this.#link(a, b, verb !== 'down', verb === 'relay')
        break
      case 'mute':
      case 'unmute':
        for (const [a, b] of this.#crowd.pairs(words)) this.#post.mute(a, b, verb === 'mute')
        break
      case 'hold':
        this.#post.hold(name, second)
        break
      case 'deliver':
        this.#deliver(name, second)
        break
      case 'release':
        this.#post.release(name, second)
        break
      case 'crash':
        this.#crash(name)
        break
      case 'sleep':
        this.#crowd.member(name).asleep = true
        break
      case 'awake':
        this.#crowd.member(name).asleep = false
        this.#hand(name, { type: 'wake' })
        break
      case 'restore':
        this.#begin(name, [...this.#crowd.member(name).journal], false)
        break
      case 'willing':
      case 'unwilling':
        this.#answer(name, verb === 'willing' ? null : ((second || 'no-space') as UnwillingReason))
        break
      case 'reader':
        this.#begin(name, [], false)
        for (const member of words.slice(1)) this.#hand(member, { type: 'reader', peer: peerNamed(name) })
        break
      case 'cancel':
        this.#hand(name, { type: 'cancel' })
        break
      case 'cancellation':
        this.#cancellation(name, second)
        break
      case 'leave':
        this.#hand(name, { type: 'release' })
        break
      case 'accept':
        for (const lease of words.slice(1))
          this.#hand(name, { type: 'accepted', ...this.#records.leaseNamed(lease) })
        break
      case 'progress':
        for (const lease of words.slice(1))
          this.#hand(name, { type: 'progress', ...this.#records.leaseNamed(lease), done: 0 })
        break
      case 'receipt':
        this.#receipt(command)
        break
      case 'show':
        this.#show(name, words.slice(1))
        break
      case 'examine':
        this.#examine(name, words.slice(1))
        break
      case 'recomputed':
        this.#hand(name, {
          type: 'recomputed',
          position: Number(second.slice(1)),
          found: { result: cidNamed(words[2]!), text: words[2]! },
        })
        break
      case 'compare':
        this.#lines.push(...compared(this.#crowd.members.values(), this.#records))
        break
      case 'lacking':
        for (const member of words) this.#lines.push(lacking(member, this.#crowd.running(member), this.nowMs))
        break
      case 'view':
        for (const member of words) this.#lines.push(viewed(member, this.#crowd.running(member)))
        break
      default:
        throw new Error(`a council knows no '${verb}'`)
    }
  }

  // --- what a command does ------------------------------------------------------------------------------------

  #setUp(settings: ReadonlyMap<string, string>): void {
    const { manifest, shards } = councilJobOf(settings)
    this.#manifest = manifest
    this.#shards = shards
    for (const { peer } of manifest.stewards) this.#crowd.names.add(nameOfPeer(peer))
  }

  #begin(name: string, records: readonly RecordId[], submitted: boolean): void {
    const first = nameOfPeer(this.#manifest.stewards[0]!.peer) === name
    const known = this.#crowd.members.get(name)
    const member: Member = {
      name,
      journal: new Set(records),
      council: new this.#machine({
        job: this.#job,
        manifest: this.#manifest,
        submitter,
        self: peerNamed(name),
        drawSecret,
        sha256,
      }),
      inputs: first || (known?.inputs ?? false),
      asleep: false,
      wakeAtMs: Number.POSITIVE_INFINITY,
      wanted: [],
      fetching: [],
    }
    this.#crowd.members.set(name, member)
    this.#crowd.names.add(name)
    const shards = member.inputs ? this.#shards : null
    const restored = records.map((id) => this.#records.opened(id))
    const fresh = submitted && first
    this.#carryOut(member, member.council!.begin({ records: restored, shards, fresh }, this.nowMs))
    if (this.#capacities.length > 0) this.#hand(name, { type: 'roster', capacities: this.#capacities })
    for (const other of this.#crowd.names) {
      if (!this.#crowd.linked(name, other)) continue
      this.#hand(name, { type: 'connected', peer: peerNamed(other) })
      if (known !== undefined) this.#hand(other, { type: 'connected', peer: peerNamed(name) })
    }
  }

  #crash(name: string): void {
    this.#crowd.member(name).council = undefined
    this.#post.drop(name)
    for (const other of this.#crowd.names)
      if (other !== name && !this.#post.isParted(name, other))
        this.#hand(other, { type: 'disconnected', peer: peerNamed(name) })
  }

  #roster(capacities: readonly Capacity[]): void {
    const fresh = capacities.filter(({ name }) => !this.#crowd.names.has(name))
    this.#capacities = capacities
    for (const { name } of fresh) this.#crowd.names.add(name)
    for (const member of this.#crowd.members.values()) {
      for (const { name, peer } of fresh)
        if (this.#crowd.linked(member.name, name)) this.#hand(member.name, { type: 'connected', peer })
      this.#hand(member.name, { type: 'roster', capacities })
    }
  }

  #link(a: string, b: string, up: boolean, isRelayed: boolean): void {
    if (!this.#post.link(a, b, up)) return
    if (!this.#crowd.runs(a) || !this.#crowd.runs(b)) return
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const peer = peerNamed(other)
      this.#hand(one, up ? { type: 'connected', peer, isRelayed } : { type: 'disconnected', peer })
    }
  }

  #wait(durationMs: number): void {
    const untilMs = this.nowMs + durationMs
    for (;;) {
      const next = this.#crowd.nextToWake(untilMs)
      if (next === undefined) break
      this.nowMs = Math.max(this.nowMs, next.wakeAtMs)
      next.wakeAtMs = Number.POSITIVE_INFINITY
      this.#hand(next.name, { type: 'wake' })
      this.#deliverAll()
    }
    this.nowMs = untilMs
  }

  #receipt({ words, settings }: Command): void {
    const [to, name] = words
    const { lease: id, from } = this.#records.leaseNamed(name!)
    const lease = this.#records.leaseOf(id)
    const shards = [...settings].filter(([shard]) => /^S\d+$/.test(shard))
    const places = shards.map(([shard]) => lease.payload.positions.indexOf(Number(shard.slice(1))))
    if (places.includes(-1)) throw new Error(`${name} has no such shards`)
    const opening = { results: shards.map(([, result]) => cidNamed(result)), nonce }
    const worker = { id, job: this.#job, worker: from, shards: lease.payload.shards }
    const payload: Receipt = {
      lease: id,
      covers: places,
      root: receiptRoot(sha256, worker, places, opening),
      cpuMs: 1,
      wallMs: shards.length * 1_000,
      energy: null,
    }
    const record = sign(bodyOf('receipt', from, payload, { job: this.#job }))
    const receipt = openRecordAs('receipt', record, opening, sha256, verify)
    this.#records.add(receipt)
    this.#hand(to!, { type: 'receipt', receipt, released: null })
  }

  /** The submitter shows its cancellation; or one that is of another job, or that somebody else signed. */
  #cancellation(to: string, wrong: string): void {
    const job = wrong === 'of-another-job' ? cidNamed('another job') : this.#job
    const body = cancellationOf(
      job,
      this.#manifest,
      wrong === 'by-a-stranger' ? peerNamed('stranger') : submitter,
    )
    const record = openRecordAs('cancellation', sign(body), null, sha256, verify)
    this.#records.add(record)
    this.#hand(to, { type: 'record', from: submitter, record })
  }

  /** A vehicle shows a steward what it has of the job. */
  #show(to: string, names: readonly string[]): void {
    for (const name of names) {
      const opened = this.#records.opened(this.#records.id(name))
      const from = opened.kind === 'lease' ? opened.record.payload.vehicle : opened.record.signer
      this.#hand(to, { type: 'record', from, record: opened })
    }
  }

  /** Answers these collections together. */
  #examine(name: string, results: readonly string[]): void {
    const member = this.#crowd.member(name)
    const asked = member.wanted.filter((want) => results.includes(nameOfCid(want.result)))
    if (asked.length === 0) throw new Error(`${name} asked nobody for ${results.join(', ')}`)
    member.wanted = member.wanted.filter((want) => !asked.includes(want))
    const examined = asked.map((want): Examined => {
      return { ...want, finding: { state: 'good', text: nameOfCid(want.result), exhausted: false } }
    })
    this.#hand(name, { type: 'examined', results: examined })
  }

  #answer(name: string, reason: UnwillingReason | null): void {
    const invitations = this.#invitations.get(name)
    if (invitations === undefined) throw new Error(`nobody invited ${name}`)
    this.#invitations.delete(name)
    for (const { from, nonce, place } of invitations) {
      const signed = consentTo(place, peerNamed(from), { ...seatOf(name), nonce })
      const consent = reason === null ? openRecordAs('consent', signed, null, sha256, verify) : null
      this.#hand(from, { type: 'answered', from: peerNamed(name), nonce, consent })
    }
  }

  // --- the post -----------------------------------------------------------------------------------------------

  #send(from: string, to: PeerId, message: Message): void {
    if (this.#crowd.linked(from, nameOfPeer(to))) this.#post.send(from, nameOfPeer(to), message)
  }

  #deliverAll(): void {
    for (let link = this.#post.next(); link !== undefined; link = this.#post.next())
      this.#deliver(link.from, link.to)
  }

  #deliver(from: string, to: string): void {
    for (const message of this.#post.take(from, to)) this.#arrive(from, to, message)
  }

  #arrive(from: string, to: string, message: Message): void {
    const sender = peerNamed(from)
    if (message.type === 'entrust') {
      const chain = message.handovers.map(({ body }) => recordId(sha256, body))
      if (!this.#crowd.members.has(to)) this.#begin(to, chain, false)
      else
        for (const id of chain)
          this.#hand(to, { type: 'record', from: sender, record: this.#records.opened(id) })
      return
    }
    if (message.type === 'record') {
      const record = openRecord(message.record, message.opening, sha256, verify)
      if (!isShared(record)) throw new Error(`a job has no ${record.kind}`)
      this.#hand(to, { type: 'record', from: sender, record })
    } else this.#hand(to, { type: 'fellow', from: sender, message: message as FellowMessage })
  }

  // --- what councils do ---------------------------------------------------------------------------------------

  #hand(name: string, input: CouncilInput): void {
    const member = this.#crowd.members.get(name)
    if (member?.council === undefined || member.asleep) return
    this.#carryOut(member, member.council.handle(input, this.nowMs))
  }

  #carryOut(member: Member, effects: readonly CouncilEffect[]): void {
    member.council?.check()
    for (const effect of effects) {
      const line = this.#lineOf(member, effect)
      if (line !== undefined) this.#print(member.name, line)
    }
  }

  #lineOf(member: Member, effect: CouncilEffect): string | undefined {
    switch (effect.type) {
      case 'issue': {
        const record = signBytes(effect.issued.record, effect.body)
        const opened = openRecordAs(effect.issued.kind, record, null, sha256, verify)
        this.#records.add(opened)
        member.journal.add(opened.record.id)
        return `issue ${this.#records.described(opened)}`
      }
      case 'keep':
      case 'copy': {
        const { id } = (effect.type === 'keep' ? effect.receipt : effect.record).record
        member.journal.add(id)
        return `${effect.type} ${this.#records.of(id)}`
      }
      case 'discard':
        for (const id of effect.records) member.journal.delete(id)
        return `discard ${effect.records.map((id) => this.#records.of(id)).join(' ')}`
      case 'shut-out':
        return `shuts out ${this.#records.of(effect.record)}`
      case 'refused':
        return `refuses ${nameOfPeer(effect.signer)}: ${effect.why}`
      case 'left':
        this.#crowd.members.delete(member.name)
        return `leaves: ${effect.why}`
      case 'share': {
        const { id } = effect.record.record
        const { signed: record, opening } = this.#records.opened(id)
        this.#send(member.name, effect.to, { type: 'record', job: this.#job, record, opening })
        return this.#talks ? `share ${this.#records.of(id)} with ${nameOfPeer(effect.to)}` : undefined
      }
      case 'entrust': {
        const handovers = member
          .council!.pathsTo([peerNamed(member.name), effect.to])
          .map(({ id }) => this.#records.opened(id).signed)
        const manifest = sign(bodyOf('manifest', effect.to, this.#manifest))
        this.#send(member.name, effect.to, {
          type: 'entrust',
          manifest,
          handovers,
          drawSecret,
          secret: new Uint8Array(32),
        })
        return `entrust ${nameOfPeer(effect.to)}`
      }
      case 'adopt':
        return `adopt ${nameOfPeer(effect.to)}`
      case 'offer':
        return `offer ${this.#records.of(effect.lease)} to ${nameOfPeer(effect.to)}`
      case 'revoke':
        return `revoke ${this.#records.of(effect.lease)} from ${nameOfPeer(effect.from)}`
      case 'send':
        return this.#said(member.name, effect.to, effect.message)
      case 'collect':
        member.wanted.push(...effect.wanted)
        return `collect ${effect.wanted.map((want) => `${nameOfCid(want.result)} from ${nameOfPeer(want.from)}`).join(', ')}`
      case 'recompute':
        return `recompute S${effect.position}`
      case 'lied':
        return `lied by ${effect.because}`
      case 'hold-inputs':
        return 'hold inputs'
      case 'check-census':
        return `check the census in ${this.#records.of(effect.list)}`
      case 'hold-results':
        member.fetching.push(effect.verdict)
        return `hold results of ${this.#records.of(effect.verdict)} from ${nameOfPeer(effect.from)}`
      case 'counted': {
        const [submitter] = this.#manifest.stewards
        const proven = effect.verdicts.filter(
          ({ signer }) => signer !== peerNamed(member.name) && signer !== submitter!.peer,
        )
        const named = proven.map(({ id, payload }) => {
          const shards = payload.shards.map(({ position }) => `S${position}`)
          return `${this.#records.of(id)} ${shards.join(' ')}`
        })
        return named.length === 0 ? undefined : `counts ${named.join(', ')}`
      }
      case 'tell-end':
        return `send ${nameOfPeer(effect.to)} ended`
      case 'kept':
        return 'keeps its place: nobody is willing'
      case 'recounted': {
        const leases = effect.leases.map((id) => {
          const counts = member.council!.counts(id)
          return `${this.#records.of(id)}${counts ? '' : ' no more'}`
        })
        return `counts ${leases.join(', ')}`
      }
      case 'acting':
        return effect.acting ? 'acts' : 'stands down'
      case 'ended':
        return `ended ${effect.end.outcome}: ${effect.end.reason}`
      case 'wake':
        member.wakeAtMs = effect.atMs
        return undefined
      case 'go-on':
        return 'goes on'
      case 'decided':
        return undefined // the verdict is issued, and that says all
      default:
        throw new Error(`unknown effect ${effect satisfies never}`)
    }
  }

  #said(from: string, to: PeerId, message: Message): string | undefined {
    const name = nameOfPeer(to)
    switch (message.type) {
      case 'acknowledge':
        return `send ${name} acknowledge ${this.#records.of(message.receipt)}`
      case 'withdraw':
        return `send ${name} withdraw ${this.#records.of(message.lease)}`
      case 'ended':
        return `send ${name} ended`
      case 'invite':
        this.#invitations.set(name, [
          ...(this.#invitations.get(name) ?? []),
          { from, nonce: message.nonce, place: message.place! },
        ])
        return `invite ${name}`
      default:
        this.#send(from, to, message)
        return this.#talks ? `say ${name} ${this.#records.told(message)}` : undefined
    }
  }

  // --- small things -------------------------------------------------------------------------------------------

  #print(name: string, line: string): void {
    if (this.nowMs !== this.#linesAtMs) this.#lines.push(`at ${printDuration(this.nowMs)}`)
    this.#linesAtMs = this.nowMs
    const [verb, ...rest] = line.split(' ')
    const before = this.#lines.at(-1)
    if ((verb === 'copy' || verb === 'adopt') && before?.startsWith(`${name}: ${verb} `))
      this.#lines[this.#lines.length - 1] = `${before} ${rest.join(' ')}`
    else this.#lines.push(`${name}: ${line}`)
  }
}
