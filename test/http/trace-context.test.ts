import t from 'tap'
import { traceIdOf } from '../../src/http/trace-context.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

t.test('the id of a trace is read from a valid traceparent only', async t => {
  t.equal(traceIdOf(`00-${TRACE}-${PARENT}-01`), TRACE)
  t.equal(traceIdOf(`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`), TRACE, 'a later version may say more')
  const none = [undefined, '', ['a', 'b'], `00-${TRACE}-${PARENT}`, `00-${TRACE}-${PARENT}-01-more`, `00-${TRACE}-${PARENT}-01.`, `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`, `00-${TRACE.toUpperCase()}-${PARENT}-01`]
  for (const header of none) t.equal(traceIdOf(header), undefined, String(header))
})
