/**
 * Runs commands one after the other, in one process: what each of them wrote, and its exit code. For tests of what commands say,
 * where a process for each would be nearly all of the work. Its argument: their arguments, as JSON; its answer on stdout, as JSON.
 */
import { main } from '../../src/cli/main.ts'

const answers: { code: number; out: string; err: string }[] = []
const answer = process.stdout.write.bind(process.stdout)
for (const args of JSON.parse(process.argv[2]!) as string[][]) {
  const said = { out: '', err: '' }
  process.stdout.write = (text) => {
    said.out += text
    return true
  }
  process.stderr.write = (text) => {
    said.err += text
    return true
  }
  process.exitCode = 0
  await main(args)
  answers.push({ code: Number(process.exitCode), ...said })
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error')
}
process.exitCode = 0
answer(JSON.stringify(answers))
