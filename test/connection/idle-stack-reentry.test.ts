// An observer of a close may make its target non-persistent, which empties the idle stack while it is being walked.
import t from 'tap'
import type { Connection } from '../../src/connection/connection.js'
import { IdleStack } from '../../src/connection/idle-stack.js'
import type { CloseReason } from '../../src/connection/observer.js'

/** The parts of a connection that the stack reads. */
function idle (id: number, endedBy?: CloseReason): Connection {
  return { id, endedBy, idleSince: 0, expiresAt: Infinity, remaining: Infinity, served: 1, trial: false, state: 'idle', watchUnused () {} } as unknown as Connection
}

function stackOf (connections: Connection[], closed: [number, CloseReason][]): IdleStack {
  const stack: IdleStack = new IdleStack({
    quietBefore: () => 0,
    minIdle: 0,
    idleLimit: 1_000,
    close: ({ id }, reason) => {
      closed.push([id, reason])
      stack.closeSince(Infinity, 'non_persistent')
    }
  }, () => 1)
  for (const connection of connections) stack.push(connection)
  t.teardown(() => stack.stop())
  return stack
}

t.test('closing an ended connection during a walk may empty the whole stack', async t => {
  const closed: [number, CloseReason][] = []
  const stack = stackOf([idle(1), idle(2), idle(3, 'backend_idle')], closed)
  const taken = stack.take({ idleAtMost: Infinity, trial: true }, 1, undefined)
  t.equal(taken?.id, 2, 'what was found is the caller\'s')
  t.strictSame(closed, [[3, 'backend_idle'], [1, 'non_persistent']])
  t.equal(stack.size, 0)
})

t.test('each connection is closed once when closing one closes all', async t => {
  const closed: [number, CloseReason][] = []
  const stack = stackOf([idle(1), idle(2), idle(3)], closed)
  t.equal(stack.closeSince(Infinity, 'stale_suspect'), 3)
  t.strictSame(closed.map(([id]) => id).sort(), [1, 2, 3])
  t.equal(stack.size, 0)
})
