import dns from 'node:dns/promises'
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { CheckedApp, CheckedTarget, Unreachable } from '../check/rule.js'
import { createDialer } from '../connection/dial.js'
import { bareHost } from '../http/bare-host.js'
import type { Found } from '../discovery/source.js'
import { checkEndpoint } from '../endpoint/health-check.js'
import { HoldfastError } from '../errors.js'
import type { ConnectOptions } from '../options/option-types.js'
import { formatSet } from '../probe/duration.js'
import { endpointsFound, urlOfEndpoint } from '../probe/endpoints-found.js'
import { probe } from '../probe/probe.js'
import { measureEndpoints, throughOrigin } from '../probe/target-probe.js'
import { reasonOf, targetReportOf } from '../probe/target-report.js'

/** What is added to a target that was probed. */
type Probed = Pick<CheckedTarget, 'measured' | 'addresses' | 'unhealthy'>

interface Subject { readonly target: CheckedTarget, readonly measured: Promise<CheckedTarget['measured']> }

/**
 * The apps, with a probe's report for each backend. All targets are probed at once, the endpoints of one target one after another. What two
 * targets have in common is probed only once.
 */
export async function measured (apps: readonly CheckedApp[], maxWait: number): Promise<CheckedApp[]> {
  const subjects: Subject[] = []
  const endpoints = new Map<CheckedTarget, readonly Found[] | Unreachable>()
  await Promise.all(apps.flatMap(({ targets }) => targets.map(async target => { endpoints.set(target, await endpointsOf(target)) })))
  if (process.stderr.isTTY) {
    const most = Math.max(1, ...[...endpoints.values()].map(found => 'unreachable' in found ? 0 : found.length))
    process.stderr.write(`probing, for ${formatSet(maxWait * most)} at most\n`)
  }
  const probe = async (target: CheckedTarget): Promise<CheckedTarget> =>
    ({ ...target, ...await probed(target, endpoints.get(target)!, subjects, maxWait) })
  return await Promise.all(apps.map(async app => ({ ...app, targets: await Promise.all(app.targets.map(probe)) })))
}

/** The endpoints of a target: none where the origin is the only one, and where a probe cannot reach them. */
async function endpointsOf ({ origin, plan, options: { discovery } }: CheckedTarget): Promise<readonly Found[] | Unreachable> {
  if (origin === undefined || plan === undefined || plan.kind === 'origin') return []
  const { servers, kubernetes, refresh } = discovery
  const settings = { refresh, ...servers && { servers }, ...kubernetes && { kubernetes } }
  try {
    return await endpointsFound({ origin, plan }, settings)
  } catch (error) {
    return unreachable(error, ((error as Error).cause as Error | undefined)?.message)
  }
}

async function probed (
  target: CheckedTarget, endpoints: readonly Found[] | Unreachable, subjects: Subject[], maxWait: number
): Promise<Probed> {
  const { origin, options: { undiciOptions: { connect, socketPath } } } = target
  // A probe dials a host itself: it calls no connect function, and uses no unix socket.
  if (origin === undefined || typeof connect === 'function' || socketPath !== undefined) return {}
  if ('unreachable' in endpoints) return { measured: endpoints }
  const known = subjects.find(subject => isSame(subject.target, target))
  const measured = known?.measured ?? reportOf(origin, connect, endpoints, maxWait)
  if (known === undefined) subjects.push({ target, measured })
  const [report, addresses, unhealthy] = await Promise.all([
    measured,
    endpoints.length === 0 ? addressesOf(origin) : undefined,
    unhealthyOf(target, connect, endpoints.length === 0 ? [origin] : endpoints.map(endpoint => urlOfEndpoint(endpoint, origin)))
  ])
  return { measured: report, addresses, unhealthy: unhealthy?.filter(({ address }) => !isLost(report, address)) }
}

/** Whether an endpoint cannot be reached at all, which is another finding. */
function isLost (report: CheckedTarget['measured'], address: string): boolean {
  if (report === undefined || 'unreachable' in report) return true
  return 'endpoints' in report && report.endpoints.some(one => one.address === address && 'unreachable' in one)
}

function isSame (a: CheckedTarget, b: CheckedTarget): boolean {
  return a.origin?.origin === b.origin?.origin && isDeepStrictEqual(a.plan, b.plan) &&
    isDeepStrictEqual(a.options.undiciOptions.connect, b.options.undiciOptions.connect)
}

async function reportOf (
  origin: URL, connect: ConnectOptions, endpoints: readonly Found[], maxWait: number
): Promise<CheckedTarget['measured']> {
  if (endpoints.length === 0) return await probe(origin, { maxWait, connect }).catch(error => unreachable(error))
  return targetReportOf(origin, await measureEndpoints({ origin, endpoints }, { maxWait, connect }))
}

/** The addresses of a name, as a dial would find them. A name that cannot be resolved is what the probe finds out. */
async function addressesOf (origin: URL): Promise<readonly string[] | undefined> {
  const host = bareHost(origin)
  if (isIP(host) !== 0) return undefined
  return await dns.lookup(host, { all: true }).then(all => all.map(({ address }) => address), () => undefined)
}

/** The endpoints whose health check fails, one request each. */
async function unhealthyOf (
  { origin, options }: CheckedTarget, connect: ConnectOptions, urls: readonly URL[]
): Promise<CheckedTarget['unhealthy']> {
  const { healthCheck, undiciOptions } = options
  if (healthCheck === undefined) return undefined
  const dials = { ...undiciOptions, connect: throughOrigin(origin!, { connect }).connect }
  const results = await Promise.all(urls.map(url => new Promise<{ address: string, cause: string } | undefined>(resolve => {
    const dialer = createDialer(url, dials, () => performance.now())
    checkEndpoint(dialer, { origin: origin!, ...healthCheck }, result => {
      resolve(result.passed ? undefined : { address: url.host, cause: result.cause })
    })
  })))
  return results.filter(result => result !== undefined)
}

function unreachable (error: unknown, why?: string): Unreachable {
  if (!(error instanceof HoldfastError)) throw error
  return { unreachable: why === undefined ? reasonOf(error) : `${error.message} (${why})` }
}
