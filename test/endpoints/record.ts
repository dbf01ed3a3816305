import type { CloseReason, ConnectionObserver, ConnectionView, EndpointChange, Persistence, RetryReason } from '../../src/index.js'

/** Keeps what happened to endpoints and their connections, and lets a test wait for it. */
export class EndpointsRecord implements ConnectionObserver {
  readonly changes: EndpointChange[] = []
  /** Addresses whose dials began to be refused (true), or to succeed. */
  readonly refusing: [address: string, refusing: boolean][] = []
  readonly drained: string[] = []
  readonly retries: RetryReason[] = []
  readonly dialsFailed: string[] = []
  /** Endpoints of the requests, in order. */
  readonly acquiredAt: string[] = []
  /** Endpoints of the dials that have succeeded, in order. */
  readonly openedAt: string[] = []
  readonly closes: { readonly endpoint: string, readonly reason: CloseReason }[] = []
  readonly persistences: { readonly endpoint: string, readonly to: Persistence }[] = []
  #waiting: (() => void)[] = []

  endpointChanged (_target: string, change: EndpointChange): void {
    this.changes.push(change)
    this.#look()
  }

  endpointRefusing (_target: string, _endpoint: string, address: string, refusing: boolean): void {
    this.refusing.push([address, refusing])
  }

  endpointDrained (_target: string, endpoint: string): void {
    this.drained.push(endpoint)
    this.#look()
  }

  retried (_target: string, kind: RetryReason): void {
    this.retries.push(kind)
    this.#look()
  }

  dialFailed (_target: string, code: string): void {
    this.dialsFailed.push(code)
    this.#look()
  }

  opened ({ endpoint }: ConnectionView): void {
    this.openedAt.push(endpoint!)
    this.#look()
  }

  acquired ({ endpoint }: ConnectionView): void {
    this.acquiredAt.push(endpoint!)
    this.#look()
  }

  released (): void {
    this.#look()
  }

  closed ({ endpoint }: ConnectionView, reason: CloseReason): void {
    this.closes.push({ endpoint: endpoint!, reason })
    this.#look()
  }

  persistenceChanged (_target: string, _from: Persistence, to: Persistence, _cause: string, endpoint: string): void {
    this.persistences.push({ endpoint, to })
    this.#look()
  }

  /** The changes as `from -> to: cause`, of one endpoint or of all. */
  of (address?: string): string[] {
    const changes = this.changes.filter(change => address === undefined || change.address === address)
    return changes.map(({ from, to, cause }) => `${from ?? ''} -> ${to}: ${cause}`)
  }

  /** The latest change of an endpoint, as `of` has it. */
  last (address: string): string | undefined {
    return this.of(address).at(-1)
  }

  /** Resolves when the condition holds; it is asked after each event. */
  async until (condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }

  // Later, since observers are told of an event before the pool has finished with it.
  #look (): void {
    const waiting = this.#waiting
    this.#waiting = []
    setImmediate(() => { for (const resolve of waiting) resolve() })
  }
}
