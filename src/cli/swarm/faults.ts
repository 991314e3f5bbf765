/** Brings faults into a demonstration: each waits for a vehicle that has something to lose. */
import type { CastVehicle, Fault } from './cast.ts'
import type { Director } from './director.ts'
import type { Member } from './member.ts'
import type { Swarm } from './swarm.ts'

export interface Incident {
  readonly fault: Exclude<Fault, 'liar'>
  readonly member: Member
  readonly atSeconds: number
  /** The sentence of its owner's rules at that moment; null for a vehicle that was killed. */
  readonly sentence: string | null
}

/** How often vehicles are looked at while a fault waits for one that works. */
const lookIntervalMs = 50

/** Lets everything happen that is to happen. Resolves when it has, or when the signal says that it is too late for it. */
export async function strike(
  swarm: Swarm,
  cast: readonly CastVehicle[],
  faults: ReadonlySet<Fault>,
  director: Director,
  onIncident: (incident: Incident) => void,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = Date.now()
  const tell = (fault: Incident['fault'], member: Member, sentence: string | null) =>
    onIncident({ fault, member, sentence, atSeconds: (Date.now() - startedMs) / 1000 })

  const kill = async () => {
    const steady = cast.filter(({ part }) => part === 'steady').map(({ name }) => swarm.vehicle(name))
    const member = await firstAtWork(steady, 0, signal)
    if (member === undefined) return
    await member.end('SIGKILL')
    tell('kill', member, null)
  }
  const play = async (vehicle: CastVehicle) => {
    const member = swarm.vehicle(vehicle.name)
    if (vehicle.part === 'drive-off' || vehicle.part === 'hot') {
      // A vehicle that drives off has something to hand back.
      if ((await firstAtWork([member], vehicle.part === 'hot' ? 0 : 1, signal)) === undefined) return
      director.cue(vehicle)
      const sentence = await verdictOf(member, 'stop', signal)
      if (sentence !== undefined) tell(vehicle.part, member, sentence)
    } else if (vehicle.part === 'late') {
      director.cue(vehicle)
      const sentence = await verdictOf(member, 'run', signal)
      if (sentence !== undefined) tell('late', member, sentence)
    } else if (vehicle.part === 'low-charge') {
      director.cue(vehicle)
      tell('low-charge', member, (await member.node.why()).sentence)
    }
  }
  await Promise.all([...(faults.has('kill') ? [kill()] : []), ...cast.map(play)])
}

/** The sentence that comes with the first such verdict; undefined when the signal was sooner. */
async function verdictOf(member: Member, verdict: string, signal: AbortSignal): Promise<string | undefined> {
  for await (const why of member.node.watchWhy(signal)) if (why.verdict === verdict) return why.sentence
  return undefined
}

async function firstAtWork(
  members: readonly Member[],
  shardsDoneMin: number,
  signal: AbortSignal,
): Promise<Member | undefined> {
  while (!signal.aborted) {
    for (const member of members) {
      const { vehicle } = await member.node.info()
      const atWork = vehicle.slots.free < vehicle.slots.total && vehicle.leases > 0
      if (atWork && vehicle.shardsDone >= shardsDoneMin) return member
    }
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs))
  }
  return undefined
}
