import { STATUS_CODES } from 'node:http'
import { Histogram } from './histogram.js'
import type { Labels, Sample } from './sample.js'
import { OTHER, REQUEST_BUCKETS } from './table.js'

// RFC 9110 and RFC 5789. Clients can send any word as a method, and backends any number as a status, and a series is never removed.
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])
// 499 is the status of a request whose client has left.
const STATUSES: ReadonlySet<number> = new Set([...Object.keys(STATUS_CODES).map(Number), 499])
const NO_STATUS = 0
const OTHER_ERROR = -1

interface Series { readonly labels: Labels, readonly durations: Histogram }

/** Durations of requests by method, status and failure: few series, whatever clients and backends send. */
export class RequestDurations {
  readonly #errors: boolean
  /** By method and failure as one key, then by status. A request without a failure needs no new string for its key. */
  readonly #series = new Map<string, Map<number, Series>>()

  /** @param errors whether a status from 400 on is an `error_type` too */
  constructor (errors: boolean) {
    this.#errors = errors
  }

  /**
   * @param status 0 where no response came
   * @param failure why the request failed, where the status does not show it
   */
  observe (ms: number, method: string | undefined, status: number, failure?: string): void {
    const series = this.#series.get(keyOf(method, failure))?.get(status) ?? this.#find(method, status, failure)
    series.durations.observe(ms)
  }

  samples (name: string, labels: Labels): Sample[] {
    return [...this.#series.values()].flatMap(byStatus => [...byStatus.values()])
      .flatMap(series => series.durations.samples(name, { ...labels, ...series.labels }))
  }

  // Methods and statuses without a series of their own come here each time.
  #find (givenMethod: string | undefined, givenStatus: number, failure: string | undefined): Series {
    const method = givenMethod === undefined || METHODS.has(givenMethod) ? givenMethod : OTHER
    const status = STATUSES.has(givenStatus) ? givenStatus : this.#errors && givenStatus >= 400 ? OTHER_ERROR : NO_STATUS
    const key = keyOf(method, failure)
    let byStatus = this.#series.get(key)
    if (byStatus === undefined) this.#series.set(key, byStatus = new Map())
    let series = byStatus.get(status)
    if (series === undefined) {
      const error = failure ?? (status === OTHER_ERROR ? OTHER : this.#errors && status >= 400 ? String(status) : undefined)
      byStatus.set(status, series = {
        labels: {
          ...method === undefined ? undefined : { http_request_method: method },
          ...status > NO_STATUS ? { http_response_status_code: status } : undefined,
          ...error === undefined ? undefined : { error_type: error }
        },
        durations: new Histogram(REQUEST_BUCKETS)
      })
    }
    return series
  }
}

function keyOf (method = '', failure: string | undefined): string {
  return failure === undefined ? method : `${method} ${failure}`
}
