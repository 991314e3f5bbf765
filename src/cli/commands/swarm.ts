/** `carpool swarm`: a placeholder that registers nothing. */
import type { Command } from 'commander'

export function swarmCommand(_program: Command): void {}
