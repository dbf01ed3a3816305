import t from 'tap'
import { lineMask } from '../../src/http/mask-line.js'
import { maskUrl } from '../../src/http/mask-url.js'
import { seededRandom } from '../../testing/random.js'

const mask = lineMask()

t.test('each URL of a line is masked, wherever it stands', async t => {
  const cases: [given: object, masked: object][] = [
    [{ url: '/a?token=x&b=1', msg: 'done' }, { url: '/a?token=***&b=1', msg: 'done' }],
    [{ msg: 'Route GET:/a?token=x not found' }, { msg: 'Route GET:/a?token=*** not found' }],
    [{ msg: '\'/%zz?token=x\' is not a valid url component' }, { msg: '\'/%zz?token=***\' is not a valid url component' }],
    [{ msg: 'did you forget to "return reply" in the "/a?token=x" (GET) route?' }, { msg: 'did you forget to "return reply" in the "/a?token=***" (GET) route?' }],
    [{ err: { message: 'no', stack: 'Error: https://u:p@h/?key=x\n    at a=b (/c.js:1:2)' } }, { err: { message: 'no', stack: 'Error: https://u:***@h/?key=***\n    at a=b (/c.js:1:2)' } }],
    [{ referer: ['https://h/?sig=x', 'https://h/?b=1'], query: 'token=x&b=1' }, { referer: ['https://h/?sig=***', 'https://h/?b=1'], query: 'token=***&b=1' }],
    [{ url: '/a?token=x"y\\z&b=1' }, { url: '/a?token=***&b=1' }],
    [{ url: '/a?token=x\u00a0y\u2028z&b=1' }, { url: '/a?token=***&b=1' }],
    [{ url: '/a?b="c&token=x' }, { url: '/a?b="c&token=***' }],
    [{ url: '/r?u=http://user:pa"ss@h', referer: 'http://user:p"as"s@h/' }, { url: '/r?u=http://user:***@h', referer: 'http://user:***@h/' }],
    [{ msg: 'asked\nkey=x\tkey=y\u001bkey=z', '"': '\\\\"key=x' }, { msg: 'asked\nkey=***\tkey=***\u001bkey=***', '"': '\\\\"key=x' }],
    [{ url: '/r/%3Ftoken%3Dx', other: '/r?b=%3D' }, { url: '/r/%3Ftoken%3D***', other: '/r?b=%3D' }],
    [{ b: 'a = b, c=d, 100 %, e@f', c: 1 }, { b: 'a = b, c=d, 100 %, e@f', c: 1 }]
  ]
  for (const [i, [given, masked]] of cases.entries()) {
    const line = JSON.stringify(given)
    // Its text may have a character that ends a line of TAP.
    t.same(JSON.parse(mask(`${line}\n`)), masked, `line ${i}`)
    t.equal(mask(line).length + 1, mask(`${line}\n`).length, 'the line end stays')
  }
})

t.test('a line without a secret stays as it is', async t => {
  const line = '{"level":30,"url":"/a?b=1","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}\n'
  t.equal(mask(line), line)
})

t.test('names are those of maskUrl', async t => {
  for (const names of [false, []] as const) t.equal(lineMask(names)('/a?token=1'), '/a?token=1')
  t.equal(lineMask(['ssn', '!code'])('/a?ssn=1&code=2'), '/a?ssn=***&code=2')
})

t.test('a masked line is the JSON of the masked values, whatever characters they have', async t => {
  const random = seededRandom(7)
  const pieces = ['/', '?', '&', ';', '#', '=', '%', '%3D', '%26', '"', '\\', '\\n', 'token', 'key', 'a', 'é', '://', '@', ':', '\u2028']
  const text = (): string => Array.from({ length: Math.floor(random() * 15) }, () => pieces[Math.floor(random() * pieces.length)]!).join('')
  for (let i = 0; i < 4_000; i++) {
    // A quote at the end closes the URL.
    const url = `/${text().replace(/"+$/, '')}`
    const given = { url, text: `${text()} ${text()}\n${text()}`, [text()]: i }
    const result = JSON.parse(mask(JSON.stringify(given))) as typeof given
    if (result.url !== maskUrl(url)) t.strictSame([given, result.url], [given, maskUrl(url)])
  }
  t.pass('4 000 lines')
})

// In quadratic time these would take many minutes.
t.test('a long line is masked in time that is linear in its length', async t => {
  for (const piece of ['=', ' =', '\\"=', '\\\\', '"=', 'a', '%3d', '@', '%', '\\n=', '\\\\=', '\\\\\\\\\\n', '\\u001b=']) {
    const line = `"${piece.repeat(200_000)}"`
    t.ok(mask(line).length <= line.length * 4, piece)
  }
})
