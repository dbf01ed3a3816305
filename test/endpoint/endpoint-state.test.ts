import t from 'tap'
import { fitnessOf, takesBound } from '../../src/endpoint/choice-set.js'
import { newEndpoint, nextLife } from '../../src/endpoint/endpoint-state.js'
import type { EndpointEvent, EndpointLife, Leaver } from '../../src/endpoint/endpoint-state.js'

const SERVES: EndpointEvent = { type: 'serves', cause: 'answered' }
const EJECTED: EndpointEvent = { type: 'ejected', cause: '5 dials failed' }
const RETURNED: EndpointEvent = { type: 'returned', cause: 'answered' }
const FINISHED: EndpointEvent = { type: 'finished', cause: 'nothing is left' }
const leave = (by: Leaver): EndpointEvent => ({ type: 'leave', by, cause: `left by ${by}` })
const stay = (by: Leaver): EndpointEvent => ({ type: 'stay', by, cause: `stays by ${by}` })

function after (events: readonly EndpointEvent[], from: EndpointLife = newEndpoint(0, 'listed')): EndpointLife {
  return events.reduce((life, event, n) => nextLife(life, event, n + 1), from)
}

t.test('an endpoint joins, serves, leaves and goes; each state says since when and why', async t => {
  t.match(after([]), { state: 'joining', since: 0, cause: 'listed' })
  t.match(after([SERVES]), { state: 'up', since: 1, cause: 'answered' })
  t.match(after([SERVES, leave('discovery')]), { state: 'leaving', since: 2, cause: 'left by discovery' })
  t.match(after([SERVES, leave('discovery'), FINISHED]), { state: 'gone', since: 3, cause: 'nothing is left' })
  t.equal(after([SERVES, FINISHED]).state, 'up', 'an endpoint that stays may have no connection')
})

t.test('ejection and return', async t => {
  t.match(after([SERVES, EJECTED]), { state: 'ejected', since: 2, cause: '5 dials failed' })
  t.match(after([SERVES, EJECTED, RETURNED]), { state: 'up', since: 3 })
  t.equal(after([EJECTED]).state, 'ejected', 'of one that never served')
  t.equal(after([EJECTED, RETURNED]).state, 'up', 'it has answered')
})

t.test('an endpoint leaves while one reason to leave is left', async t => {
  const both = after([SERVES, leave('discovery'), leave('operator')])
  t.match(both, { state: 'leaving', since: 2, leavers: ['discovery', 'operator'] })
  t.equal(after([stay('operator')], both).state, 'leaving', 'an operator cannot undo a removal')
  t.equal(after([stay('discovery')], both).state, 'leaving', 'a listing does not undrain')
  t.equal(after([stay('discovery'), stay('operator')], both).state, 'up')
  t.equal(after([SERVES, leave('evidence'), stay('operator')]).state, 'up', 'an operator knows better than the evidence')
  t.equal(after([leave('operator'), stay('operator')]).state, 'joining')
})

t.test('an endpoint that is ejected while it leaves is ejected when it stays', async t => {
  const life = after([SERVES, leave('operator'), EJECTED])
  t.match(life, { state: 'leaving', since: 2, ejected: '5 dials failed' })
  t.equal(after([stay('operator')], life).state, 'ejected')
  t.equal(after([RETURNED, stay('operator')], life).state, 'up')
})

t.test('an endpoint that is gone stays gone', async t => {
  const gone = after([leave('operator'), FINISHED])
  for (const event of [SERVES, EJECTED, RETURNED, leave('discovery'), stay('operator'), FINISHED]) t.equal(nextLife(gone, event, 9), gone)
})

t.test('an event that changes nothing returns the same object', async t => {
  for (const events of [[], [SERVES], [EJECTED], [leave('operator')]]) {
    const life = after(events)
    for (const event of [...events, FINISHED, RETURNED, stay('evidence')]) {
      const next = nextLife(life, event, 99)
      if (next.state === life.state) t.equal(next, life, `${event.type} in ${life.state}`)
    }
  }
})

t.test('what each state may be given', async t => {
  const given = (life: EndpointLife): string => {
    const member = { life, priority: 0, refusing: false }
    const may = { fresh: fitnessOf(member) === 'serving', bound: takesBound(member, 'serving'), probing: life.state === 'ejected' }
    return Object.entries(may).filter(([, may]) => may).map(([what]) => what).join()
  }
  t.equal(given(after([])), 'fresh,bound')
  t.equal(given(newEndpoint(0, 'listed', true)), 'bound', 'a check decides first')
  t.equal(given(after([SERVES])), 'fresh,bound')
  t.equal(given(after([EJECTED])), 'probing')
  t.equal(given(after([leave('discovery')])), 'bound')
  t.equal(given(after([leave('discovery'), EJECTED])), '')
  t.equal(given(after([leave('discovery'), FINISHED])), '')
})
