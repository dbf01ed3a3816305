import t from 'tap'
import { hasToken, readSignal } from '../../src/http/connection-signal.js'

interface Row {
  minor: 0 | 1
  connection?: string
  keepAlive?: string
  persistent: boolean
  cause: string
  timeout?: number
  max?: number
}

// RFC 9112 section 9.3, step by step.
const PERSISTENCE: Row[] = [
  { minor: 1, persistent: true, cause: 'HTTP/1.1' },
  { minor: 0, persistent: false, cause: 'HTTP/1.0' },
  { minor: 1, connection: 'close', persistent: false, cause: 'Connection: close' },
  { minor: 0, connection: 'close', persistent: false, cause: 'Connection: close' },
  { minor: 1, connection: 'keep-alive', persistent: true, cause: 'Connection: keep-alive' },
  { minor: 0, connection: 'keep-alive', persistent: true, cause: 'Connection: keep-alive' },
  { minor: 0, connection: 'Keep-Alive', persistent: true, cause: 'Connection: keep-alive' },
  { minor: 1, connection: 'CLOSE', persistent: false, cause: 'Connection: close' },
  { minor: 1, connection: 'keep-alive, close', persistent: false, cause: 'Connection: close' },
  { minor: 0, connection: 'close,keep-alive', persistent: false, cause: 'Connection: close' },
  { minor: 1, connection: ' x-foo ,  Close ', persistent: false, cause: 'Connection: close' },
  { minor: 1, connection: 'close-notify', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, connection: 'not close', persistent: true, cause: 'HTTP/1.1' },
  { minor: 0, connection: 'keep-alives', persistent: false, cause: 'HTTP/1.0' },
  { minor: 1, connection: '', persistent: true, cause: 'HTTP/1.1' },
  { minor: 0, connection: ',,', persistent: false, cause: 'HTTP/1.0' },
  { minor: 1, connection: 'upgrade', persistent: true, cause: 'HTTP/1.1' }
]

// What servers send in Keep-Alive, rightly and wrongly.
const HINTS: Row[] = [
  { minor: 1, keepAlive: 'timeout=5', persistent: true, cause: 'HTTP/1.1', timeout: 5_000 },
  { minor: 1, keepAlive: 'timeout=5, max=100', persistent: true, cause: 'HTTP/1.1', timeout: 5_000, max: 100 },
  { minor: 1, keepAlive: 'max=1,timeout=15', persistent: true, cause: 'HTTP/1.1', timeout: 15_000, max: 1 },
  { minor: 1, keepAlive: 'MAX = 7 , Timeout = "3"', persistent: true, cause: 'HTTP/1.1', timeout: 3_000, max: 7 },
  { minor: 0, connection: 'keep-alive', keepAlive: 'timeout=2', persistent: true, cause: 'Connection: keep-alive', timeout: 2_000 },
  { minor: 1, keepAlive: 'timeout=0', persistent: true, cause: 'HTTP/1.1', timeout: 0 },
  { minor: 1, keepAlive: 'max=0', persistent: true, cause: 'HTTP/1.1', max: 0 },
  { minor: 1, keepAlive: 'timeout=-1', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'timeout=5s', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'timeout=1.5', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'timeout=', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'timeout', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: '60', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: '', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'xtimeout=5', persistent: true, cause: 'HTTP/1.1' },
  { minor: 1, keepAlive: 'timeout=9999999999', persistent: true, cause: 'HTTP/1.1', timeout: 2_147_483_000 },
  { minor: 1, keepAlive: `timeout=${'9'.repeat(400)}`, persistent: true, cause: 'HTTP/1.1' },
  // A connection that closes has no idle time.
  { minor: 1, connection: 'close', keepAlive: 'timeout=5, max=100', persistent: false, cause: 'Connection: close' },
  { minor: 0, keepAlive: 'timeout=5', persistent: false, cause: 'HTTP/1.0' }
]

for (const [title, rows] of [['what makes a connection persistent', PERSISTENCE], ['what a Keep-Alive header claims', HINTS]] as const) {
  t.test(title, async t => {
    for (const { minor, connection, keepAlive, persistent, cause, timeout, max } of rows) {
      const line = `HTTP/1.${minor} ${JSON.stringify({ connection, keepAlive })}`
      t.strictSame(readSignal(minor, connection, keepAlive), { persistent, cause, timeout, max }, line)
    }
  })
}

t.test('a token is matched whole, in any case and at any place', async t => {
  const rows: [list: string, found: boolean][] = [
    ['close', true], ['Close', true], ['a,close', true], ['close,b', true], ['a, close ,b', true], ['a,\tclose', true],
    ['', false], ['clos', false], ['closed', false], ['disclose', false], ['clo se', false], ['close;q=1', false], ['xxxxx', false]
  ]
  for (const [list, found] of rows) t.equal(hasToken(list, 'close'), found, JSON.stringify(list))
})

t.test('one signal is never changed by another', async t => {
  const first = readSignal(1, undefined, undefined)
  readSignal(1, 'close', undefined)
  readSignal(1, undefined, 'timeout=1, max=2')
  t.strictSame(readSignal(1, undefined, undefined), first)
})
