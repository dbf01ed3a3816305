import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { discoveryDocument } from './kubernetes-documents.js'

/** An EndpointSlice as it is written in YAML; kind, version and so on are added. */
export interface SliceObject {
  readonly metadata: { readonly name: string, readonly namespace: string, readonly labels?: Readonly<{ [name: string]: string }> }
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints: readonly object[] | null
  readonly ports: readonly object[] | null
}

interface WatchEvent { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED', readonly version: number, readonly object: SliceObject }
interface Watch { readonly response: ServerResponse, readonly matches: (object: SliceObject) => boolean }
interface Snapshot { readonly version: number, readonly items: readonly SliceObject[] }

const KIND = { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' }

/** What the server does with its next requests, in place of answering them. */
export interface Refusal { readonly status: number, readonly message?: string, readonly headers?: Readonly<{ [name: string]: string }> }

/**
 * The part of a Kubernetes API server that serves EndpointSlices: lists with pages, and watches.
 * `test/discovery/real-kubectl.test.ts` holds it to what kubectl reads.
 */
export class KubernetesApiServer {
  /** The paths of requests with their queries, without those that a test has waited for. */
  readonly requests: string[] = []
  /** The bearer token that requests have to have, if it is set. */
  token: string | undefined
  /** Requests for which it is not undefined are refused. */
  refuse: (url: URL) => Refusal | undefined = () => undefined
  /** Requests for which it is true are never answered. */
  holds: (url: URL) => boolean = () => false
  readonly #server: Server
  readonly #objects = new Map<string, SliceObject>()
  readonly #history: WatchEvent[] = []
  readonly #watches = new Set<Watch>()
  readonly #snapshots = new Map<string, Snapshot>()
  readonly #changes = new EventEmitter()
  #version = 1_000
  #oldest = 1_000

  constructor (server: Server) {
    this.#server = server
    server.on('request', (request, response) => this.#serve(request, response))
  }

  get port (): number { return (this.#server.address() as AddressInfo).port }
  get watching (): number { return this.#watches.size }

  /** Makes or changes a slice, and tells the watches. */
  apply (slice: SliceObject): void {
    const key = `${slice.metadata.namespace}/${slice.metadata.name}`
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED'
    const object = this.#written(slice)
    this.#objects.set(key, object)
    this.#happened({ type, version: this.#version, object })
  }

  remove (namespace: string, name: string): void {
    const object = this.#written(this.#objects.get(`${namespace}/${name}`)!)
    this.#objects.delete(`${namespace}/${name}`)
    this.#happened({ type: 'DELETED', version: this.#version, object })
  }

  /** Moves the version on by what is not seen here, and tells the watches the new one. */
  bookmark (): void {
    this.#version += 10
    this.send(line({ type: 'BOOKMARK', object: { ...KIND, metadata: { resourceVersion: String(this.#version) } } }))
  }

  /** Forgets the history: older versions, and pages of lists that have begun, are answered with 410. */
  compact (): void {
    this.#oldest = this.#version
    this.#history.length = 0
    this.#snapshots.clear()
  }

  /** Writes bytes to all watches. */
  send (bytes: string | Buffer): void {
    for (const { response } of this.#watches) response.write(bytes)
  }

  /** Ends all watches, as after timeoutSeconds. */
  endWatches (): void {
    for (const { response } of this.#watches) response.end()
  }

  /** Ends the connections of all watches, without the end of their responses. */
  cutWatches (): void {
    for (const { response } of this.#watches) response.destroy()
  }

  /** Resolves when a request has come whose path and query match. Forgets it, and those before it. */
  async requested (pattern: RegExp): Promise<string> {
    for (;;) {
      const index = this.requests.findIndex(request => pattern.test(request))
      if (index !== -1) return this.requests.splice(0, index + 1).at(-1)!
      await once(this.#changes, 'request')
    }
  }

  /** Resolves when a watch is open. */
  async watched (): Promise<void> {
    while (this.#watches.size === 0) await once(this.#changes, 'watch')
  }

  async close (): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #written (slice: SliceObject): SliceObject {
    this.#version++
    const own = { uid: `uid-of-${slice.metadata.name}`, creationTimestamp: '2026-01-01T00:00:00Z' }
    return { ...KIND, ...slice, metadata: { ...own, ...slice.metadata, ...{ resourceVersion: String(this.#version) } } }
  }

  #happened (event: WatchEvent): void {
    this.#history.push(event)
    for (const { response, matches } of this.#watches) if (matches(event.object)) response.write(line(event))
  }

  #serve (request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'http://api')
    this.requests.push(request.url!)
    this.#changes.emit('request')
    if (this.holds(url)) return
    const refused = this.refuse(url)
    if (refused !== undefined) return status(response, refused)
    const isKnown = this.token === undefined || request.headers.authorization === `Bearer ${this.token}`
    if (!isKnown) return status(response, { status: 401, message: 'Unauthorized' })
    const document = discoveryDocument(url.pathname)
    if (document !== undefined) return json(response, 200, document)
    const [, namespace] = /^\/apis\/discovery\.k8s\.io\/v1(?:\/namespaces\/([^/]+))?\/endpointslices$/.exec(url.pathname) ?? []
    if (!url.pathname.endsWith('/endpointslices')) return status(response, { status: 404, message: 'the resource could not be found' })
    const matches = matcher(namespace, url.searchParams.get('labelSelector'))
    if (['1', 'true'].includes(url.searchParams.get('watch') ?? '')) this.#watch(url.searchParams, response, matches)
    else this.#list(url.searchParams, response, matches)
  }

  #list (query: URLSearchParams, response: ServerResponse, matches: Watch['matches']): void {
    const [id = '', from = '0'] = (query.get('continue') ?? '').split('.')
    const snapshot = id === '' ? { version: this.#version, items: [...this.#objects.values()].filter(matches) } : this.#snapshots.get(id)
    if (snapshot === undefined) return status(response, { status: 410, message: 'The provided continue parameter is too old' })
    const begin = Number(from)
    // As the real one, it ignores the limit where its cache answers.
    const limit = query.get('resourceVersion') === '0' ? Infinity : Number(query.get('limit') ?? Infinity)
    const end = begin + limit
    const key = id === '' ? String(this.#snapshots.size + 1) : id
    const more = end < snapshot.items.length
    if (more) this.#snapshots.set(key, snapshot)
    const continued = more && { continue: `${key}.${end}`, remainingItemCount: snapshot.items.length - end }
    json(response, 200, {
      kind: 'EndpointSliceList',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { resourceVersion: String(snapshot.version), ...continued },
      // The objects of a list have no kind of their own.
      items: snapshot.items.slice(begin, end).map(item => ({ ...item, kind: undefined, apiVersion: undefined }))
    })
  }

  #watch (query: URLSearchParams, response: ServerResponse, matches: Watch['matches']): void {
    const version = Number(query.get('resourceVersion') ?? 0)
    if (version !== 0 && version < this.#oldest) {
      return status(response, { status: 410, message: `too old resource version: ${version} (${this.#oldest})` })
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch = { response, matches }
    this.#watches.add(watch)
    const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? 1_800) * 1_000)
    response.once('close', () => {
      clearTimeout(timer)
      this.#watches.delete(watch)
    })
    for (const event of this.#history) if (event.version > version && matches(event.object)) response.write(line(event))
    this.#changes.emit('watch')
  }
}

/** The caller closes it. @param tls key and certificate, for https: */
export async function startKubernetesApi (tls?: { readonly key: string, readonly cert: string }): Promise<KubernetesApiServer> {
  const server = tls === undefined ? createServer() : createTlsServer(tls)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return new KubernetesApiServer(server)
}

function matcher (namespace: string | undefined, selector: string | null): Watch['matches'] {
  const wanted = (selector ?? '').split(',').filter(term => term !== '').map(term => term.split('='))
  return ({ metadata }) => (namespace === undefined || metadata.namespace === namespace) &&
    wanted.every(([name = '', value]) => metadata.labels?.[name] === value)
}

function line ({ type, object }: { readonly type: string, readonly object: object }): string {
  return `${JSON.stringify({ type, object })}\n`
}

function json (response: ServerResponse, code: number, value: object, headers: Refusal['headers'] = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

function status (response: ServerResponse, { status: code, message = 'refused', headers }: Refusal): void {
  json(response, code, statusObject(code, message), headers)
}

/** A Status object of the API: a failure. */
export function statusObject (code: number, message: string): object {
  const reason = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 410: 'Expired' }[code] ?? 'InternalError'
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}
