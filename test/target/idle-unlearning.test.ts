import t from 'tap'
import { closeWhenIdle } from '../../testing/idle-close.js'
import { until, targetFor } from '../../testing/gateway.js'

t.test('the sentinel notices a backend that begins to keep connections longer; a backend that stops is noticed at once', async t => {
  let idleMs = 200
  const { backend, target } = await targetFor(t, (_request, connection) => {
    connection.reply()
    closeWhenIdle(connection, idleMs)
  })
  const get = async (): Promise<void> => {
    const { body } = await target.request({ method: 'GET', path: '/' })
    await body.dump()
  }
  const learned = (): number => target.snapshot().idleLimit.learned ?? Infinity
  await get()
  await until(() => learned() < 2_000)

  idleMs = 60_000
  await get()
  await until(() => target.snapshot().sentinel !== undefined, 'a sentinel')
  t.strictSame(target.snapshot().connections, { active: 0, idle: 0, connecting: 0, pending: 0, upgraded: 0 })
  t.equal(backend.open, 1)
  await until(() => learned() === Infinity, 'the sentinel to be heard')
  t.equal(target.snapshot().idleLimit.effective, 60_000)
  t.ok(target.snapshot().sentinel, 'it goes on, to see when the backend closes now')

  idleMs = 200
  await get()
  await until(() => learned() < 2_000)
  t.ok(target.snapshot().idleLimit.effective < 2_000)
})

t.test('a sentinel that has outlived the habit ends at the configured timeout', async t => {
  let idleMs = 150
  const { backend, target } = await targetFor(t, (_request, connection) => {
    connection.reply()
    closeWhenIdle(connection, idleMs)
  }, { undiciOptions: { keepAliveTimeout: 600 } })
  const get = async (): Promise<void> => { await (await target.request({ method: 'GET', path: '/' })).body.dump() }
  await get()
  await until(() => target.snapshot().idleLimit.learned !== undefined)
  idleMs = 60_000
  await get()
  await until(() => target.snapshot().sentinel !== undefined)
  await until(() => target.snapshot().sentinel === undefined)
  t.strictSame(target.snapshot().totals.closed, { backend_idle: 1, idle_limit: 1 })
  t.equal(target.snapshot().idleLimit.effective, 600)
  await backend.waitFor(({ open }) => open === 0)
})
