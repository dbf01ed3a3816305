import t from 'tap'
import { requestHeaders, responseHeaders } from '../../src/http/headers.js'
import type { HeaderList } from '../../src/http/headers.js'
import { hopsIn, withLoop } from '../../src/http/hops.js'

const ARRIVAL = { peer: '192.0.2.7', trusted: false, host: 'api.example', protocol: 'http' }
const valuesOf = (list: HeaderList, name: string): string[] => list.filter((_, i) => i % 2 === 1 && list[i - 1]!.toLowerCase() === name)
const sent = (raw: string[], via?: boolean, connection?: string): HeaderList => requestHeaders(raw, connection, via === undefined ? ARRIVAL : { ...ARRIVAL, via })

t.test('passes are counted in CDN-Loop, whatever other members and parameters it has', async t => {
  const rows: [loop: string | string[] | undefined, hops: number][] = [
    [undefined, 0], ['', 0], ['holdfast', 1], ['holdfast, holdfast', 2], ['other, HOLDFAST;a=b,holdfast ; c="d"', 2], [['holdfast', 'other, holdfast'], 2],
    ['holdfaster', 0], ['my.holdfast', 0], ['holdfast:80', 0], ['other; by=holdfast', 0], ['other; a="b, holdfast', 1]
  ]
  for (const [loop, hops] of rows) t.equal(hopsIn(undefined, loop), hops, JSON.stringify(loop))
})

t.test('the larger of Via\'s and CDN-Loop\'s counts holds', async t => {
  t.equal(hopsIn('1.1 holdfast, 1.1 holdfast', 'holdfast'), 2)
  t.equal(hopsIn('1.1 holdfast', 'holdfast, holdfast, holdfast'), 3)
  t.equal(hopsIn(['1.1 holdfast', '1.0 fred, 1.1 holdfast'], undefined), 2, 'in lines')
})

t.test('a request has each pass in CDN-Loop, with Via and without', async t => {
  for (const via of [true, false]) {
    let raw: string[] = []
    for (let hop = 1; hop <= 9; hop++) {
      const list = sent(raw, via)
      const [said, loop] = [valuesOf(list, 'via')[0], valuesOf(list, 'cdn-loop')[0]]
      t.equal(hopsIn(said, loop), hop)
      t.equal(said === undefined, !via)
      raw = [...said === undefined ? [] : ['Via', said], 'CDN-Loop', loop!]
    }
  }
})

t.test('CDN-Loop is one list with the gateway at its end, and with via: false others\' Via is forwarded', async t => {
  const list = sent(['CDN-Loop', 'a.example; b="c"', 'Via', '1.0 fred', 'cdn-loop', 'd', 'via', '1.1 lucy'], false)
  t.strictSame(valuesOf(list, 'cdn-loop'), ['a.example; b="c", d, holdfast'])
  t.strictSame(valuesOf(list, 'via'), ['1.0 fred, 1.1 lucy'])
  t.strictSame(valuesOf(sent([], false), 'via'), [])
})

t.test('a client\'s Connection cannot remove a pass from CDN-Loop', async t => {
  for (const connection of ['cdn-loop', 'close, CDN-Loop , via']) {
    t.strictSame(valuesOf(sent(['Connection', connection, 'CDN-Loop', 'holdfast, other'], true, connection), 'cdn-loop'), ['holdfast, other, holdfast'], connection)
  }
})

t.test('a response keeps its Via if none is added', async t => {
  t.strictSame({ ...responseHeaders(['x-a', '1'], false) }, { 'x-a': '1' })
  t.strictSame({ ...responseHeaders(['via', '1.0 fred'], false) }, { via: '1.0 fred' })
})

t.test('rewriteRequestHeaders cannot remove CDN-Loop, and may add to it', async t => {
  const rows: [title: string, made: HeaderList, loop: string][] = [
    ['left alone', ['cdn-loop', 'a, holdfast'], 'a, holdfast'],
    ['left out', ['x-a', '1'], 'a, holdfast'],
    ['emptied', ['CDN-Loop', ''], 'a, holdfast'],
    ['replaced', ['cdn-loop', 'b'], 'a, holdfast, b'],
    ['added to', ['cdn-loop', 'a, holdfast, b'], 'a, holdfast, b'],
    ['in lines', ['cdn-loop', ['a', 'holdfast'] as unknown as string, 'CDN-Loop', 'b'], 'a,holdfast, b']
  ]
  for (const [title, made, loop] of rows) {
    const list = withLoop(['accept', '*/*', ...made], 'a, holdfast')
    t.strictSame(valuesOf(list, 'cdn-loop'), [loop], title)
    t.strictSame(valuesOf(list, 'accept'), ['*/*'], title)
  }
})
