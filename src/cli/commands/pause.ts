/** `carpool pause` and `carpool resume`: the owner's own word, above all rules. */
import { type Command, InvalidArgumentError } from 'commander'
import { LocalTime } from '../../protocol/rules/week.ts'
import { addOptions, resolveConfig } from '../config/config.ts'
import { formatDuration, parseDuration } from '../format.ts'
import { clientOptionNames, withNode } from '../local-node.ts'
import { print, printJson } from '../output.ts'

export function pauseCommands(program: Command): void {
  addOptions(pauseCommand(program), [...clientOptionNames, 'timeZone'])
  addOptions(resumeCommand(program), clientOptionNames)
}

function pauseCommand(program: Command): Command {
  return (
    program
      .command('pause')
      // BOINC's snooze: a pause that its owner forgets ends by itself.
      .argument('[how-long]', 'a duration such as 1h, or today, or until-told', pauseOf, 3_600_000)
      .summary('stop work on the vehicle')
      .description(
        'Stops work on the vehicle at once, for an hour unless told otherwise, even if its node restarts.',
      )
      .action(async (pause: Pause, flags: Record<string, unknown>) => {
        const { dataDir, json, timeZone } = resolveConfig([...clientOptionNames, 'timeZone'], flags)
        const nowMs = Date.now()
        const untilMs =
          pause === 'until-told'
            ? null
            : pause === 'today'
              ? LocalTime.in(timeZone).nextMidnight(nowMs)
              : nowMs + pause
        await withNode(dataDir, (node) => node.pause(untilMs, pause === 'today'))
        if (json) printJson({ event: 'paused', untilMs })
        else
          print(
            untilMs === null
              ? 'the vehicle stands still until: carpool resume'
              : `the vehicle stands still for ${formatDuration(untilMs - nowMs)}, or until: carpool resume`,
          )
      })
  )
}

function resumeCommand(program: Command): Command {
  return program
    .command('resume')
    .summary('end a pause')
    .description('Ends a pause; the other rules decide from now on.')
    .action(async (flags: Record<string, unknown>) => {
      const { dataDir, json } = resolveConfig(clientOptionNames, flags)
      const why = await withNode(dataDir, async (node) => {
        await node.resume()
        return node.why()
      })
      if (json) printJson({ event: 'resumed', verdict: why.verdict, reasons: why.reasons })
      else print(why.sentence)
    })
}

/** Milliseconds, or in words. */
type Pause = number | 'today' | 'until-told'

function pauseOf(text: string): Pause {
  if (text === 'today' || text === 'until-told') return text
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('Say a duration such as 1h, or today, or until-told.')
  }
}
