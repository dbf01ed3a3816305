import type { ConnectionObserver, ConnectionView, EndpointChange, RetryReason } from '../../src/index.js'

/** Keeps what happened to endpoints, and lets a test wait for it. */
export class EndpointsRecord implements ConnectionObserver {
  readonly changes: EndpointChange[] = []
  readonly drained: string[] = []
  readonly retries: RetryReason[] = []
  readonly dialsFailed: string[] = []
  /** Endpoints of the requests, in order. */
  readonly acquiredAt: string[] = []
  #waiting: (() => void)[] = []

  endpointChanged (_target: string, change: EndpointChange): void {
    this.changes.push(change)
    this.#look()
  }

  endpointDrained (_target: string, endpoint: string): void {
    this.drained.push(endpoint)
    this.#look()
  }

  retried (_target: string, kind: RetryReason): void {
    this.retries.push(kind)
  }

  dialFailed (_target: string, code: string): void {
    this.dialsFailed.push(code)
    this.#look()
  }

  acquired ({ endpoint }: ConnectionView): void {
    this.acquiredAt.push(endpoint!)
  }

  /** The changes as `from -> to: cause`, of one endpoint or of all. */
  of (address?: string): string[] {
    return this.changes.filter(change => address === undefined || change.address === address).map(({ from, to, cause }) => `${from ?? ''} -> ${to}: ${cause}`)
  }

  /** Resolves when the condition holds; it is asked after each event. */
  async until (condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }

  #look (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
