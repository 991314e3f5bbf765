/**
 * News for systemd, from a node that runs as a service of Type=notify: that it is ready, that it lives, that it stops.
 *
 * They go to a datagram socket of the system's, which Node cannot open; systemd's own tool can, and is there where systemd is. The
 * pulse is a timer of the event loop: a node whose loop stands still is started again.
 */
import { execFile } from 'node:child_process'

export interface ServiceManager {
  ready(): void
  /** The pulse goes on: finishing the work under way takes longer than systemd waits for one. */
  stopping(): void
  /** Nothing more is said. */
  stopped(): void
}

const silent: ServiceManager = { ready: () => {}, stopping: () => {}, stopped: () => {} }

/** Takes the variables of systemd out of `environment`, since no process that this one starts is to speak for it. */
export function serviceManager(
  environment: NodeJS.ProcessEnv = process.env,
  tool = 'systemd-notify',
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: pulse } = environment
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
  if (socket === undefined || socket === '') return silent
  const say = (...words: string[]) => {
    // Nobody to tell is no reason to end: systemd ends what does not speak.
    execFile(tool, words, { env: { PATH: environment.PATH, NOTIFY_SOCKET: socket } }, () => {})
  }
  const pulseMs = Math.floor(Number(pulse) / 2_000)
  let beating: NodeJS.Timeout | undefined
  return {
    ready: () => {
      say('READY=1')
      if (pulseMs > 0) beating = setInterval(() => say('WATCHDOG=1'), pulseMs).unref()
    },
    stopping: () => say('STOPPING=1'),
    stopped: () => clearInterval(beating),
  }
}
