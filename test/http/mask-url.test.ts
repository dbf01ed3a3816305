import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { maskHost, maskUrl } from '../../src/http/mask-url.js'
import { SECRET_NAMES, faultOfName } from '../../src/http/secret-names.js'
import type { MaskedNames } from '../../src/http/secret-names.js'
import { REPOSITORY } from '../../testing/program.js'
import { seededRandom } from '../../testing/random.js'

t.test('the value of each parameter with the name of a secret is masked', async t => {
  const cases: [url: string, masked: string][] = [
    ['/a?token=x', '/a?token=***'],
    ['/a?b=1&token=x&c=2', '/a?b=1&token=***&c=2'],
    ['/a?token=x&token=y', '/a?token=***&token=***'],
    ['/a?TOKEN=x&Api-Key=y&api_key=z&apiKey=w', '/a?TOKEN=***&Api-Key=***&api_key=***&apiKey=***'],
    ['/a?to%6ben=x&%74oken=y&api%5Fkey=z', '/a?to%6ben=***&%74oken=***&api%5Fkey=***'],
    ['/a?a[token]=x&user[password][]=y&user.secret=z&a%5Bkey%5D=w', '/a?a[token]=***&user[password][]=***&user.secret=***&a%5Bkey%5D=***'],
    ['/a?csrf_token=x&refreshToken=y&new_password=z&PHPSESSID=w&connect.sid=v', '/a?csrf_token=***&refreshToken=***&new_password=***&PHPSESSID=***&connect.sid=***'],
    ['/a?X-Amz-Algorithm=A&X-Amz-Credential=C&X-Amz-Signature=S&X-Amz-Security-Token=T&X-Amz-Expires=9', '/a?X-Amz-Algorithm=A&X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Security-Token=***&X-Amz-Expires=9'],
    ['/a?AWSAccessKeyId=I&Expires=1&Signature=S', '/a?AWSAccessKeyId=***&Expires=1&Signature=***'],
    ['/a?X-Goog-Signature=S&X-Goog-Date=1', '/a?X-Goog-Signature=***&X-Goog-Date=1'],
    ['/a?sv=2024-01-01&se=2024-01-02&sig=S', '/a?sv=2024-01-01&se=2024-01-02&sig=***'],
    ['/callback?code=C&state=S', '/callback?code=***&state=S'],
    ['/a?b=1;token=x', '/a?b=1;token=***'],
    ['/a?token=x;y&b=1', '/a?token=***&b=1'],
    ['/a?token=x?y/z&b=1', '/a?token=***&b=1'],
    ['/a;jsessionid=X/b;c=1?d=2', '/a;jsessionid=***/b;c=1?d=2'],
    ['/a;token=x?b=1', '/a;token=***?b=1'],
    ['/a#access_token=x&b=1', '/a#access_token=***&b=1'],
    ['/reset/token=x/b', '/reset/token=***/b'],
    ['/key=x', '/key=***'],
    ['/r?url=https://h/key=x&b=1', '/r?url=https://h/key=***&b=1'],
    ['?token=x', '?token=***'],
    ['token=x&b=1', 'token=***&b=1'],
    ['/a?token==x=', '/a?token=***'],
    ['/a?token=x%26y%3Dz&b=1', '/a?token=***&b=1'],
    ['/r?url=https%3A%2F%2Fh%2F%3Ftoken%3Dx%26b%3D1&c=2', '/r?url=https%3A%2F%2Fh%2F%3Ftoken%3D***%26b%3D1&c=2'],
    ['/r?url=https%253A%252F%252Fh%252F%253Ftoken%253Dx%252526y%2526b%253D1&c=2', '/r?url=https%253A%252F%252Fh%252F%253Ftoken%253D***%2526b%253D1&c=2'],
    ['/r?url=https://h/?token=x&c=2', '/r?url=https://h/?token=***&c=2'],
    ['/r?next=token%3Dx%26b%3D1', '/r?next=token%3D***%26b%3D1'],
    ['/r/https%3A%2F%2Fh%2F%3Ftoken%3Dx/more?b=1', '/r/https%3A%2F%2Fh%2F%3Ftoken%3D***/more?b=1'],
    ['https://user:pass@h/', 'https://user:***@h/'],
    ['https://user:p@ss@h/?b=1', 'https://user:***@h/?b=1'],
    ['/r?url=https%3A%2F%2Fuser%3Apass%40h%2F&b=1', '/r?url=https%3A%2F%2Fuser%3A***%40h%2F&b=1'],
    ['/r?url=https:%2F%2Fuser:pass@h&b=1', '/r?url=https:%2F%2Fuser:***@h&b=1'],
    ['/r?url=https%3A//user:pass@h', '/r?url=https%3A//user:***@h'],
    ['//user:pass@h/a', '//user:***@h/a'],
    ['/r?url=//user:pass@h', '/r?url=//user:***@h'],
    ['https:///user:pass@h/', 'https:///user:***@h/'],
    ['/r?url=http://user:pa"ss@h', '/r?url=http://user:***@h'],
    [`/a?${'x'.repeat(64)}=1&b=2`, `/a?${'x'.repeat(64)}=1&b=2`],
    [`/a?${'x'.repeat(65)}=1&b=2`, `/a?${'x'.repeat(65)}=***&b=2`],
    [`/a?${'a=1&'.repeat(256)}b`, `/a?${'a=1&'.repeat(256)}b`],
    [`/a?${'a=1&'.repeat(256)}b=&`, `/a?${'a=1&'.repeat(256)}b=***`],
    [`/a?key=0&${'a=1&'.repeat(255)}b=2&c=3`, `/a?key=***&${'a=1&'.repeat(255)}b=***`],
    ['/a?%zzkey=1&%zz[key]=x', '/a?%zzkey=1&%zz[key]=***'],
    ['/a?%zz.%6bey=x', '/a?%zz.%6bey=***']
  ]
  for (const [url, masked] of cases) {
    t.equal(maskUrl(url), masked, url)
    t.equal(maskUrl(masked), masked, `${masked} stays`)
  }
})

t.test('a URL without a secret stays as it is', async t => {
  const urls = [
    '', '/', '/a', '/a?', '/a?b', '/a?b=1&c=2', '/key/token/x', '/a?token', '/a?token=', '/a?token=&b=1', '/a?=x', '/a?monkey=1&sort_key=2&tokens=3&keyboard=4',
    '/a?email=me@example.com', '/a@b:c', '//a@c', '//a:@c', 'a:b@c', 'https://user@h/', 'https://h/a:b@c', 'https://h/?a=b:c@d', '/%', '/a?%=1&%3', '/a;b=c', '/a?q=1%2B1%3D2', '*'
  ]
  for (const url of urls) t.equal(maskUrl(url), url, url)
})

t.test('names are added to the default ones, or taken out, and false and an empty list mask nothing', async t => {
  const url = '/a?ssn=1&my_ssn=2&ssn_of=3&code=4&page_token=5&token=6'
  const cases: [names: MaskedNames | undefined, masked: string][] = [
    [undefined, '/a?ssn=1&my_ssn=2&ssn_of=3&code=***&page_token=***&token=***'],
    [['SSN'], '/a?ssn=***&my_ssn=2&ssn_of=3&code=***&page_token=***&token=***'],
    [['*ssn'], '/a?ssn=***&my_ssn=***&ssn_of=3&code=***&page_token=***&token=***'],
    [['*ssn*', '!code'], '/a?ssn=***&my_ssn=***&ssn_of=***&code=4&page_token=***&token=***'],
    [['ssn*', '!page-token'], '/a?ssn=***&my_ssn=2&ssn_of=***&code=***&page_token=5&token=***'],
    [['!*token'], '/a?ssn=1&my_ssn=2&ssn_of=3&code=***&page_token=5&token=6'],
    [[], url],
    [false, url]
  ]
  for (const [names, masked] of cases) {
    t.equal(maskUrl(url, names), masked, JSON.stringify(names))
    t.equal(maskUrl(url, names), masked, 'again')
  }
  t.equal(maskUrl('/a?user[ssn]=1&user.ssn=2&ssn=3&b[user.ssn]=4', ['user.ssn']), '/a?user[ssn]=***&user.ssn=***&ssn=3&b[user.ssn]=4')
  t.equal(maskUrl('/a?user[token]=1&other[token]=2', ['!user.token']), '/a?user[token]=1&other[token]=***')
})

t.test('a name may have characters that a regular expression would read', async t => {
  t.equal(maskUrl('/a?a$+c=1&a+=2&xa$+=3&b(=4', ['a$*', '*b(', '!none']), '/a?a$+c=***&a+=2&xa$+=3&b(=***')
})

t.test('a password in a host is masked', async t => {
  const cases: [host: string, masked: string][] = [
    ['shop.example:80', 'shop.example:80'], ['user@h', 'user@h'], ['user:pass@h', 'user:***@h'], ['user:p/a"s:s@x@h:80', 'user:***@h:80'], [':@h', ':@h'], ['', '']
  ]
  for (const [host, masked] of cases) t.equal(maskHost(host), masked, host)
  t.equal(maskHost('user:pass@h', ['ssn']), 'user:***@h')
  t.equal(maskHost('user:pass@h', false), 'user:pass@h')
})

t.test('what is no name is told with its remedy', async t => {
  t.same(['ssn', '*ssn', 'ssn*', '*ssn*', '!ssn', '!*ssn', 'user.ssn', 'user[ssn]', 'größe'].map(faultOfName), Array(9).fill(undefined))
  const remedy = 'is no name of a parameter; give one like ssn, *_ssn for all that end so, or !code to show a default one'
  for (const name of ['', '*', '**', '!', '!*', 'a*b', '***', 'a b', 'a=b', 'a&b', '!!a', '-_']) t.equal(faultOfName(name), remedy, name)
  for (const name of [1, null, undefined, /a/]) t.equal(faultOfName(name), 'is no name of a parameter; give a string like ssn')
  t.same(SECRET_NAMES.filter(name => faultOfName(name) !== undefined), [])
})

t.test('docs/operating.md lists the default names', async t => {
  const page = readFileSync(join(REPOSITORY, 'docs/operating.md'), 'utf8')
  const masking = page.slice(page.indexOf('\n### Masking'), page.indexOf('\n## Metrics'))
  t.same(SECRET_NAMES.filter(name => !masking.includes(`\`${name}\``)), [])
})

const random = seededRandom(16)
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
const many = (most: number, make: () => string): string => Array.from({ length: Math.floor(random() * (most + 1)) }, make).join('')

const PUBLIC_NAMES = ['a', 'page', 'q', 'sort_key', 'email', 'filter[name]', 'x.y', 'größe', 'limit', '']
const SECRET = ['token', 'Access-Token', 'api_key', 'user[password]', 'a.secret', 'KEY', 'sig', 'X-Amz-Signature', 'code']
// Nothing of this can end a value, or begin another parameter.
const PLAIN_VALUE = (): string => many(12, () => pick([...'abcXYZ019-._~!$\'()*+,:@/?']))
const encode = (text: string, times: number): string => times === 0 ? text : encode(encodeURIComponent(text), times - 1)
/** Percent-encodes some characters of a name that need not be. */
const disguise = (name: string): string => [...name].map(letter => random() < 0.2 && letter < '\x7f' ? `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}` : letter).join('')

/** A query of some parameters, with and without secrets. Each secret is a number of eight digits. */
function query (secrets: string[], depth: number): string {
  const parameters = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const kind = random()
    if (secrets.length < 6 && kind < 0.4) {
      const secret = String(10_000_000 + Math.floor(random() * 90_000_000))
      secrets.push(secret)
      return `${disguise(pick(SECRET))}=${pick(['', 'x', '%26', '%20', '='])}${secret}${pick(['', '=', '%3D', '%26', '/x', '?y', ';z'])}`
    }
    if (depth < 3 && kind < 0.6) return `${pick(['url', 'next', 'redirect_uri'])}=${encode(`https://h/p?${query(secrets, depth + 1)}`, 1)}`
    return `${encode(pick(PUBLIC_NAMES), 1)}=${encode(PLAIN_VALUE(), 1)}`
  })
  return parameters.join('&')
}

t.test('of random URLs no secret is left, and what is no secret stays', async t => {
  let masked = 0
  for (let i = 0; i < 5_000; i++) {
    const secrets: string[] = []
    const url = `/${many(3, () => `${pick(['a', 'b-c', '%20', 'x;y=1'])}/`)}?${query(secrets, 0)}${pick(['', '#end'])}`
    const result = maskUrl(url)
    const left = secrets.filter(secret => result.includes(secret))
    if (left.length > 0) t.same({ url, result, left }, {}, 'a secret is left')
    if (secrets.length === 0 && result !== url) t.same({ url, result }, {}, 'a URL without a secret has changed')
    if (maskUrl(result) !== result) t.same({ url, result, again: maskUrl(result) }, {}, 'masked twice')
    if (secrets.length > 0) masked++
  }
  t.ok(masked > 1_000 && masked < 4_500, `${masked} of 5 000 had secrets`)
})

t.test('any text at all is masked without an error, and to the same text again', async t => {
  const pieces = ['?', '&', ';', '#', '=', '%', '%3', '%3D', '%253d', '%25', '%26', '%2526', '%3F', '%zz', '/', '//', ':', '://', '@', '%40', '%3A%2F%2F', '[', ']', '.', 'token', 'key', 'a', ' ', '"', '\\', '\n', '\0', '\u00e9', '\ud800', '***']
  for (let i = 0; i < 20_000; i++) {
    const text = many(20, () => pick(pieces))
    const result = maskUrl(text)
    if (maskUrl(result) !== result) t.same({ text, result, again: maskUrl(result) }, {}, 'masked twice')
  }
  t.pass('20 000 texts')
})

// In quadratic time these would take many minutes.
t.test('a long URL is masked in time that is linear in its length', async t => {
  const size = 200_000
  for (const piece of ['=', '%', '%25', '%253d', '?', ';a', ';token=', '&a=', '&token=x', 'a', '%61', '[', '.', '://', 'https://a:', 'https://a@', '%3A%2F%2F', ':', '@', '%3D%26', 'token%3Dx%2526', '%2525', '&%25252525=']) {
    for (const before of ['/', '/?', '/?token=', '/?token%3D', 'https://']) {
      const url = before + piece.repeat(size / piece.length)
      t.ok(maskUrl(url).length <= url.length + 3 * size, `${before} and ${piece}`)
    }
  }
})
