/**
 * Traces by OpenTelemetry's API: submissions, leases, executions, checks of results, and requests over HTTP are spans.
 *
 * Whoever wants them registers a tracer provider of an SDK in the same process, before the node starts. Without one nothing is
 * recorded and the API is not even loaded, which would cost each vehicle some 6 MiB: a provider that is registered has left its mark
 * at a place that the API has agreed on. Traces end at this process: what a peer is told of somebody's requests is in the protocol.
 */
import type { Attributes, Span, Tracer } from '@opentelemetry/api'

type Api = typeof import('@opentelemetry/api')

/** Where each copy of the API, of whatever version 1, keeps what was registered. */
const registry = Symbol.for('opentelemetry.js.api.1')

let api: Api | undefined

/** Loads the API where a provider is registered. Call it before what is to be traced begins. */
export async function openTracing(): Promise<void> {
  if (hasProvider()) api ??= await import('@opentelemetry/api')
}

/** Begins a span that ends with the work, with its error if it fails. Spans that begin in the work are its children. */
export async function inSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span | undefined) => Promise<Result>,
): Promise<Result> {
  const tracer = tracerNow()
  if (tracer === undefined) return work(undefined)
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      span.setStatus({ code: api!.SpanStatusCode.ERROR, message: (error as Error).message })
      throw error
    } finally {
      span.end()
    }
  })
}

/** Begins a span that somebody ends later; undefined: nobody traces. */
export function beginSpan(name: string, attributes: Attributes, parent?: Span): Span | undefined {
  return tracerNow()?.startSpan(name, { attributes }, under(parent))
}

/** A span of something that has just ended and took so long. */
export function pastSpan(
  name: string,
  attributes: Attributes,
  tookMs: number,
  nowMs: number,
  parent?: Span,
): void {
  const startTime = nowMs - tookMs
  tracerNow()?.startSpan(name, { attributes, startTime }, under(parent)).end(nowMs)
}

function under(parent: Span | undefined) {
  const active = api!.context.active()
  return parent === undefined ? active : api!.trace.setSpan(active, parent)
}

function tracerNow(): Tracer | undefined {
  return api !== undefined && hasProvider() ? api.trace.getTracer('carpool') : undefined
}

function hasProvider(): boolean {
  const registered = (globalThis as { [registry]?: { readonly trace?: unknown } })[registry]
  return registered?.trace !== undefined
}
