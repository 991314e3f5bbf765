/**
 * Runs commands one after the other, in one process: what each of them wrote, and its exit code. For tests of what commands say,
 * where a process for each would be nearly all of the work. On stdin it gets a line of JSON for each command, its arguments; on
 * stdout it answers with a line of JSON for each. It ends with its stdin.
 */
import { createInterface } from 'node:readline'
import { main } from '../../src/cli/main.ts'

// This process is no command's own: no command has to end it with npm.
delete process.env.npm_execpath

const answer = process.stdout.write.bind(process.stdout)
for await (const line of createInterface({ input: process.stdin })) {
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
  await main(JSON.parse(line) as string[])
  answer(`${JSON.stringify({ code: Number(process.exitCode), ...said })}\n`)
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error')
  process.removeAllListeners('disconnect')
}
process.exitCode = 0
