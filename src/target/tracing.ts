import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import type { Attributes, Context, Span, SpanKind, SpanStatusCode, Tracer } from '@opentelemetry/api'
import type { ExchangeRequest } from '../connection/exchange.js'
import type { Provenance } from '../connection/observer.js'
import type { ErrorCode } from '../errors.js'
import { bareHost } from '../http/bare-host.js'
import { urlPort } from '../http/url-port.js'
import { maskUrl } from '../http/mask-url.js'
import type { MaskedNames } from '../http/secret-names.js'
import { tracerOf } from '../quirks/opentelemetry.js'

type Headers = ExchangeRequest['headers']

/** Makes spans of calls. */
export interface Tracing {
  /** Begins the trace of a call. Its parent is the active span, or else the span that the request's headers name. */
  call (origin: URL, request: Pick<ExchangeRequest, 'method' | 'path' | 'headers'>): CallTrace
}

/** The spans of one call, one for each attempt: from asking for a connection to the end of the response, or the failure. */
export interface CallTrace {
  begin (): void
  /** Returns the headers to send: those of the request, with this attempt's span as the parent. */
  connected (provenance: Provenance): Headers
  responded (status: number): void
  ended (): void
  failed (code: ErrorCode): void
}

const NAME = 'holdfast'
const CLIENT: SpanKind.CLIENT = 2
const ERROR: SpanStatusCode.ERROR = 2
// The methods that the semantic conventions name. A client can make up any other, and each would become a series of its own.
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/**
 * Tracing by OpenTelemetry; undefined where its API is not installed, or no provider is registered.
 *
 * @param mask the names of parameters that are masked in the URLs of spans, as in `maskUrl`
 */
export function findTracing (mask?: MaskedNames): Tracing | undefined {
  const api = loadApi()
  const tracer = api === undefined ? undefined : tracerOf(api, NAME)
  if (tracer === undefined) return undefined
  return { call: (origin, request) => new OpenTelemetryCall(api!, tracer, origin, request, shownPath(request.path, mask)) }
}

// Without the query, which may hold tokens. A path may have parameters too.
function shownPath (path: string, mask: MaskedNames | undefined): string {
  return maskUrl(path.split('?', 1)[0]!, mask)
}

function loadApi (): typeof Api | undefined {
  try {
    return createRequire(import.meta.filename)('@opentelemetry/api') as typeof Api
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    return undefined
  }
}

/** Attributes follow the semantic conventions for HTTP client spans. */
class OpenTelemetryCall implements CallTrace {
  readonly #api: typeof Api
  readonly #tracer: Tracer
  readonly #parent: Context
  readonly #headers: Headers
  readonly #method: string
  readonly #attributes: Attributes
  #span: Span | undefined
  #attempts = 0
  #waitedBefore = 0

  /** @param path as the spans show it */
  constructor (api: typeof Api, tracer: Tracer, origin: URL, { method, headers }: Pick<ExchangeRequest, 'method' | 'headers'>, path: string) {
    this.#api = api
    this.#tracer = tracer
    this.#headers = headers
    const active = api.context.active()
    this.#parent = api.trace.getSpan(active) === undefined ? api.propagation.extract(active, headers, GETTER) : active
    const known = METHODS.has(method)
    this.#method = known ? method : 'HTTP'
    this.#attributes = {
      'http.request.method': known ? method : '_OTHER',
      ...known ? undefined : { 'http.request.method_original': method },
      'url.full': origin.origin + path,
      'server.address': bareHost(origin),
      'server.port': urlPort(origin)
    }
  }

  begin (): void {
    const resent = this.#attempts++
    const attributes = resent === 0 ? this.#attributes : { ...this.#attributes, 'http.request.resend_count': resent }
    this.#span = this.#tracer.startSpan(this.#method, { kind: CLIENT, attributes }, this.#parent)
  }

  connected ({ endpoint, connection, reused, nth, idleMs, waitMs, persistence }: Provenance): Headers {
    const span = this.#span!
    span.setAttributes({
      // Not set where the target has one endpoint that never changes.
      'holdfast.endpoint': endpoint,
      'holdfast.connection.id': connection,
      'holdfast.connection.reused': reused,
      'holdfast.connection.requests': nth,
      'holdfast.connection.idle_ms': idleMs,
      'holdfast.queue.wait_ms': waitMs - this.#waitedBefore,
      'holdfast.persistence': persistence
    })
    this.#waitedBefore = waitMs
    const carrier: Record<string, string> = {}
    const { propagation, trace } = this.#api
    propagation.inject(trace.setSpan(this.#parent, span), carrier)
    // Where the app propagates nothing, the client's headers are sent on unchanged.
    return Object.keys(carrier).length === 0 ? this.#headers : withFields(this.#headers, propagation.fields(), carrier)
  }

  responded (status: number): void {
    this.#span?.setAttribute('http.response.status_code', status)
    if (status >= 400) this.#span?.setAttribute('error.type', String(status)).setStatus({ code: ERROR })
  }

  ended (): void {
    this.#span?.end()
    this.#span = undefined
  }

  failed (code: ErrorCode): void {
    this.#span?.setAttribute('error.type', code).setStatus({ code: ERROR })
    this.ended()
  }
}

const GETTER = {
  get (headers: Headers, field: string): string | undefined {
    const wanted = field.toLowerCase()
    for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === wanted) return headers[i + 1]
    return undefined
  },
  keys: (headers: Headers): string[] => headers.filter((_text, i) => i % 2 === 0).map(name => name.toLowerCase())
}

function withFields (headers: Headers, replaced: readonly string[], fields: Record<string, string>): Headers {
  // A propagator may write its fields in upper or lower case.
  const names = new Set(replaced.map(name => name.toLowerCase()))
  const lines: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2) if (!names.has(headers[i]!.toLowerCase())) lines.push(headers[i]!, headers[i + 1]!)
  for (const name of Object.keys(fields)) lines.push(name, fields[name]!)
  return lines
}
