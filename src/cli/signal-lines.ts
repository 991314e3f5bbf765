/** The signals that Carpool reads, as help and docs/signals.md list them. */
import { freshMs } from '../protocol/rules/freshness.ts'
import { countedSignals, signalList } from '../protocol/rules/signal-list.ts'
import type { SignalPath } from '../protocol/rules/signals.ts'

const paths = Object.keys(signalList) as SignalPath[]

/** For help: each with its values. */
export function signalLines(): string[] {
  return paths
    .filter((path) => !countedSignals.has(path))
    .map((path) => `  ${path} (${signalList[path].values})`)
}

/** The text of docs/signals.md. */
export function signalsDocument(): string {
  const rows = paths.map((path) => {
    const { values, rules } = signalList[path]
    const uses = rules.length > 0 ? rules.join(', ') : 'counts what work draws'
    const source = countedSignals.has(path) ? 'the node counts it' : 'a source'
    return `| \`${path}\` | ${values} | ${uses} | ${freshMs[path] / 1_000} s | ${source} |`
  })
  return `# Signals

These are all signals that Carpool reads. Names and units are those of COVESA VSS 6; those that begin with \`Carpool\` have no name
there. A value that is older than its time in the table says nothing, and a rule that waits for it holds work back; \`carpool why\`
then names the path, and those like it that came instead. What is worth a rule is in \`carpool help node\`.

| signal | values | rules that read it | believed for | comes from |
|---|---|---|---|---|
${rows.join('\n')}

Any source may send them: \`{"Vehicle.Speed": 0, "Carpool.Energy.SurplusWatts": 1250}\` is a line of a program that \`--signals command:…\`
names. VISS servers and KUKSA databrokers are asked for those that begin with \`Vehicle\`.
\`Vehicle.Powertrain.TractionBattery.Charging.IsChargingCableConnected\`, as VSS 4 and 5 call it, is taken for the cable of VSS 6.
`
}
