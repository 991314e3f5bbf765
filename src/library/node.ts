/** A node in a program's own process. */
import { resolve } from 'node:path'
import { connectLocal, type LocalClient } from '../host/local/client.ts'
import { type LocalServer, serveLocal } from '../host/local/server.ts'
import { CarpoolNode as HostNode } from '../host/node/node.ts'
import type { Job, NodeOptions, NodeStatus, Peer, Submission } from './contract.ts'
import { NodeJob, submitTo } from './job.ts'
import { hostOptions, logOf } from './node-options.ts'

/**
 * A node of the mesh: it submits jobs, executes those of others where it has slots, and looks after some. The `carpool` command with
 * the same data directory asks it as it asks any node (`carpool why --data-dir …`).
 *
 * A disk that cannot be trusted any more ends the whole process: what the node said would rest on bytes that are gone.
 */
export class CarpoolNode {
  readonly #node: HostNode
  readonly #server: LocalServer
  readonly #client: LocalClient
  #stopping: Promise<void> | undefined

  /**
   * Starts a node, and resolves when it listens. Throws RequestError for options that cannot be met, and an Error of one sentence where
   * the folder is in use, a file is no key or an address cannot be had; then nothing is left open.
   */
  static async start(options: NodeOptions): Promise<CarpoolNode> {
    const log = logOf(options)
    const dataDir = resolve(options.dataDir)
    const node = await HostNode.start(await hostOptions(options, log))
    try {
      const server = await serveLocal(node.api, dataDir, log)
      const client = await connectLocal(dataDir)
      if (client === undefined) throw new Error(`the local socket in ${dataDir} does not answer`)
      return new CarpoolNode(node, server, client)
    } catch (error) {
      await node.stop()
      throw error
    }
  }

  private constructor(node: HostNode, server: LocalServer, client: LocalClient) {
    this.#node = node
    this.#server = server
    this.#client = client
  }

  /** Multiaddrs for others' `bootstrap`, the most useful first. */
  get addresses(): readonly string[] {
    return this.#node.api.info().addresses
  }

  status(): NodeStatus {
    const { peer, name, owner, addresses, fleet, connections, vehicle } = this.#node.api.info()
    const { sentence } = this.#node.api.why()
    return {
      peer,
      name,
      owner,
      addresses,
      fleet: fleet === null ? null : fleet.state,
      connections,
      slots: { total: vehicle.slots.total, free: vehicle.slots.free },
      mode: vehicle.mode,
      why: sentence,
    }
  }

  /** Lists the nodes that this one knows, itself among them. */
  peers(): Peer[] {
    return this.#node.api.peers().map(({ peer, name, owner, software, slots, mode, engines, connected }) => ({
      peer,
      name,
      owner,
      software,
      slots: { total: slots.total, free: slots.free },
      mode,
      engines: engines.map(({ runtime, engine }) => `${runtime}/${engine}`),
      connected,
    }))
  }

  /**
   * Reads the documents, signs a job and starts it; the same submission twice is the same job. Resolves when it has begun. Throws
   * RequestError, a sentence for the person who asked; then nothing has left the machine.
   */
  async submit(submission: Submission): Promise<Job> {
    return submitTo(this.#client, submission)
  }

  /** Returns a job of this node by its id, or by any unambiguous beginning of it. Throws RequestError. */
  async job(id: string): Promise<Job> {
    const { job } = await this.#client.status(id)
    return new NodeJob(this.#client, job)
  }

  /** The ids of all jobs that this node has, those of others that it looks after among them. */
  jobs(): string[] {
    return this.#node.api.jobs().map(({ job }) => job)
  }

  /** The owner's word: all work stands still at once, for so many milliseconds or, left out, until `resume`; also after a restart. */
  pause(ms?: number): void {
    this.#node.api.pause(ms === undefined ? null : Date.now() + ms)
  }

  resume(): void {
    this.#node.api.resume()
  }

  /** Hands back leases with what is done, says goodbye to the mesh, and frees everything. Jobs go on with the next start, or at standbys. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#client.close()
    await this.#server.close()
    await this.#node.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
