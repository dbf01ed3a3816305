import t from 'tap'
import { parse } from 'yaml'
import { statusFailure } from '../../src/discovery/kubernetes/api-fault.js'
import { tokenFault } from '../../src/options/kinds.js'
import { manifest, manifests } from './kubernetes.js'
import type { DeploymentSpec } from './kubernetes.js'
import { stages, stepsOf } from './dockerfile.js'
import { yamlOf } from './repository-files.js'

interface Selected { readonly selector: Readonly<Record<string, string>> & { readonly matchLabels?: Readonly<Record<string, string>> } }
interface ServiceSpec extends Selected { readonly clusterIP?: string, readonly ports: readonly { readonly name: string, readonly port: number, readonly targetPort: string }[] }
interface PolicySpec {
  readonly podSelector: { readonly matchLabels: object }
  readonly ingress: readonly { readonly ports: readonly { readonly port: string }[], readonly from?: readonly object[] }[]
}
interface ServiceMonitorSpec {
  readonly jobLabel: string
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly endpoints: readonly [{ readonly port: string, readonly path: string, readonly authorization: { readonly credentials: { readonly name: string, readonly key: string } } }]
}

const NAME = { 'app.kubernetes.io/name': 'holdfast' }
const deployment = manifest<DeploymentSpec>('Deployment')
const pod = deployment.spec.template.spec
const [container] = pod.containers

t.test('the pods may do nothing but serve', async t => {
  t.match(pod, { automountServiceAccountToken: false, enableServiceLinks: false })
  t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  t.strictSame(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  const [user, group] = stepsOf(stages().at(-1)!, 'USER')[0]!.words[0]!.split(':').map(Number)
  t.match(pod.securityContext, { runAsUser: user, runAsGroup: group, fsGroup: group }, 'the user of the image')
  t.match(container.resources, { requests: { cpu: String, memory: String }, limits: { memory: String } })
  t.equal(manifest('ServiceAccount').kind, 'ServiceAccount')
})

t.test('probes ask for the health routes on the clients\' port, and readiness is asked most often', async t => {
  const { startupProbe, livenessProbe, readinessProbe } = container
  t.same([startupProbe, livenessProbe, readinessProbe].map(({ httpGet: { path, port } }) => `${port}${path}`), ['http/health/live', 'http/health/live', 'http/health/ready'])
  t.ok(readinessProbe.periodSeconds * readinessProbe.failureThreshold < livenessProbe.periodSeconds * livenessProbe.failureThreshold)
  t.equal(container.lifecycle, undefined, 'a preStop hook would need a program in the image')
})

t.test('no rollout takes away a pod before another one is ready', async t => {
  t.strictSame(deployment.spec.strategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 })
  t.ok(deployment.spec.replicas >= 2)
  t.match(manifest('PodDisruptionBudget').spec, { maxUnavailable: 1 })
})

t.test('every selector selects the pods, and nothing else', async t => {
  t.strictSame(deployment.spec.template.metadata.labels, NAME)
  t.strictSame(deployment.spec.selector.matchLabels, NAME)
  for (const name of ['holdfast', 'holdfast-admin']) t.strictSame(manifest<Selected>('Service', name).spec.selector, NAME, name)
  t.strictSame(manifest<Selected>('PodDisruptionBudget').spec.selector.matchLabels, NAME)
  t.strictSame(manifest<PolicySpec>('NetworkPolicy').spec.podSelector.matchLabels, NAME)
  t.match(manifest('HorizontalPodAutoscaler').spec, { scaleTargetRef: { kind: 'Deployment', name: 'holdfast' } })
  t.strictSame(yamlOf<{ labels: object[] }>('deploy/kubernetes/base/kustomization.yaml').labels, [{ includeTemplates: true, pairs: NAME }], 'kustomize changes no selector')
})

t.test('the admin port has a Service of its own, which Prometheus alone may reach', async t => {
  const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]))
  t.strictSame(manifest<ServiceSpec>('Service').spec.ports, [{ name: 'http', port: 80, targetPort: 'http' }])
  const admin = manifest<ServiceSpec>('Service', 'holdfast-admin')
  t.match(admin.spec, { clusterIP: 'None', ports: [{ name: 'admin', port: ports['admin'], targetPort: 'admin' }] })
  const rules = manifest<PolicySpec>('NetworkPolicy').spec.ingress
  t.same(rules.map(({ ports, from }) => [ports.map(({ port }) => port), from === undefined]), [[['http'], true], [['admin'], false]])
})

t.test('the Prometheus Operator finds the admin Service, has its token, and names the job as the alert rules do', async t => {
  const { jobLabel, selector, endpoints: [endpoint] } = manifest<ServiceMonitorSpec>('ServiceMonitor').spec
  const { metadata, spec } = manifest<ServiceSpec>('Service', 'holdfast-admin')
  // kustomize adds the label of the name.
  t.strictSame(selector.matchLabels, { ...NAME, ...metadata.labels })
  t.equal(NAME[jobLabel as keyof typeof NAME], 'holdfast')
  t.equal(endpoint.port, spec.ports[0]!.name)
  const { name, key } = endpoint.authorization.credentials
  const [volume] = pod.volumes
  t.same([volume!.secret.secretName, manifest('Secret', name).kind], [name, 'Secret'])
  const { stringData } = manifest('Secret', name) as unknown as { stringData: Record<string, string> }
  t.match(tokenFault(stringData[key]), /fewer than 16 characters/, 'the gateway does not start with the example of a token')
})

t.test('with the component for endpoints the pods get a token, which may follow EndpointSlices and do nothing else', async t => {
  const { patches } = yamlOf<{ patches: readonly { readonly target: object, readonly patch: string }[] }>('deploy/kubernetes/components/discovery/kustomization.yaml')
  t.same(patches.map(({ target, patch }) => [target, parse(patch)]), [[
    { kind: 'Deployment', name: 'holdfast' },
    [{ op: 'replace', path: '/spec/template/spec/automountServiceAccountToken', value: true }]
  ]])
  const { kind, metadata: { name }, rules } = manifest('Role', 'holdfast-discovery')
  t.strictSame(rules, [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }])
  const advice = statusFailure({ status: 403, body: '' }, { namespace: 'users', service: 'users' }).message
  for (const word of ['discovery.k8s.io', 'endpointslices', 'list', 'watch']) t.match(advice, `"${word}"`, 'what the log advises')
  const { roleRef, subjects } = manifest('RoleBinding', 'holdfast-discovery')
  t.strictSame(roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind, name })
  const { namespace, components, configMapGenerator: [{ literals }] } =
    yamlOf<{ namespace: string, components: string[], configMapGenerator: [{ literals: string[] }] }>('deploy/kubernetes/overlays/example/kustomization.yaml')
  t.strictSame(subjects, [{ kind: 'ServiceAccount', name: manifest('ServiceAccount').metadata.name, namespace }])
  t.ok(components.includes('../../components/discovery'))
  const ofBackends = yamlOf<{ namespace: string }>('deploy/kubernetes/overlays/example-backends/kustomization.yaml').namespace
  t.match(literals[0], `kubernetes+http://users.${ofBackends}:`, 'the example follows the namespace in which it may')
})

t.test('no object is left out of kustomize, but the example of the Secret', async t => {
  const listed = ['base', 'backends', 'components/monitoring', 'components/autoscaling'].flatMap(folder => yamlOf<{ resources: string[] }>(`deploy/kubernetes/${folder}/kustomization.yaml`).resources)
  t.equal(listed.length, manifests().length - 1)
})
