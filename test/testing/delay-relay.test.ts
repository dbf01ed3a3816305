import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { type DelayRelay, idleCloses, type MakeEnd, staleHits, startDelayRelay } from '../../testing/delay-relay.js'
import { idleBackend, tcpBackend } from '../../testing/delay-relay-backend.js'
import { DelayLine, machineTime } from '../../testing/delay-relay-line.js'
import { startBackend } from '../../testing/backend.js'
import { type RawClient, rawClient } from '../../testing/client.js'

async function relayFor (t: Test, delay: number, makeEnd: MakeEnd): Promise<DelayRelay> {
  const relay = await startDelayRelay(delay, makeEnd)
  t.teardown(() => relay.close())
  return relay
}

async function clientFor (t: Test, relay: DelayRelay): Promise<RawClient> {
  const client = await rawClient(relay.port)
  t.teardown(() => client.destroy())
  return client
}

const ask = (method: string, id: string): string => `${method} / HTTP/1.1\r\nHost: a\r\nX-Id: ${id}\r\nContent-Length: 0\r\n\r\n`

t.test('bytes take the delay each way, and the backend\'s end records requests and reuse', async (t) => {
  const relay = await relayFor(t, 50, idleBackend({ idleTimeout: 10_000 }))
  const client = await clientFor(t, relay)
  for (const id of ['one', 'two']) {
    const began = machineTime()
    client.write(ask('GET', id))
    const answer = await client.response()
    t.equal(answer.body.toString(), `{"id":"${id}"}`)
    t.ok(machineTime() - began >= 99, 'there and back')
  }
  t.match(relay.arrivals, [{ id: 'one', nth: 1, connection: 1, stale: false }, { id: 'two', nth: 2, connection: 1, stale: false }])
  t.ok(relay.arrivals[1]!.idleMs >= 99, 'idle since its answer was sent, not since that arrived')
  t.equal(relay.accepted, 1)
})

t.test('a FIN takes the delay; what arrives after the close is a stale hit and gets an RST', async (t) => {
  const relay = await relayFor(t, 100, idleBackend({ idleTimeout: 50 }))
  // Half open, so that a connection is left to reset after the FIN.
  const socket = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  let endedAt = 0
  socket.once('end', () => { endedAt = machineTime() })
  socket.write(ask('GET', 'first'))
  await once(socket, 'data')
  t.equal(endedAt, 0, 'closed at the other end by now or soon, and not known here')
  socket.write(ask('POST', 'late'))
  await once(socket, 'end')
  // After a FIN nothing more is read, so an RST shows only in a write.
  const writing = setInterval(() => socket.write('.'), 10)
  await once(socket, 'error')
  const resetAt = machineTime()
  clearInterval(writing)

  t.match(staleHits(relay), [{ id: 'late', method: 'POST', nth: 2 }])
  t.match(idleCloses(relay), [{ by: 'backend', idleMs: 50, served: 1 }])
  t.ok(endedAt >= idleCloses(relay)[0]!.at + 99, 'the FIN was on its way')
  t.ok(resetAt >= staleHits(relay)[0]!.at + 99, 'and so was the RST')
})

t.test('a client that leaves does not count as an idle close', async (t) => {
  const relay = await relayFor(t, 5, idleBackend({ idleTimeout: 10_000 }))
  const client = await clientFor(t, relay)
  client.write(ask('GET', 'one'))
  await client.response()
  await client.close()
  t.match(relay.endings, [{ by: 'gateway', served: 1 }])
  t.same(idleCloses(relay), [])
})

t.test('with a real backend the relay records late requests too', async (t) => {
  const backend = await startBackend((_request, connection) => {
    connection.reply({ body: 'yes' })
    connection.end()
  })
  t.teardown(() => backend.close())
  const relay = await relayFor(t, 50, tcpBackend(backend.port))
  const client = await clientFor(t, relay)
  client.write(ask('GET', 'one'))
  const answer = await client.response()
  client.write(ask('GET', 'two'))
  await client.ended
  t.equal(answer.body.toString(), 'yes')
  t.match(relay.arrivals, [{ id: 'one', stale: false }])
  t.match(relay.endings, [{ by: 'backend', served: 1 }])
})

t.test('order and due times hold even if timers are late', async (t) => {
  const seen: Array<{ event: string, due: number }> = []
  const line = new DelayLine<string>(10, (event, due) => {
    seen.push({ event, due })
    if (event === 'a') line.push('of a', due)
  })
  line.push('a', 1000)
  line.push('b', 1001)
  line.flush(1011)
  t.same(seen, [{ event: 'a', due: 1010 }], 'no more than was asked for')
  line.push('c', 1020)
  line.flush(1031)
  t.same(seen.slice(1), [{ event: 'b', due: 1011 }, { event: 'of a', due: 1020 }, { event: 'c', due: 1030 }])
  line.push('d', 1040)
  line.stop()
  line.flush(Infinity)
  t.equal(seen.length, 4)
})

t.test('a request that was due before the close is in time even if it is delivered after it', async (t) => {
  const sent: Array<[string, number]> = []
  const opened = machineTime()
  let waiting: number | undefined = opened + 20
  const end = idleBackend({ idleTimeout: 30 })({
    send: (_bytes, at) => { sent.push(['answer', Math.round(at - opened)]) },
    end: (at) => { sent.push(['close', Math.round(at - opened)]) },
    flush () {
      if (waiting === undefined) return
      const at = waiting
      waiting = undefined
      end.until(at)
      end.bytes(Buffer.from('a request'), at)
      end.request({ header: () => undefined }, at)
    }
  }, opened)
  while (sent.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  t.same(sent, [['answer', 20], ['close', 50]])
})
