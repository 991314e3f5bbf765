/**
 * A local swarm: one submitter and some vehicles, each a process of its own with its own keys and owner, under a
 * fleet that is thrown away with them. The demonstration and the tests with real processes stand on it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  certificateText,
  charterText,
  credentialText,
  signCertificate,
  signCharter,
  signCredential,
} from '../../host/membership/certificates.ts'
import { sha256 } from '../../host/sha256.ts'
import { loadKey, loadOrCreateKey, SigningKey } from '../../host/store/keys.ts'
import { ownerIdOf } from '../../protocol/membership/owner.ts'
import { Member, type MemberOptions } from './member.ts'

export interface SwarmVehicle {
  readonly name: string
  /** Vehicles with the same owner's name belong to one owner; by default each has its own. */
  readonly owner?: string
  readonly slots?: number
  readonly program?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Flags of `carpool node`, beside those that make it a member. */
  readonly flags?: readonly string[]
  /** Its owner's rules hold it back at first: nobody waits for it to take work. */
  readonly rests?: boolean
}

export interface SwarmOptions {
  readonly vehicles: readonly SwarmVehicle[]
  /** Owners that vehicles may get later, beside those of the vehicles above. */
  readonly laterOwners?: readonly string[]
  /** Without a fleet the mesh is open. */
  readonly fleet?: boolean
  /** The share of owners' earnings that the fleet's operator keeps, in parts per million. */
  readonly operatorPpm?: number
  /** The program of members that name none of their own; the usual one by default. */
  readonly program?: string
  readonly logLevel?: string
  /** Flags of the submitter's node, beside those that make it a member. */
  readonly submitterFlags?: readonly string[]
}

export class Swarm {
  readonly folder: string
  #submitter: Member
  readonly #vehicles = new Map<string, Member>()
  readonly #owners = new Map<string, SigningKey>()
  readonly #options: SwarmOptions
  readonly #killAll = () => {
    for (const member of this.members()) if (member.isRunning) process.kill(member.pid, 'SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Resolves when the submitter knows every vehicle. Throws Error when a node does not start; nothing is left. */
  static async start(options: SwarmOptions): Promise<Swarm> {
    const folder = mkdtempSync(join(tmpdir(), 'carpool-swarm-'))
    const owners = new Map<string, SigningKey>()
    const names = ['submitter', ...options.vehicles.map(({ name, owner }) => owner ?? name)]
    for (const name of [...names, ...(options.laterOwners ?? [])]) owners.set(name, SigningKey.generate())
    if (options.fleet !== false) {
      const key = loadOrCreateKey(join(folder, 'fleet.key'), 'fleet')
      const charter = {
        name: 'swarm',
        keys: [key.peerId],
        registrars: [],
        operatorPpm: options.operatorPpm ?? 0,
        revoked: [],
      }
      writeFileSync(join(folder, 'fleet.json'), charterText(signCharter(key, charter, Date.now())))
    }
    try {
      const own = { name: 'submitter', slots: 0, flags: options.submitterFlags ?? [] }
      const submitter = await Member.start(memberOptions(folder, options, own, owners, []))
      const swarm = new Swarm(folder, submitter, owners, options)
      try {
        await Promise.all(options.vehicles.map((vehicle) => swarm.join(vehicle)))
        await swarm.untilKnown(options.vehicles.filter(({ slots, rests }) => slots !== 0 && !rests).length)
        await swarm.#untilHeardOf(options.vehicles.map(({ name }) => name))
        return swarm
      } catch (error) {
        await swarm.stop()
        throw error
      }
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  private constructor(
    folder: string,
    submitter: Member,
    owners: Map<string, SigningKey>,
    options: SwarmOptions,
  ) {
    this.folder = folder
    this.#submitter = submitter
    this.#owners = owners
    this.#options = options
    process.on('exit', this.#killAll)
  }

  get submitter(): Member {
    return this.#submitter
  }

  vehicle(name: string): Member {
    const member = this.#vehicles.get(name)
    if (member === undefined) throw new Error(`there is no vehicle ${name} in this swarm`)
    return member
  }

  vehicles(): Member[] {
    return [...this.#vehicles.values()]
  }

  members(): Member[] {
    return [this.submitter, ...this.#vehicles.values()]
  }

  /** Starts one more vehicle, or one again that has ended. By default it bootstraps through the submitter. */
  async join(
    vehicle: SwarmVehicle,
    bootstrap: readonly string[] = this.submitter.addresses,
  ): Promise<Member> {
    const options = memberOptions(this.folder, this.#options, vehicle, this.#owners, bootstrap)
    const member = await Member.start(options)
    this.#vehicles.set(vehicle.name, member)
    return member
  }

  /** Starts the submitter again, on its data, after it has ended; it comes back through a vehicle. */
  async restartSubmitter(): Promise<Member> {
    const bootstrap = this.vehicles().find((vehicle) => vehicle.isRunning)?.addresses ?? []
    const submitter = { name: 'submitter', slots: 0, flags: this.#options.submitterFlags ?? [] }
    this.#submitter = await Member.start(
      memberOptions(this.folder, this.#options, submitter, this.#owners, bootstrap),
    )
    return this.#submitter
  }

  /** Resolves when the submitter knows so many vehicles. */
  async untilKnown(vehicles: number, asked: Member = this.submitter): Promise<void> {
    for (;;) {
      const peers = await asked.node.peers()
      if (peers.filter(({ slots, mode }) => slots.total > 0 && mode === 'run').length >= vehicles) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #untilHeardOf(names: readonly string[]): Promise<void> {
    for (;;) {
      const known = new Set((await this.submitter.node.peers()).map(({ name }) => name))
      if (names.every((name) => known.has(name))) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Ends every process and removes every file. */
  async stop(): Promise<void> {
    await Promise.all(this.members().map((member) => member.end('SIGTERM')))
    process.off('exit', this.#killAll)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function memberOptions(
  folder: string,
  options: SwarmOptions,
  vehicle: SwarmVehicle,
  owners: ReadonlyMap<string, SigningKey>,
  bootstrap: readonly string[],
): MemberOptions {
  const { name, owner = name, slots = 1, program = options.program, environment } = vehicle
  const dataDir = join(folder, name)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const certificate = join(dataDir, 'owner.json')
  const key = loadOrCreateKey(join(dataDir, 'node.key'), 'node')
  writeFileSync(certificate, certificateText(signCertificate(owners.get(owner)!, key.peerId)))
  const flags = ['--listen', '/ip4/127.0.0.1/tcp/0', '--slots', String(slots), '--owner', certificate]
  if (options.fleet !== false) {
    const credential = signCredential(loadKey(join(folder, 'fleet.key')), {
      peer: key.peerId,
      vehicle: name,
      owner: ownerIdOf(sha256, owners.get(owner)!.peerId),
    })
    writeFileSync(join(dataDir, 'credential.json'), credentialText(credential))
    flags.push('--fleet', join(folder, 'fleet.json'))
  }
  for (const address of bootstrap) flags.push('--bootstrap', address)
  flags.push('--log-level', options.logLevel ?? 'warn', ...(vehicle.flags ?? []))
  return {
    name,
    dataDir,
    flags,
    ...(program === undefined ? {} : { program }),
    ...(environment === undefined ? {} : { environment }),
  }
}
