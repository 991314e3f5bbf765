/** Refusals of the gateway, in the shape in which clients of OpenAI's API read them. */

/** The kinds of errors that clients tell apart, by the status that goes with them. */
const typeOf: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'invalid_request_error',
  413: 'invalid_request_error',
  429: 'rate_limit_error',
}

export interface ErrorFacts {
  readonly status: 400 | 401 | 403 | 404 | 408 | 409 | 413 | 429 | 500 | 503
  /** One sentence for the person who asked. */
  readonly message: string
  readonly code?: string
  /** The field of the request that it is about. */
  readonly param?: string
  /** False tells a client not to send the same again, where its status would make it. */
  readonly mayRetry?: boolean
}

export class ApiError extends Error {
  readonly facts: ErrorFacts

  constructor(facts: ErrorFacts) {
    super(facts.message)
    this.name = 'ApiError'
    this.facts = facts
  }
}

/** `{"error": {message, type, param, code}}`: without `error`, a client shows no message. */
export function errorBody({ status, message, code, param }: ErrorFacts): object {
  return {
    error: { message, type: typeOf[status] ?? 'server_error', param: param ?? null, code: code ?? null },
  }
}

export function wrong(message: string, param?: string, code?: string): ApiError {
  return new ApiError({
    status: 400,
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  })
}

/** Things of other tenants are not there either. */
export function missing(what: string): ApiError {
  return new ApiError({ status: 404, message: `there is no ${what}`, code: 'not_found' })
}
