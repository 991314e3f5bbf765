/** Says what became of test files: a line for each as it ends, and in the end everything that went wrong. */
import type { FileOutcome, Result } from './outcome.ts'

/** One line, and under it the file's tests if they are to be named. */
export function headOf(outcome: FileOutcome, withNames: boolean): string {
  const { file, results, broken } = outcome
  const isGood = broken === null && failedOf(outcome).length === 0
  const seconds = `${outcome.seconds.toFixed(1).padStart(6)} s ${outcome.cpuSeconds.toFixed(1).padStart(6)} CPU-s`
  const lines = [
    `${isGood ? 'ok    ' : 'FAILED'} ${seconds} ${`${results.length}`.padStart(4)} tests  ${file}`,
  ]
  if (withNames)
    for (const { type, name, ms } of results) lines.push(`  ${type.padEnd(7)} ${name} (${Math.round(ms)} ms)`)
  return lines.join('\n')
}

/** `fileCount`: the files that there were to run. */
export function summaryOf(
  outcomes: readonly FileOutcome[],
  fileCount: number,
  { seconds, cpuSeconds }: { readonly seconds: number; readonly cpuSeconds: number },
): { readonly text: string; readonly ok: boolean } {
  const lines: string[] = []
  for (const outcome of outcomes) lines.push(...troubleOf(outcome))
  for (const { file, results } of outcomes)
    for (const { type, name, why } of results)
      if (type === 'skipped') lines.push(`skipped: ${name} (${file})${why === '' ? '' : `: ${why}`}`)

  const all = outcomes.flatMap(({ results }) => results)
  const count = (wanted: Result['type']) => all.filter(({ type }) => type === wanted).length
  const declared = outcomes.reduce((sum, outcome) => sum + outcome.declared, 0)
  const broken = outcomes.filter((outcome) => outcome.broken !== null).length
  const failed = count('failed') + broken
  if (fileCount === 0) lines.push('there is no such test file')
  lines.push('')
  const spent = `${Math.round(seconds)} s, ${Math.round(cpuSeconds)} s of CPU`
  lines.push(`${outcomes.length} of ${fileCount} files in ${spent}`)
  lines.push(`${declared} tests declared, ${all.length} reported`)
  lines.push(`${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`)
  const isComplete = outcomes.length === fileCount && declared === all.length && all.length > 0
  return { text: lines.join('\n'), ok: isComplete && failed === 0 }
}

function failedOf({ results }: FileOutcome): readonly Result[] {
  return results.filter(({ type }) => type === 'failed')
}

/** Everything that helps to understand a file that failed; nothing for others. */
function troubleOf(outcome: FileOutcome): string[] {
  const { file, broken, said, output } = outcome
  const failed = failedOf(outcome)
  if (broken === null && failed.length === 0) return []
  const lines = ['']
  if (broken !== null) lines.push(`FAILED ${file}: ${broken}`)
  for (const { name, why } of failed) lines.push(`FAILED ${name} (${file})`, indented(why))
  if (said.length > 0) lines.push('what its tests said:', indented(said.join('\n')))
  if (output.trim() !== '') lines.push('the end of what it printed:', indented(output.trimEnd()))
  return lines
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
