import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from '../../testing/client.js'
import { certificates } from '../../testing/certificates.js'
import { type GatewayKind, HOLDFAST, type RunningGateway, startPeer } from './gateways.js'
import { halfLoad, type Latency } from './latency.js'
import type { PeerSetup, Route } from './peers/serve.js'
import { usageOf } from '../instruments/process-usage.js'
import { type RealNginx, startNginx } from '../../testing/real-nginx.js'
import { machineTime, stolenSince } from '../instruments/stolen-time.js'
import { directory, type Workload, wrkScript } from './workloads.js'
import { wrk } from '../instruments/wrk.js'

const BUSY_SECONDS = 5
const LATE = 10_000
const MUCH = 3

// Sends a workload through all gateways in turns: Holdfast, a peer, Holdfast, the next peer, and so on. So each round of a peer has a round
// of Holdfast right before and right after it.

export interface Plan {
  readonly rounds: number
  /** Of a round. */
  readonly seconds: number
  /** Ends after so many requests, or so much time. V8 still compiles during the first 10 000 requests. */
  readonly warmUp: { readonly requests: number, readonly seconds: number }
  readonly latencyRounds: number
  readonly latencySeconds: number
}

export interface Round {
  /** CPU time of the gateway's process, in us a request. */
  readonly cpu: number
  readonly perSecond: number
  /** Share of the machine's time that other virtual machines took meanwhile. */
  readonly stolen: number
}

/** A peer's round, with the rounds of Holdfast before and after it. */
export interface Neighbours { readonly peer: Round, readonly before: Round, readonly after: Round }

export interface Measured {
  readonly title: string
  /** Undefined for a Holdfast with another setup. */
  readonly kind: GatewayKind | undefined
  readonly rounds: Round[]
  /** Empty for Holdfast itself. */
  readonly neighbours: Neighbours[]
  readonly latencies: Latency[]
  /** Requests without a right answer, and connections that failed. */
  errors: number
  requests: number
  /** At the end, in bytes. */
  resident: number
  /** Why there are no figures. */
  failed?: string
}

export interface WorkloadResult {
  readonly workload: Workload
  readonly holdfast: Measured
  readonly peers: Measured[]
}

interface Subject extends Measured { readonly gateway: RunningGateway, readonly asked: Workload }

/** A gateway that does not do the work is reported as failed. */
export async function measure (workload: Workload, kinds: readonly GatewayKind[], plan: Plan): Promise<WorkloadResult> {
  const backend = await startNginx(workload.backend)
  const routes = workload.routes?.(backend) ?? [{ prefix: '', upstream: backend.url }]
  const failed: Measured[] = []
  const subjects: Subject[] = []
  // One after another, since they would take CPU from each other.
  for (const kind of [HOLDFAST, ...kinds]) await begin(kind.title, kind, routes, workload)
  if (workload.besideOne === true) await begin('Holdfast, one route', undefined, routes.slice(0, 1), { ...workload, name: `${workload.name}-one`, paths: workload.paths.slice(0, 1) })
  try {
    const [holdfast, ...peers] = subjects
    if (holdfast?.kind !== HOLDFAST) return { workload, holdfast: failed[0]!, peers: [] }
    for (const subject of subjects) await warmUp(subject)
    const { rounds = plan.rounds } = workload
    for (let n = 0; n < Math.min(rounds, plan.rounds); n++) {
      for (const peer of peers) {
        if (peer.failed !== undefined) continue
        if (holdfast.rounds.length === 0) holdfast.rounds.push(await round(holdfast, plan.seconds))
        const before = holdfast.rounds.at(-1)!
        const own = await round(peer, plan.seconds)
        const after = await round(holdfast, plan.seconds)
        holdfast.rounds.push(after)
        peer.rounds.push(own)
        peer.neighbours.push({ peer: own, before, after })
      }
    }
    for (let n = 0; n < plan.latencyRounds; n++) {
      for (const subject of subjects.filter(({ failed }) => failed === undefined)) {
        subject.latencies.push(await halfLoad(subject.gateway.url, subject.asked, subject.rounds.map(({ perSecond }) => perSecond), plan.latencySeconds + 2 * (workload.connecting ?? 0)))
      }
    }
    for (const subject of subjects.filter(({ failed }) => failed === undefined)) subject.resident = usageOf(subject.gateway.pid).resident
    return { workload, holdfast, peers: [...peers, ...failed] }
  } finally {
    for (const { gateway } of subjects) await gateway.stop()
    await backend.stop()
  }

  async function begin (title: string, kind: GatewayKind | undefined, own: Route[], asked: Workload): Promise<void> {
    const none = { title, kind, rounds: [], neighbours: [], latencies: [], errors: 0, requests: 0, resident: NaN }
    const setup: PeerSetup = { routes: own }
    if (workload.backend.tls !== undefined) setup.ca = certificates().ca
    if (workload.log === true) setup.log = `${directory}/${kind?.name}.log`
    let gateway: RunningGateway | undefined
    let fault: string | undefined
    try {
      gateway = await startPeer(kind?.name ?? 'holdfast', setup)
      const late = AbortSignal.timeout(LATE)
      fault = await Promise.race([faultOf(gateway, asked, backend), once(late, 'abort').then(() => 'no whole answer')])
    } catch (error) {
      fault = (error as Error).message
    }
    if (gateway !== undefined && fault === undefined) {
      subjects.push({ ...none, gateway, asked })
      return
    }
    await gateway?.stop()
    failed.push({ ...none, failed: fault })
  }

  async function warmUp (subject: Subject): Promise<void> {
    const few: Workload = { ...subject.asked, clients: undefined, connecting: undefined }
    for (let seconds = 0; subject.failed === undefined && seconds < plan.warmUp.seconds && subject.requests < plan.warmUp.requests; seconds += plan.seconds) {
      await round(subject, plan.seconds, few)
    }
  }

  async function round (subject: Subject, seconds: number, asked = subject.asked): Promise<Round> {
    const { gateway } = subject
    const { connecting = 0 } = asked
    const full = connecting + Math.max(seconds, asked.seconds ?? 0)
    try {
      const loading = wrk(urlOf(gateway, asked), { ...loadOf(asked), seconds: full })
      loading.catch(() => undefined) // it is waited for below
      await wait(connecting * 1e3)
      const time = machineTime()
      const before = usageOf(gateway.pid).cpu
      let done = await loading
      // On a busy machine a short round may get no CPU time at all.
      if (done.requests === 0) done = await wrk(urlOf(gateway, asked), { ...loadOf(asked), seconds: full + MUCH })
      subject.errors += done.errors
      subject.requests += done.requests
      if (done.requests === 0) throw new Error('no answers any more')
      return { cpu: (usageOf(gateway.pid).cpu - before) / done.requests, perSecond: done.requests / (done.seconds - connecting), stolen: stolenSince(time) }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      subject.failed ??= `after ${subject.requests} requests: ${code === 'ENOENT' ? 'it has ended' : message}`
      return { cpu: NaN, perSecond: NaN, stolen: 0 }
    }
  }
}

function urlOf ({ url }: { url: string }, { paths }: Workload): string {
  return `${url}${paths[0]}`
}

function loadOf (workload: Workload): { connections?: number, headers?: readonly string[], script?: string } {
  const simple = workload.paths.length === 1 && workload.post === undefined && workload.connecting === undefined
  return { connections: workload.clients, headers: workload.headers, script: simple ? undefined : wrkScript(workload) }
}

/** What is wrong with an answer, if anything. It has to be the backend's, and whole; the backend must have received the whole body. */
async function faultOf (gateway: RunningGateway, workload: Workload, backend: RealNginx): Promise<string | undefined> {
  const { paths, post = 0, headers = [] } = workload
  const input = {
    method: post === 0 ? 'GET' : 'POST',
    headers: Object.fromEntries(headers.map((line) => line.split(': '))) as Record<string, string>,
    body: post === 0 ? undefined : Buffer.alloc(post, 'x')
  }
  const path = paths.at(-1) ?? '/'
  const ownPath = workload.routes === undefined ? path : '/'
  const expected = await request(`${backend.url}${ownPath}`, { ...input, tls: { ca: certificates().ca } })
  let answer = await request(`${gateway.url}${path}`, input)
  // A gateway that has just started may refuse its first requests as too busy.
  for (let n = 0; n < BUSY_SECONDS && answer.status === 503; n++) {
    await wait(1_000)
    answer = await request(`${gateway.url}${path}`, input)
  }
  if (answer.status !== expected.status) return `answers with ${answer.status}`
  if (!answer.body.equals(expected.body)) return `${answer.body.length} bytes in place of ${expected.body.length}`
  const arrived = Number(answer.headers['x-request-length'])
  if (post > 0 && !(arrived > post)) return `the backend got ${arrived} bytes`
  const missing = Object.keys(expected.headers).filter((name) => name.startsWith('x-answer-') && answer.headers[name] === undefined)
  return missing.length === 0 ? undefined : `${missing.length} header lines missing`
}
