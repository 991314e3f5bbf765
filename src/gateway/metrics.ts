/**
 * Exports a node's figures in Prometheus' text format. No label names a job or a peer: those have no bound. Rules are
 * named by the codes that stand in adverts, in `carpool why` and in `carpool peers`.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { NodeInfo, WhyView } from '../host/api.ts'

export async function metricsOf(info: NodeInfo, why: WhyView, nowMs: number): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers: [registry] }).set(value)
  const counter = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers: [registry] }).inc(value)
  const { vehicle, connections, software } = info

  new Gauge({
    name: 'carpool_info',
    help: 'The running software.',
    labelNames: ['software'],
    registers: [registry],
  })
    .labels(software)
    .set(1)
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
