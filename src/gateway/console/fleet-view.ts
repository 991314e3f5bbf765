/** The operator's view: the vehicles around this node with what holds them back, what they offer, and who waits to join; and the operator's word. */
import type { Hono } from 'hono'
import { z } from 'zod'
import type { FleetMember, NodeApi, PeerRow } from '../../host/api.ts'
import { RequestError } from '../../host/errors.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import { rosterLagMs } from '../../protocol/limits.ts'
import type { AppContext, AppEnv } from '../app-context.ts'
import { readJson } from '../body.ts'
import { wrong } from '../errors.ts'
import { capacityOf, type Sample } from '../samples.ts'
import type { ViewParts } from './view-parts.ts'

/** Thousands of rows would stop the browser, and nobody reads them. */
const rowsMax = 200
/** An age is true for a while: else each look would be news. */
const ageStepMs = 10_000
/** Points of the chart over the day: five minutes each. */
const pointsMax = 288

/** `filter`: words that are in the name, the reason, the software, the owner or the mode of a vehicle. */
export function fleetView({ node, samples }: AppContext, filter: string): ViewParts {
  const { name, fleet } = node.api.info()
  const peers = node.api.peers().filter(({ slots }) => slots.total > 0)
  const sought = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const found = peers
    .map(shown)
    .filter((row) => sought.every((word) => textOf(row).includes(word)))
    .sort((a, b) => urgency(a) - urgency(b) || (a.name < b.name ? -1 : 1))
  const versions = Map.groupBy(peers, ({ software }) => software)
  const capacity = capacityOf(peers)
  return {
    fleet: {
      node: name,
      name: fleet?.name ?? null,
      isRegistrar: fleet?.isRegistrar === true,
      vehicles: {
        total: peers.length,
        work: peers.filter((peer) => peer.mode === 'run' && !isSilent(peer)).length,
        held: peers.filter((peer) => peer.mode !== 'run' && !isSilent(peer)).length,
        silent: peers.filter(isSilent).length,
      },
      capacity,
      versions: [...versions]
        .map(([software, rows]) => ({ software, count: rows.length }))
        .sort((a, b) => b.count - a.count)
        .slice(0, 20),
    },
    vehicles: { filter, found: found.length, rows: found.slice(0, rowsMax) },
    members: fleet?.isRegistrar === true ? membersOf(node.api, sought) : null,
    day: pointsOf(samples.list()),
  }
}

function isSilent({ ageMs, self }: PeerRow): boolean {
  return !self && ageMs > rosterLagMs
}

function shown(peer: PeerRow) {
  const { name, owner, mode, reasons, slots, software, connected, banned, self } = peer
  return {
    peer: peer.peer,
    name,
    owner,
    mode: isSilent(peer) ? 'silent' : mode,
    reasons,
    slots,
    software,
    connected,
    banned,
    self,
    ageMs: Math.floor(peer.ageMs / ageStepMs) * ageStepMs,
  }
}

type Shown = ReturnType<typeof shown>

function textOf({ name, owner, mode, reasons, software, peer }: Shown): string {
  return [name, owner, mode, ...reasons, software, peer].join(' ').toLowerCase()
}

/** Liars come first, then the silent, then those that stand still. */
function urgency({ banned, mode }: Shown): number {
  return banned ? 0 : ['silent', 'stop', 'drain', 'run'].indexOf(mode) + 1
}

function membersOf(api: Pick<NodeApi, 'fleetMembers'>, sought: readonly string[]) {
  const all = api.fleetMembers()
  const waiting = all.filter(({ state }) => state === 'pending').sort((a, b) => a.sinceMs - b.sinceMs)
  const others = all
    .filter(
      ({ state, ...row }) => state !== 'pending' && sought.every((word) => memberText(row).includes(word)),
    )
    .sort((a, b) => b.sinceMs - a.sinceMs)
  return {
    waiting: { count: waiting.length, rows: waiting.slice(0, rowsMax).map(memberShown) },
    others: { count: others.length, rows: others.slice(0, rowsMax).map(memberShown) },
  }
}

function memberText({ vehicle, peer, owner }: Pick<FleetMember, 'vehicle' | 'peer' | 'owner'>): string {
  return `${vehicle} ${peer} ${owner ?? ''}`.toLowerCase()
}

/** Without the address from which it asked, which would say where it is. */
function memberShown({ peer, vehicle, owner, state, sinceMs }: FleetMember) {
  return { peer, vehicle, owner, state, sinceMs }
}

function pointsOf(samples: readonly Sample[]) {
  const perPoint = Math.max(1, Math.ceil(samples.length / pointsMax))
  const points: { readonly atMs: number; readonly capacity: Sample['capacity'] }[] = []
  // From the newest on, so that a point stays the same as long as it is shown.
  for (let end = samples.length; end > 0; end -= perPoint) {
    const { atMs, capacity } = samples[end - 1]!
    points.unshift({ atMs, capacity })
  }
  return points
}

const peerSchema = z.string().min(1).max(128)
const oneSchema = z.strictObject({ peer: peerSchema })
const manySchema = z.strictObject({ peers: z.array(peerSchema).min(1).max(rowsMax) })

export function fleetRoutes(app: Hono<AppEnv>, { node }: AppContext): void {
  // All that wait are those that the page has shown, each by its name: somebody who asks meanwhile is not among them.
  app.post('/api/fleet/approve', async (c) => {
    const { peers } = read(manySchema, await readJson(c.env.incoming))
    return c.json(eachOf(peers, (peer) => node.api.fleetApprove(peer)))
  })
  app.post('/api/fleet/reject', async (c) => {
    const { peers } = read(manySchema, await readJson(c.env.incoming))
    return c.json(eachOf(peers, (peer) => node.api.fleetReject(peer)))
  })
  app.post('/api/fleet/revoke', async (c) => {
    const { peer } = read(oneSchema, await readJson(c.env.incoming))
    return c.json(eachOf([peer], (id) => node.api.fleetRevoke(id as PeerId | OwnerId)))
  })
}

function read<Value>(schema: z.ZodType<Value>, body: unknown): Value {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw wrong(`${path.join('.') || 'the body'}: ${message}`, path.join('.'))
}

/** One that cannot be done does not keep the others from it. */
function eachOf(peers: readonly string[], act: (peer: PeerId) => unknown) {
  const refused: { readonly peer: string; readonly why: string }[] = []
  for (const peer of peers)
    try {
      act(peer as PeerId)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      refused.push({ peer, why: error.message })
    }
  return { done: peers.length - refused.length, refused }
}
