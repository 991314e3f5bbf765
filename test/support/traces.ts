/** A tracer provider that keeps spans in memory: as much of an SDK as a test needs. */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
  trace,
} from '@opentelemetry/api'

interface Kept {
  readonly id: string
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Attributes
  status: SpanStatus
  /** Milliseconds; null while it lasts. */
  tookMs: number | null
}

export interface Traces {
  readonly spans: readonly Kept[]
  named(name: string): Kept[]
  stop(): void
}

export function keepTraces(): Traces {
  const spans: Kept[] = []
  const storage = new AsyncLocalStorage<Context>()
  const active = () => storage.getStore() ?? ROOT_CONTEXT
  const startSpan = (name: string, { attributes, startTime }: SpanOptions = {}, within = active()): Span => {
    const id = String(spans.length + 1).padStart(16, '0')
    const parent = trace.getSpanContext(within)?.spanId
    const kept: Kept = { id, name, parent, attributes: { ...attributes }, status: { code: 0 }, tookMs: null }
    spans.push(kept)
    const startMs = Number(startTime ?? Date.now())
    const span: Partial<Span> = {
      spanContext: () => ({ traceId: '1'.padStart(32, '0'), spanId: id, traceFlags: 1 }),
      setAttribute: (key, value) => {
        kept.attributes[key] = value
        return span as Span
      },
      setAttributes: (more) => {
        Object.assign(kept.attributes, more)
        return span as Span
      },
      setStatus: (status) => {
        kept.status = status
        return span as Span
      },
      end: (endTime) => {
        kept.tookMs = Number(endTime ?? Date.now()) - startMs
      },
    }
    return span as Span
  }
  const tracer = {
    startSpan,
    startActiveSpan(name: string, options: SpanOptions, work: (span: Span) => unknown) {
      const span = startSpan(name, options)
      return storage.run(trace.setSpan(active(), span), work, span)
    },
  } as Tracer
  context.setGlobalContextManager({
    active,
    with: (within, work, self, ...args) => storage.run(within, () => work.apply(self as never, args)),
    bind: (_, target) => target,
    enable() {
      return this
    },
    disable() {
      return this
    },
  })
  trace.setGlobalTracerProvider({ getTracer: () => tracer })
  return {
    spans,
    named: (name) => spans.filter((span) => span.name === name),
    stop: () => {
      trace.disable()
      context.disable()
    },
  }
}
