/**
 * The unit by which systemd runs a node: for an owner's own manager, or for the machine's.
 *
 * The options of the node stand in the file of its data directory (`carpool config set`), and nowhere else. What hardens it leaves it
 * the namespaces that it confines its work with (src/host/executor/isolation.ts), and memory that is written and then executed: V8
 * compiles.
 */
import { stopMsMax } from './config/lifetime-options.ts'

export const unitName = 'carpool.service'

/** Long enough for the page or the answer under way. */
const drainMs = 60_000
/** The node ends by itself at its deadline; this is for one that does not. */
const killAfterMs = drainMs + 3 * stopMsMax
/** A node that has said nothing for so long hangs. A busy disk holds one for seconds. A guess. */
const watchdogMs = 180_000

export interface UnitOptions {
  /** Absolute: Node itself, and the launcher, so that the service is one process. */
  readonly node: string
  readonly launcher: string
  /** Null: the one that systemd makes for a service of the machine. */
  readonly dataDir: string | null
}

const hardening = [
  'UMask=0077',
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=user net mnt ipc uts',
  'SystemCallArchitectures=native',
]

const machineHardening = [
  'DynamicUser=yes',
  'StateDirectory=carpool',
  'StateDirectoryMode=0700',
  'CapabilityBoundingSet=',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'PrivateTmp=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectControlGroups=yes',
]

export function unitFor({ node, launcher, dataDir }: UnitOptions): string {
  const isMachines = dataDir === null
  const folder = isMachines ? '%S/carpool' : quotedForSystemd(dataDir)
  const command = [quotedForSystemd(node), quotedForSystemd(launcher), 'node', '--data-dir', folder]
  return [
    '[Unit]',
    'Description=Carpool: pools the idle computer of a parked vehicle',
    ...(isMachines ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '',
    '[Service]',
    'Type=notify',
    '# Node tells systemd by systemd-notify, a process of its own.',
    'NotifyAccess=all',
    `WatchdogSec=${watchdogMs / 1000}`,
    `ExecStart=${[...command, '--drain-deadline', `${drainMs / 1000}s`].join(' ')}`,
    '# Its file of options is read again.',
    'ExecReload=/bin/kill -HUP $MAINPID',
    '# The node ends its processes itself, once their work is handed in.',
    'KillMode=mixed',
    `TimeoutStopSec=${killAfterMs / 1000}`,
    'TimeoutStartSec=180',
    'Restart=on-failure',
    'RestartSec=10',
    '# An owner’s programs go first: half the share of any other service, and slots, which are nicer still, last of what is in it.',
    '# The weight also keeps Linux from giving each slot the share of a whole session (autogroups, sched(7)), where niceness is void.',
    'CPUWeight=50',
    'Nice=10',
    '# glibc keeps memory apart for each thread that ever asked for some: 2 MiB of an idle node’s.',
    'Environment=MALLOC_ARENA_MAX=1',
    ...hardening,
    ...(isMachines ? machineHardening : []),
    '',
    '[Install]',
    `WantedBy=${isMachines ? 'multi-user.target' : 'default.target'}`,
    '',
  ].join('\n')
}

/** systemd.service(5): quotes around what has spaces in it, and what it would replace doubled. */
function quotedForSystemd(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w@%+=:,./$-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
