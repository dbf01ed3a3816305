import t from 'tap'
import { EnvironmentError } from '../../src/service/environment-error.js'
import { readEnvironment } from '../../src/service/environment.js'
import { runsSamples } from '../../src/service/samples-wanted.js'
import { VARIABLES } from '../../src/service/variables.js'

/** A value for variables that may be set alone. */
const SET: Readonly<Record<string, string>> = {
  HOST: '127.0.0.1', PORT: '8081', KEEP_ALIVE_TIMEOUT_MS: '1', CONNECTIONS: '1', HEADERS_TIMEOUT_MS: '1', BODY_TIMEOUT_MS: '1', TRUST_PROXY: 'false', DRAIN_DEADLINE_MS: '1',
  WEBSOCKET: 'true', ADMIN_PORT: '9091', METRICS_PATH: '/metrics', PROXY_STATUS: 'false', VIA: 'true', LOG_LEVEL: 'info', SAMPLE_LOAD: '0',
  NODE_ENV: 'development', IGNORED_WARNINGS: 'plain-http', IGNORED_VARIABLES: 'LOGLEVEL'
}
const NEUTRAL = ['PORT', 'ADMIN_PORT', 'LOG_LEVEL', 'SAMPLE_LOAD', 'NODE_ENV', 'IGNORED_WARNINGS', 'IGNORED_VARIABLES']
const NOTHING = 'UPSTREAMS: is not set, and there is no route file, so there is nothing to proxy; set it, like UPSTREAMS=/users=http://users:3000. '

/** Whether the samples run in an app that has nothing else, or why it does not start. */
function outcome (variables: NodeJS.ProcessEnv, { own = false, available = true } = {}): boolean | string {
  try {
    return runsSamples(readEnvironment(variables, 'there-is-no.env'), { own, available })
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error
    return error.message
  }
}

t.test('the samples run where nothing is set, or a port alone', async t => {
  t.equal(outcome({}), true)
  t.equal(outcome({ UPSTREAMS: '', PORT: '', HOST: '', NODE_ENV: '' }), true)
  t.equal(outcome({ UPSTREAMS: ' ' }), true)
  t.equal(outcome({ PATH: '/bin', TERM: 'xterm', LOGNAME: 'me' }), true)
  t.equal(outcome({ PORT: '8081', ADMIN_PORT: '9091' }), true)
  for (const name of NEUTRAL) t.equal(outcome({ [name]: SET[name] }), true, name)
})

t.test('any other variable that is set keeps them from running, and is named', async t => {
  for (const name of Object.keys(VARIABLES)) {
    if (NEUTRAL.includes(name) || SET[name] === undefined) continue
    t.equal(outcome({ [name]: SET[name] }), `${NOTHING}The samples run by themselves only where no more than a port is set, and ${name} is; SAMPLES=true runs them`, name)
  }
})

t.test('SAMPLES=true runs them whatever else is set, and SAMPLES=false keeps them from running', async t => {
  t.equal(outcome({ SAMPLES: 'true', HOST: '0.0.0.0', PORT: '80', CONNECTIONS: '7' }), true)
  t.equal(outcome({ SAMPLES: 'false' }), `${NOTHING}SAMPLES=false keeps the samples from running`)
  t.equal(outcome({ SAMPLES: 'yes' }), 'SAMPLES: "yes" is not true or false')
})

t.test('in production they never run', async t => {
  t.equal(outcome({ NODE_ENV: 'production' }), `${NOTHING}In production the samples never run`)
  t.equal(outcome({ NODE_ENV: 'production', SAMPLES: 'true' }), 'SAMPLES: "true" is not possible in production; leave it out, or set another NODE_ENV')
})

t.test('a folder of route files without the samples does not start', async t => {
  t.equal(outcome({}, { available: false }), `${NOTHING}This folder of route files has no samples`)
  t.equal(outcome({ SAMPLES: 'true' }, { available: false }), `${NOTHING}This folder of route files has no samples`)
  t.equal(outcome({}, { own: true, available: false }), false)
})

t.test('they do not run beside an upstream or a route file', async t => {
  const beside = (what: string): string => `SAMPLES: "true" is not possible: the samples run where there is nothing else to proxy, and ${what}; leave one of them out`
  t.equal(outcome({}, { own: true }), false)
  t.equal(outcome({ SAMPLES: 'true' }, { own: true }), beside('there is a route file'))
  t.equal(outcome({ SAMPLES: 'true', UPSTREAMS: '/a=http://a' }, { own: true }), beside('UPSTREAMS is set'))
})

t.test('a NODE_ENV that is near production is refused', async t => {
  for (const NODE_ENV of ['prod', 'PROD', 'Production', 'prodution', 'prodcution', ' production', 'produktion', 'roduction', 'Prod ']) {
    t.equal(outcome({ NODE_ENV }), `NODE_ENV: ${JSON.stringify(NODE_ENV)} is not production, and has no effect; give production, or another name`)
  }
  for (const NODE_ENV of ['development', 'test', 'staging', 'preprod', 'local', 'dev', 'products', 'product', 'prod-eu', 'production-eu', 'productions', 'reproduction']) {
    t.equal(outcome({ NODE_ENV }), true, NODE_ENV)
  }
})
