/**
 * Exports a node's figures in Prometheus' text format. No label names a job or a peer: those have no bound. Rules are
 * named by the codes that stand in adverts, in `carpool why` and in `carpool peers`.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { NodeInfo, PeerRow, WhyView } from '../host/api.ts'

/** More versions than a mesh in the middle of an upgrade has: what peers say they are has no bound. A guess. */
const versionsMax = 8

export async function metricsOf(
  info: NodeInfo,
  why: WhyView,
  peers: readonly Pick<PeerRow, 'software' | 'self'>[],
  nowMs: number,
): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers: [registry] }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers: [registry] }).inc(value)
  const { vehicle, connections, software } = info

  new Gauge({
    name: 'carpool_build_info',
    help: 'The version that runs here.',
    labelNames: ['version'],
    registers: [registry],
  })
    .labels(versionIn(software))
    .set(1)
  const byVersion = new Gauge({
    name: 'carpool_peers',
    help: 'Other vehicles that this node knows, by the version that they say they run.',
    labelNames: ['version'],
    registers: [registry],
  })
  for (const [version, count] of countVersions(peers)) byVersion.labels(version).set(count)
  gauge('carpool_connections', 'Peers that this node is connected to.', connections)
  gauge('carpool_slots', 'Leases that can run at once.', vehicle.slots.total)
  gauge('carpool_slots_free', 'Slots in which nothing runs.', vehicle.slots.free)
  gauge('carpool_leases', 'Leases under way.', vehicle.leases)
  counter('carpool_shards_done_total', 'Shards executed since the node started.', vehicle.shardsDone)
  counter('carpool_receipts_total', 'Receipts signed since the node started.', vehicle.receipts)
  counter(
    'carpool_leases_released_total',
    'Leases given back unfinished since the node started.',
    vehicle.leasesReleased,
  )

  const verdict = new Gauge({
    name: 'carpool_verdict',
    help: "The verdict of the owner's rules: 1 for the one that holds.",
    labelNames: ['verdict'],
    registers: [registry],
  })
  for (const name of ['run', 'drain', 'stop'] as const) verdict.labels(name).set(why.verdict === name ? 1 : 0)
  const held = new Gauge({
    name: 'carpool_rule_holds',
    help: '1 while this rule of the owner holds work back, by the verdict that the rule gives.',
    labelNames: ['rule', 'verdict'],
    registers: [registry],
  })
  for (const { code, verdict: says } of why.rules) held.labels(code, says).set(says === 'run' ? 0 : 1)
  if (why.availableUntilMs !== null)
    gauge(
      'carpool_available_seconds',
      'How long the vehicle will probably be there.',
      Math.max(0, (why.availableUntilMs - nowMs) / 1000),
    )
  return registry.metrics()
}

/** The most frequent ones; all others together are `other`, as is everything that is no version. */
function countVersions(peers: readonly Pick<PeerRow, 'software' | 'self'>[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const { software, self } of peers) {
    const version = versionIn(software)
    if (!self) counts.set(version, (counts.get(version) ?? 0) + 1)
  }
  let other = counts.get(otherVersion) ?? 0
  counts.delete(otherVersion)
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  for (const [, count] of sorted.splice(versionsMax)) other += count
  return other === 0 ? sorted : [...sorted, [otherVersion, other]]
}

const otherVersion = 'other'

function versionIn(software: string): string {
  return /^carpool\/(\d{1,4}\.\d{1,4}\.\d{1,4}(?:-[0-9A-Za-z.]{1,16})?)$/.exec(software)?.[1] ?? otherVersion
}
