// Regression: a client that sent a byte now and then held a backend's connection for as long as it liked.
import t from 'tap'
import { RateWindow } from '../../src/forward/least-rate.js'

t.test('a client is too slow if it sends less than the least rate in ten seconds of waiting for it', t => {
  const window = new RateWindow(256)
  window.resume(0)
  window.add(2_559)
  t.notOk(window.judge(9_999), 'not before the window is full')
  t.ok(window.judge(10_000))
  t.end()
})

t.test('a client at the least rate is not too slow, and is judged anew', t => {
  const window = new RateWindow(256)
  window.resume(0)
  window.add(2_560)
  t.notOk(window.judge(10_000))
  t.equal(window.left(10_000), 10_000)
  t.ok(window.judge(20_000), 'nothing came in the second window')
  t.end()
})

t.test('time of waiting for something else does not count', t => {
  const window = new RateWindow(256)
  window.resume(0)
  window.pause(4_000)
  t.equal(window.left(50_000), undefined)
  t.notOk(window.judge(50_000))
  window.resume(60_000)
  window.resume(61_000)
  t.equal(window.left(62_000), 4_000)
  t.notOk(window.judge(65_999))
  t.ok(window.judge(66_000))
  t.end()
})
