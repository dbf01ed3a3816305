import t from 'tap'
import { existingState } from '../../src/gateway/state.js'
import { gatewayFor } from '../../testing/gateway.js'
import { endpointOf, fakeEndpoints } from '../admin/fake-fleet.js'

const ADDRESS = '10.0.0.1:3000'

t.test('each change of an endpoint is one line of the log, and an ejection is a warning', async t => {
  const { app, log } = await gatewayFor(t, { routes: [{ upstream: 'http://127.0.0.1:9', target: 'a' }], level: 'info' })
  const { observers } = existingState(app)!.targets
  log.length = 0
  const change = { endpoint: 'e1', address: ADDRESS }
  observers.endpointChanged('a', { ...change, from: undefined, to: 'joining', cause: 'it is listed' })
  observers.endpointChanged('a', { ...change, from: 'joining', to: 'up', cause: 'it has answered' })
  observers.endpointChanged('a', { ...change, from: 'up', to: 'ejected', cause: '5 failures in a row: 503', ejectedBy: 'status' })
  observers.endpointChanged('a', { ...change, from: 'ejected', to: 'leaving', cause: 'it is listed no longer' })
  observers.endpointDrained('a', 'e1', ADDRESS)
  observers.endpointChanged('a', { ...change, from: 'leaving', to: 'gone', cause: 'it has drained' })
  const fields = { target: 'a', endpoint: 'e1', address: ADDRESS }
  t.match(log, [
    { ...fields, level: 30, to: 'joining', cause: 'it is listed', msg: `endpoint ${ADDRESS} of a is joining: it is listed` },
    { ...fields, level: 30, from: 'joining', to: 'up' },
    { ...fields, level: 40, from: 'up', to: 'ejected', cause: '5 failures in a row: 503' },
    { ...fields, level: 30, from: 'ejected', to: 'leaving' },
    { ...fields, level: 30, msg: `endpoint ${ADDRESS} of a is drained` },
    { ...fields, level: 30, to: 'gone' }
  ])
  t.equal(log.length, 6)
})

t.test('a change of persistence names its endpoint where the target has several', async t => {
  const { app, log, target } = await gatewayFor(t, { routes: [{ upstream: 'http://127.0.0.1:9', target: 'a' }], level: 'info' })
  const { targets } = existingState(app)!
  const [{ id } = { id: '' }] = target.endpoints.list()
  log.length = 0
  targets.observers.persistenceChanged('a', 'persistent', 'non-persistent', 'a test says so', id)
  fakeEndpoints(targets, target, [endpointOf(ADDRESS), endpointOf('10.0.0.2:3000')])
  targets.observers.persistenceChanged('a', 'persistent', 'non-persistent', 'a test says so', id)
  t.match(log, [{ target: 'a', msg: 'a is non-persistent: a test says so' }, { target: 'a', endpoint: id, msg: `endpoint ${id} of a is non-persistent: a test says so` }])
  t.notOk('endpoint' in log[0]!)
})
