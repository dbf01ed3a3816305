import t from 'tap'
import { requestHeaders } from '../../src/http/headers.js'

const arrival = { peer: undefined, trusted: false, host: '', protocol: 'https' }

t.test('the cookie lines of an HTTP/2 client become one line, at the place of the first', async t => {
  const raw = [':method', 'GET', 'cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2', 'cookie', 'c=3']
  t.same(requestHeaders(raw, undefined, arrival).slice(0, 4), ['cookie', 'a=1; b=2; c=3', 'accept', '*/*'])
})

t.test('a single cookie line stays as it is', async t => {
  t.same(requestHeaders(['Cookie', 'a=1; b=2'], undefined, arrival).slice(0, 2), ['Cookie', 'a=1; b=2'])
})
