/** `carpool service`: a node that starts with the machine, by the owner's own systemd. */
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { addOptions, resolveConfig } from '../config/config.ts'
import { CommandFailure } from '../failure.ts'
import { quoted } from '../format.ts'
import { clientOptionNames } from '../local-node.ts'
import { note, print, printJson } from '../output.ts'
import { unitFor, unitName } from '../service-unit.ts'

const launcher = fileURLToPath(new URL('../../../bin/carpool.js', import.meta.url))

interface InstallFlags {
  readonly print?: boolean
  readonly system?: boolean
}

export function serviceCommand(program: Command): void {
  const service = program
    .command('service')
    .summary('run the node as a service of your systemd')
    .description(
      'Runs the node as a service of your own systemd: it starts with the machine and is started again when it fails. Its options are those of the data directory’s file: carpool config set.',
    )
  const install = service
    .command('install')
    .summary('make the service, and start it')
    .option('--print', 'only print the unit')
    .option('--system', 'with --print: a unit for the machine’s systemd, under a user of its own')
    .action((flags: InstallFlags & Record<string, unknown>) => installService(flags))
  const uninstall = service
    .command('uninstall')
    .summary('stop the service and remove it; the data directory stays')
    .action((flags: Record<string, unknown>) => uninstallService(flags))
  const status = service
    .command('status')
    .summary('tell whether the service is there and runs')
    .action((flags: Record<string, unknown>) => serviceStatus(flags))
  for (const command of [install, uninstall, status]) addOptions(command, clientOptionNames)
  install.addHelpText(
    'after',
    `
Examples:
  $ carpool config set bootstrap /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…
  $ carpool service install                                    asks for no root
  $ carpool service install --print --system > carpool.service   for /etc/systemd/system`,
  )
}

async function installService(flags: InstallFlags & Record<string, unknown>): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const unit = unitFor({
    node: process.execPath,
    launcher,
    dataDir: flags.system === true ? null : dataDir,
  })
  if (flags.print === true) {
    for (const line of unit.trimEnd().split('\n')) print(line)
    return
  }
  if (flags.system === true)
    throw new CommandFailure('a unit for the machine is yours to put in place: add --print')
  if (/[/\\]_npx[/\\]/.test(launcher))
    throw new CommandFailure(
      'npx will delete this copy of carpool; install it first, with npm install --global',
    )
  const path = unitPath()
  // Before anything is written, where there is no systemd to be asked.
  await systemctl('daemon-reload')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, unit)
  await systemctl('daemon-reload')
  await systemctl('enable', '--now', unitName)
  if (json) printJson({ event: 'installed', unit: path, dataDir })
  else {
    print(`the service runs, and starts when you log in; its unit is ${path}`)
    note('to have it run while nobody is logged in: loginctl enable-linger')
    note(`to change its options: carpool config set <option> <value> --data-dir ${quoted(dataDir)}`)
  }
}

async function uninstallService(flags: Record<string, unknown>): Promise<void> {
  const { dataDir, json } = resolveConfig(clientOptionNames, flags)
  const path = unitPath()
  await systemctl('disable', '--now', unitName)
  rmSync(path, { force: true })
  await systemctl('daemon-reload')
  if (json) printJson({ event: 'uninstalled', unit: path })
  else print(`the service is gone; keys, jobs and earnings are still in ${dataDir}`)
}

async function serviceStatus(flags: Record<string, unknown>): Promise<void> {
  const { json } = resolveConfig(clientOptionNames, flags)
  const properties = 'LoadState,UnitFileState,ActiveState,SubState,MainPID'
  const said = await systemctl('show', unitName, `--property=${properties}`)
  const facts = new Map(said.split('\n').map((line) => line.split('=', 2) as [string, string]))
  const [load, enabled, active, sub, pid] = properties.split(',').map((name) => facts.get(name) ?? '')
  if (load === 'not-found')
    throw new CommandFailure('there is no service; make one with: carpool service install')
  if (json) printJson({ unit: unitName, enabled, active, sub, pid: Number(pid) })
  else print(`${unitName} is ${enabled}, ${active} (${sub})${pid === '0' ? '' : `, process ${pid}`}`)
  if (active !== 'active') process.exitCode = 1
}

function unitPath(): string {
  const { XDG_CONFIG_HOME } = process.env
  try {
    return join(XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd', 'user', unitName)
  } catch (error) {
    throw new CommandFailure('this user has no home directory, and so no services of its own', undefined, {
      cause: error,
    })
  }
}

/** Throws CommandFailure with systemd's own words. */
async function systemctl(...args: string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('systemctl', ['--user', ...args])
    return stdout
  } catch (error) {
    const { code, stderr = '', message } = error as NodeJS.ErrnoException & { readonly stderr?: string }
    const why = code === 'ENOENT' ? 'there is no systemctl' : (stderr.trim().split('\n')[0] ?? '') || message
    throw new CommandFailure(
      `the services of this user cannot be managed: ${why}; the unit is printed by: carpool service install --print`,
      undefined,
      { cause: error },
    )
  }
}
