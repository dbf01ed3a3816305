import t from 'tap'
import type { EndpointFailure } from '../../src/endpoint/evidence.js'
import { WITHOUT_EJECTION, isHealthy, lifeEvent, newHealth, nextHealth } from '../../src/endpoint/health.js'
import type { Health, HealthEvent, HealthSettings } from '../../src/endpoint/health.js'

const SETTINGS: HealthSettings = {
  ejection: { failures: 5, time: 10_000, maxTime: 300_000 }, check: { interval: 1_000, timeout: 500, rise: 2, fall: 3 }
}
const REFUSED: EndpointFailure = { cause: 'refused', detail: 'ECONNREFUSED', proven: true, client: undefined }
const TIMEOUT: EndpointFailure = { cause: 'timeout', detail: 'headers timeout', proven: true, client: 'a' }

const NEW = newHealth(0, SETTINGS, 0)
const BEGUN: HealthEvent = { type: 'check_begun', mayEject: true }
const passes: HealthEvent[] = [BEGUN, { type: 'check_passed', mayEject: true }]
const fails = (mayEject = true): HealthEvent[] => [BEGUN, { type: 'check_failed', cause: '503', mayEject }]
const timeouts = new Array<HealthEvent>(5).fill({ type: 'failed', failure: TIMEOUT, others: true, mayEject: true, probe: false })
const refusedDial: HealthEvent = { type: 'dial_failed', failure: REFUSED, mayEject: true, probe: false }

function after (events: readonly HealthEvent[], from: Health = NEW, settings = SETTINGS): Health {
  return events.reduce((health, event) => nextHealth(health, event, 0, settings, 0.5), from)
}

const DOWN = after([...fails(), ...fails(), ...fails()])

t.test('checks that fail put an endpoint out until they pass, whatever it answers', async t => {
  t.match(DOWN.ejection.out, { cause: 'check', reason: 'health check: 503', until: Infinity })
  t.ok(after([{ type: 'answered', began: 1 }], DOWN).ejection.out)
  t.ok(after(passes, DOWN).ejection.out, 'one is not enough')
  t.equal(after([...passes, ...passes], DOWN).ejection.out, undefined)
})

t.test('without room for an ejection, the next failed check tries again', async t => {
  const held = after([...fails(false), ...fails(false), ...fails(false)])
  t.equal(held.ejection.out, undefined)
  t.ok(after(fails(), held).ejection.out)
})

t.test('checks that pass after an ejection end it', async t => {
  const out = after(timeouts, after([...passes, ...passes]))
  t.match(out.ejection.out, { cause: 'timeout' })
  t.ok(after(passes, out).ejection.out, 'those of before do not count')
  t.equal(after([...passes, ...passes], out).ejection.out, undefined)
})

t.test('checks that fail make an ejection last', async t => {
  t.match(after([...fails(), ...fails(), ...fails()], after(timeouts)).ejection.out, { cause: 'check', until: Infinity })
})

t.test('an operator outranks the checks', async t => {
  const ejected = after([{ type: 'asked', by: 'operator', ms: Infinity, reason: 'maintenance' }])
  t.match(after([...passes, ...passes, ...passes], ejected).ejection.out, { cause: 'operator' })
  t.match(after([...fails(), ...fails(), ...fails()], ejected).ejection.out, { cause: 'operator' })
  t.equal(after([{ type: 'lifted' }], ejected).ejection.out, undefined)
})

t.test('a refused dial is avoided at once, counts for an ejection, and one connection ends both', async t => {
  const once = after([refusedDial])
  t.equal(once.refusal.since, 0)
  t.equal(once.ejection.row, 1)
  const ejected = after(new Array<HealthEvent>(5).fill(refusedDial))
  t.match(ejected.ejection.out, { cause: 'refused' })
  const back = after([{ type: 'dialled' }, { type: 'connected' }], ejected)
  t.equal(back.ejection.out, undefined)
  t.equal(back.refusal.since, undefined)
})

t.test('a dial that says nothing of the endpoint changes nothing', async t => {
  t.equal(after([{ type: 'dialled' }, { type: 'dial_failed', failure: undefined, mayEject: true, probe: false }]), NEW)
})

t.test('with ejection switched off, checks and operators still eject', async t => {
  const settings: HealthSettings = { ...SETTINGS, ejection: WITHOUT_EJECTION }
  t.equal(after([...timeouts, ...timeouts], NEW, settings).ejection.out, undefined)
  t.ok(after([...fails(), ...fails(), ...fails()], NEW, settings).ejection.out)
  t.ok(after([{ type: 'asked', by: 'operator', ms: Infinity, reason: '' }], NEW, settings).ejection.out)
  t.equal(after([refusedDial], NEW, settings).refusal.since, 0)
})

t.test('changes are events of the endpoint', async t => {
  const out = after(timeouts)
  t.same(lifeEvent(NEW, out), { type: 'ejected', cause: '5 failures in a row: headers timeout' })
  t.match(lifeEvent(out, after([{ type: 'lifted' }], out)), { type: 'returned' })
  t.match(lifeEvent(NEW, after(passes)), { type: 'serves' })
  t.equal(lifeEvent(NEW, after([refusedDial])), undefined)
  t.equal(lifeEvent(out, after(passes, out)), undefined, 'an endpoint that is out does not serve by its first check')
  t.ok(isHealthy(NEW))
  t.notOk(isHealthy(out))
})
