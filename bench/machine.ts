/** What the figures were measured on; without it they say nothing. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = `${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`
  const load = loadavg().map((average) => average.toFixed(2))
  return `${availableParallelism()} cores (${model}), ${memory}, Node ${process.versions.node}, load ${load.join(' ')}`
}
