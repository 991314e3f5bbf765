/** A job in the hands of the program that submitted it. */
import { resolve } from 'node:path'
import type { JobStatus as HostStatus, Submitted } from '../host/api.ts'
import { RequestError } from '../host/errors.ts'
import type { LocalClient } from '../host/local/client.ts'
import type { Job, JobPlan, JobStatus, Result, Submission } from './contract.ts'
import { DocumentLines } from './documents.ts'
import { requestOf } from './submission.ts'

/** `close`: what is done when the handle is closed. Throws RequestError. */
export async function submitTo(
  node: LocalClient,
  submission: Submission,
  close?: () => Promise<void>,
): Promise<Job> {
  const request = requestOf(submission)
  const lines = submission.documents && new DocumentLines(submission.documents)
  try {
    const submitted = await node.submit(request, () => {}, lines?.lines())
    return new NodeJob(node, submitted.job, planOf(submitted), close)
  } catch (error) {
    // A node says "stdin" of documents that a command hands on; a program has none.
    if (error instanceof RequestError)
      throw new RequestError(error.message.replace(/^stdin, line /, 'document '))
    throw error
  } finally {
    lines?.remove()
  }
}

export class NodeJob implements Job {
  readonly id: string
  readonly plan: JobPlan | null
  readonly #node: LocalClient
  readonly #close: () => Promise<void>

  constructor(
    node: LocalClient,
    id: string,
    plan: JobPlan | null = null,
    close: () => Promise<void> = async () => {},
  ) {
    this.#node = node
    this.id = id
    this.plan = plan
    this.#close = close
  }

  async status(): Promise<JobStatus> {
    return statusOf(await this.#node.status(this.id))
  }

  async *watch(
    signal: AbortSignal = new AbortController().signal,
  ): AsyncGenerator<JobStatus, void, undefined> {
    for await (const status of this.#node.watch(this.id, signal)) yield statusOf(status)
  }

  async ended(): Promise<JobStatus> {
    for await (const status of this.watch()) if (status.state !== 'running') return status
    return this.status()
  }

  async *results(): AsyncGenerator<Result, void, undefined> {
    yield* this.#node.followResults(this.id)
  }

  async *resultsInOrder(): AsyncGenerator<Result, void, undefined> {
    yield* this.#node.results(this.id)
  }

  async cancel(): ReturnType<Job['cancel']> {
    const { state, hadEnded } = await this.#node.cancel(this.id)
    return { state, hadEnded }
  }

  async report(path: string): Promise<{ readonly bytes: number }> {
    const { bytes } = await this.#node.report(this.id, resolve(path))
    return { bytes }
  }

  close(): Promise<void> {
    return this.#close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Without what is the node's own affair. */
function planOf(submitted: Submitted): JobPlan {
  const { documents, pages, shards, engine, replicas, errorBound, known, refused } = submitted
  const named = refused.map(({ what, count, documents: names }) => ({ what, count, documents: names }))
  return { documents, pages, shards, engine, replicas, errorBound, known, refused: named }
}

function statusOf(status: HostStatus): JobStatus {
  const { job, state, reason, code, pages, shards, executions, owners, payment } = status
  return {
    id: job,
    state,
    reason,
    code,
    pages,
    shards: { total: shards.total, verified: shards.verified, failed: shards.failed },
    executions,
    owners,
    pagesPerSecond: status.pagesPerSecond,
    millisecondsLeft: status.etaMs,
    cost: payment && {
      currency: payment.currency,
      owedMicros: payment.owedMicros,
      promisedMicros: payment.promisedMicros,
      budgetMicros: payment.budgetMicros,
    },
    createdAt: new Date(status.createdAtMs),
    deadline: new Date(status.deadlineMs),
  }
}
