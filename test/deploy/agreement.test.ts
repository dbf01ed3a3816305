import { parseEnv } from 'node:util'
import t from 'tap'
import { hostOf, isPrivate } from '../../src/check/private-host.js'
import { isDiscoveryUrl, parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'
import { DEFAULT_DRAIN } from '../../src/options/gateway-options.js'
import { VARIABLES } from '../../src/service/variables.js'
import { compose } from './compose.js'
import { stages, stepsOf } from './dockerfile.js'
import { manifest } from './kubernetes.js'
import type { DeploymentSpec } from './kubernetes.js'
import { textOf, yamlOf } from './repository-files.js'
import { unitSettings } from './systemd-unit.js'

type Variables = Readonly<Record<string, string | undefined>>

// How long `drain()` waits beyond its deadline, and a second for the last lines of the log, in ms.
const MARGIN = 1_500

const image = stages().at(-1)!
const ofImage = Object.assign({}, ...stepsOf(image, 'ENV').map(({ values }) => values)) as Variables
const ofCompose = compose().services['gateway']!.environment!
const ofBase = parseEnv(textOf('deploy/kubernetes/base/gateway.env')) as Variables
const { configMapGenerator: [overlay] } = yamlOf<{ configMapGenerator: [{ literals: string[] }] }>('deploy/kubernetes/overlays/example/kustomization.yaml')
const ofOverlay = Object.fromEntries(overlay.literals.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
const ofUnit = Object.fromEntries(unitSettings().get('Environment')!.map(line => line.split('=') as [string, string]))

const deployment = manifest<DeploymentSpec>('Deployment').spec.template.spec

/** How long a drain may take with these variables, in ms. */
function drainOf ({ DRAIN_DELAY_MS: delay, DRAIN_DEADLINE_MS: deadline }: Variables): number {
  return Number(delay ?? DEFAULT_DRAIN.delay) + Number(deadline ?? DEFAULT_DRAIN.deadline)
}

t.test('every variable in deploy/ is one of the microservice', async t => {
  for (const [where, variables] of Object.entries({ ofImage, ofCompose, ofBase, ofOverlay, ofUnit })) {
    t.ok(Object.keys(variables).length > 0, where)
    for (const name of Object.keys(variables)) t.ok(name in VARIABLES, `${name} ${where}`)
  }
})

t.test('no upstream in deploy/ is warned about, and no proxy is trusted by default', async t => {
  const [, ofReadme = ''] = /-e UPSTREAMS=(\S+)/.exec(textOf('deploy/README.md')) ?? []
  for (const upstreams of [ofReadme, ofCompose['UPSTREAMS']!, ofOverlay['UPSTREAMS']!]) {
    for (const entry of upstreams.split(',')) {
      const upstream = entry.slice(entry.indexOf('=') + 1)
      // Pods are in the cluster's network.
      if (isDiscoveryUrl(upstream) && parseDiscoveryUrl(upstream).kind === 'kubernetes') continue
      const url = new URL(upstream)
      t.ok(url.protocol === 'http:' && isPrivate(hostOf(url)), entry)
    }
  }
  for (const variables of [ofImage, ofCompose, ofBase, ofOverlay, ofUnit]) t.notOk('TRUST_PROXY' in variables)
})

t.test('the grace of each manifest is above its drain', async t => {
  t.ok(deployment.terminationGracePeriodSeconds * 1_000 >= drainOf(ofBase) + MARGIN)
  const [, seconds] = /^(\d+)s$/.exec(compose().services['gateway']!.stop_grace_period!)!
  t.ok(Number(seconds) * 1_000 >= drainOf(ofCompose) + MARGIN)
  t.ok(Number(unitSettings().get('TimeoutStopSec')![0]) * 1_000 >= drainOf(ofUnit) + MARGIN)
  t.ok(Number(ofBase['DRAIN_DELAY_MS']) > 0, 'in Kubernetes, other nodes learn later that a pod ends')
  const { periodSeconds, failureThreshold } = deployment.containers[0].readinessProbe
  t.ok(periodSeconds * failureThreshold * 1_000 < Number(ofBase['DRAIN_DELAY_MS']), 'readiness is asked within the delay')
})

t.test('ports agree', async t => {
  const exposed = stepsOf(image, 'EXPOSE').flatMap(({ words }) => words)
  const ports = Object.fromEntries(deployment.containers[0].ports.map(({ name, containerPort }) => [name, String(containerPort)]))
  t.strictSame(ports, { http: ofImage['PORT'], admin: ofBase['ADMIN_PORT'] })
  t.same(exposed, [ofImage['PORT'], ofBase['ADMIN_PORT']])
  t.same(compose().services['gateway']!.ports, [`127.0.0.1:${ofImage['PORT']}:${ofImage['PORT']}`, `127.0.0.1:${ofCompose['ADMIN_PORT']}:${ofCompose['ADMIN_PORT']}`])
  t.equal(ofCompose['ADMIN_PORT'], ofBase['ADMIN_PORT'])
})

t.test('the admin surface has its token in a file, where other machines can reach it', async t => {
  for (const variables of [ofCompose, ofBase]) {
    t.match(variables, { ADMIN_HOST: '0.0.0.0', ADMIN_TOKEN_FILE: /^\/run\/secrets\// })
    t.notOk('ADMIN_TOKEN' in variables)
  }
  const [mount] = deployment.containers[0].volumeMounts
  t.ok(ofBase['ADMIN_TOKEN_FILE']!.startsWith(`${mount!.mountPath}/`))
})

t.test('the most connections that the comment of gateway.env names are those of its numbers', async t => {
  const { maxReplicas } = manifest<{ maxReplicas: number }>('HorizontalPodAutoscaler').spec
  const surge = manifest<DeploymentSpec>('Deployment').spec.strategy.rollingUpdate.maxSurge
  const most = (maxReplicas + surge) * Number(ofBase['CONNECTIONS'])
  t.ok(textOf('deploy/kubernetes/base/gateway.env').replaceAll('\n# ', ' ').includes(`With at most ${maxReplicas} replicas and ${ofBase['CONNECTIONS']} here that is ${most}.`), String(most))
})
