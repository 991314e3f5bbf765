/**
 * Random councils: whatever links break and whichever stewards are killed and restored, once all is whole again the
 * stewards have the same records, and the job ends with its results. Vehicles are honest and bring their receipts to any steward.
 *
 *   CARPOOL_SEED=17 node test/protocol/council-world.test.ts        replays one, and prints what happened
 *   CARPOOL_COUNCILS=1000 node test/protocol/council-world.test.ts  so many more of them
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import { CouncilStage } from '../support/core-council-stage.ts'
import { sha256 } from '../support/core-fakes.ts'
import { parseCommand } from '../support/core-script.ts'

const given = process.env.CARPOOL_SEED
const count = Number(process.env.CARPOOL_COUNCILS ?? 4)
const seeds = given === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(given)]

const roster = 'roster v1:o1 v2:o2 v3:o3 v4:o4 d:d:slots=0 e:e:slots=0'

class World {
  readonly trace: string[] = []
  readonly members: Set<string>
  readonly #stage = new CouncilStage()
  readonly #chance: RandomStream
  readonly #down = new Set<string>()
  readonly #crashed = new Set<string>()
  /** What is still to be answered: commands, by who must run for them. */
  #open: { readonly member: string; readonly command: string }[] = []
  readonly #shardsOf = new Map<string, string>()
  readonly #offered = new Set<string>()
  #slow = true

  constructor(seed: number) {
    this.#chance = new RandomStream(sha256, fromString(`council ${seed}`), 'world')
    const stewards = ['a', 'b', 'c'].slice(0, 2 + this.below(2))
    this.members = new Set(stewards)
    this.play(`council stewards=${stewards.join(',')} shards=${4 + this.below(40)} deadline=10h`)
    this.play('submit')
    this.play(roster)
  }

  below(bound: number): number {
    return this.#chance.below(bound)
  }

  play(command: string): string[] {
    this.trace.push(`> ${command}`)
    const lines = this.#stage.run(parseCommand(command))
    this.trace.push(...lines)
    for (const line of lines) this.#read(line)
    return lines
  }

  trouble(): void {
    const [one, other] = [this.#anyone(), this.#anyone()]
    const kind = this.below(6)
    if (kind === 0 && one !== other) this.#set('down', one, other)
    else if (kind === 1) this.#set('up', one, other)
    else if (kind === 2 && this.#crashed.size + 1 < this.members.size) this.#crash(one)
    else if (kind === 3) this.#restore(one)
    this.pass(1 + this.below(this.below(4) === 0 ? 70 : 8))
  }

  heal(): void {
    this.#slow = false
    for (const link of [...this.#down]) this.#set('up', ...(link.split(' ') as [string, string]))
    for (const member of [...this.#crashed]) this.#restore(member)
  }

  pass(seconds: number): void {
    for (let i = 0; i < seconds; i += 1) {
      this.play('wait 1s')
      this.#answer()
    }
  }

  /** Most is answered within a second or two. Vehicles take a minute for a lease, and say that they live. */
  #answer(): void {
    const open = this.#open
    this.#open = []
    for (const { member, command } of open) {
      const isReceipt = command.startsWith('receipt')
      const waits = isReceipt ? this.#slow && this.below(40) > 0 : this.below(4) === 0
      if (this.#crashed.has(member) && !isReceipt && !command.startsWith('inputs')) continue
      if (waits || this.#crashed.has(member))
        this.#open.push({ member: isReceipt ? this.#anyone() : member, command })
      else this.play(command.replace('?', member))
      if (isReceipt && waits && this.below(3) === 0)
        for (const steward of this.members) this.play(`progress ${steward} ${command.split(' ')[2]}`)
    }
  }

  #read(line: string): void {
    const [who, verb, ...rest] = line.split(' ')
    const member = who!.replace(':', '')
    if (verb === 'issue' && rest[1] === 'lease') this.#shardsOf.set(rest[0]!, rest.slice(3).join(' '))
    else if (verb === 'offer') this.#take(member, rest[0]!)
    else if (verb === 'collect')
      for (const [, result] of line.matchAll(/(r\d+) from/g)) this.#owe(member, `examine ${member} ${result}`)
    else if (verb === 'hold' && rest[0] === 'inputs') this.#owe(member, `inputs ${member}`)
    else if (verb === 'hold')
      this.#open.push({ member, command: `results ${member}${this.below(3) === 0 ? ' missing' : ''}` })
    else if (verb === 'invite') this.#owe(rest[0]!, `willing ${rest[0]}`)
    else if (verb === 'entrust') this.members.add(rest[0]!)
    else if (verb === 'leaves:') this.#leave(member)
  }

  /** The vehicle accepts the lease, and finishes its shards once; its receipt goes to whichever steward it finds. */
  #take(member: string, lease: string): void {
    this.#open.push({ member, command: `accept ${member} ${lease}` })
    if (this.#offered.has(lease)) return
    this.#offered.add(lease)
    const results = this.#shardsOf.get(lease)!.replace(/S(\d+)/g, 'S$1=r$1')
    this.#open.push({ member: this.#anyone(), command: `receipt ? ${lease} ${results}` })
  }

  #owe(member: string, command: string): void {
    if (!this.#open.some((owed) => owed.command === command)) this.#open.push({ member, command })
  }

  #anyone(): string {
    return [...this.members][this.below(this.members.size)]!
  }

  #set(verb: 'down' | 'up', one: string, other: string): void {
    const link = one < other ? `${one} ${other}` : `${other} ${one}`
    if (one === other || this.#down.has(link) === (verb === 'down')) return
    if (verb === 'down') this.#down.add(link)
    else this.#down.delete(link)
    this.play(`${verb} ${link}`)
  }

  #crash(member: string): void {
    if (this.#crashed.has(member)) return

    this.#crashed.add(member)
    this.#open = this.#open.filter(
      ({ member: whose, command }) => whose !== member || /^(inputs|receipt)/.test(command),
    )
    this.play(`crash ${member}`)
  }

  /** It has no place any more, and forgets the job. */
  #leave(member: string): void {
    this.members.delete(member)
    this.#crashed.delete(member)
    this.#open = this.#open.filter(
      ({ member: whose, command }) => whose !== member && !command.startsWith(`inputs ${member}`),
    )
  }

  #restore(member: string): void {
    if (!this.#crashed.delete(member)) return
    this.#open = this.#open.filter(({ command }) => command !== `inputs ${member}`)
    this.play(`restore ${member}`)
  }
}

for (const seed of seeds)
  test(`in council ${seed} the stewards agree in the end, and the job is done`, () => {
    const world = new World(seed)
    try {
      for (let step = 0; step < 25; step += 1) world.trouble()
      world.heal()
      world.pass(150)
      const views = [...world.members].map((member) => world.play(`view ${member}`)[0]!)
      for (const view of views) {
        assert.match(view, /ended complete, all is here/)
        assert.doesNotMatch(view, /contradicted/)
      }
      assert.equal(world.play('compare').at(-1), 'the roots are equal')
      for (const view of views)
        assert.match(view, /stewards a( \(lost\))? b/, 'those of the manifest have a place for everybody')
    } catch (error) {
      if (given !== undefined) for (const line of world.trace) process.stdout.write(`${line}\n`)
      throw new Error(`CARPOOL_SEED=${seed} replays this`, { cause: error })
    }
  })
