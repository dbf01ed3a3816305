import t from 'tap'
import { addressKey, bondOf, headerKey } from '../../src/endpoint/affinity.js'
import { cookieValues, setCookie } from '../../src/endpoint/cookie.js'
import { endpointId } from '../../src/endpoint/endpoint-id.js'
import { SealedEndpoints } from '../../src/endpoint/sealed-endpoint.js'

const A = endpointId('10.0.0.1:3000')
const B = endpointId('10.0.0.2:3000')
const isKnown = (id: string): boolean => id === A || id === B
const sealed = new SealedEndpoints(['a secret of the gateway'], 'route')

t.test('a sealed value opens in each replica with the secret', async t => {
  const replica = new SealedEndpoints(['a secret of the gateway'], 'route')
  t.same(replica.open(sealed.seal(A), isKnown), { id: A, renew: false })
  t.equal(replica.seal(A), sealed.seal(A))
  t.match(sealed.seal(A), /^e[a-z2-7]{10}\.[\w-]{43}$/, 'a value that a cookie may have')
})

t.test('a value that was not sealed for this cookie by a secret is ignored', async t => {
  const value = sealed.seal(A)
  const seal = value.slice(value.indexOf('.'))
  const forged: [string, string][] = [
    ['another endpoint', B + seal],
    ['an endpoint that never was', `ezzzzzzzzzz${seal}`],
    ['a changed seal', `${value.slice(0, -2)}${value.endsWith('AA') ? 'BB' : 'AA'}`],
    ['a cut seal', value.slice(0, -1)],
    ['a longer seal', `${value}A`],
    ['no seal', A],
    ['an empty seal', `${A}.`],
    ['base64 in its other alphabet, or padded', `${value}=`],
    ['nothing', ''],
    ['much', 'e'.repeat(100_000)],
    ['another secret', new SealedEndpoints(['another secret'], 'route').seal(A)],
    ['another cookie', new SealedEndpoints(['a secret of the gateway'], 'other').seal(A)]
  ]
  for (const [title, text] of forged) t.equal(sealed.open(text, isKnown), undefined, title)
  t.equal(sealed.open(value, id => id === B), undefined, 'an endpoint that is gone')
})

t.test('secrets can be rotated', async t => {
  const rotated = new SealedEndpoints(['a new secret', 'a secret of the gateway'], 'route')
  t.same(rotated.open(sealed.seal(A), isKnown), { id: A, renew: true }, 'the old one opens')
  t.same(rotated.open(rotated.seal(A), isKnown), { id: A, renew: false }, 'the new one seals')
  t.equal(sealed.open(rotated.seal(A), isKnown), undefined)
  rotated.forget(A)
  t.same(rotated.open(sealed.seal(A), isKnown), { id: A, renew: true })
})

t.test('a cookie is found among others', async t => {
  t.same(cookieValues('route=1', 'route'), ['1'])
  t.same(cookieValues('a=b; route=1; c=d', 'route'), ['1'])
  t.same(cookieValues('a=b;route=1 ;\troute=2', 'route'), ['1', '2'])
  t.same(cookieValues('xroute=1; routex=2; a=route=3; route =4; Route=5', 'route'), [])
  t.same(cookieValues('', 'route'), [])
  t.same(cookieValues('route=', 'route'), [''])
  t.same(cookieValues('route="1"', 'route'), ['"1"'])
})

t.test('a header of any kind takes time in proportion to its length', async t => {
  for (const piece of ['route', 'route=;', ' ', ';', 'route=', '; route=x']) {
    const header = piece.repeat(200_000)
    const began = process.cpuUsage()
    t.ok(cookieValues(header, 'route').length <= 8)
    const { user, system } = process.cpuUsage(began)
    // A quadratic search of a megabyte would take minutes.
    t.ok(user + system < 5_000_000, `${JSON.stringify(piece)} again and again: ${user + system} us of CPU`)
  }
})

t.test('the first genuine value binds the request', async t => {
  t.same(bondOf(`route=forged; a=b; route=${sealed.seal(B)}; route=${sealed.seal(A)}`, 'route', sealed, isKnown), { id: B, renew: false })
  t.equal(bondOf('route=forged', 'route', sealed, isKnown), undefined)
  t.equal(bondOf(undefined, 'route', sealed, isKnown), undefined)
})

t.test('the cookie has attributes that are safe by default', async t => {
  t.equal(setCookie('route', 'x.y'), 'route=x.y; Path=/; HttpOnly; SameSite=Lax')
  const attributes = { path: '/shop', httpOnly: false, sameSite: 'None', secure: true } as const
  t.equal(setCookie('route', 'x', attributes), 'route=x; Path=/shop; SameSite=None; Secure')
})

t.test('keys of headers and addresses', async t => {
  t.equal(headerKey('tenant 7'), 'tenant 7')
  t.equal(headerKey(['a', 'b']), 'a, b')
  for (const none of [undefined, '', []]) t.equal(headerKey(none), undefined)
  t.equal(addressKey('10.0.0.7'), '10.0.0.7')
  t.equal(addressKey('::FFFF:10.0.0.7'), '10.0.0.7')
  t.equal(addressKey('2001:DB8::1'), '2001:db8::1')
  t.equal(addressKey('fe80::1%eth0'), 'fe80::1')
  t.equal(addressKey('::ffff:0:1'), '::ffff:0:1')
  t.equal(addressKey(undefined), undefined)
})

t.test('an id is the same for the same address, and does not show it', async t => {
  t.equal(endpointId('10.0.0.1:3000'), A)
  t.equal(endpointId('USERS.internal:80'), endpointId('users.internal:80'))
  t.not(endpointId('10.0.0.1:3000', 'a secret'), A)
  t.match(A, /^e[a-z2-7]{10}$/)
  const ids = new Set<string>()
  for (let n = 0; n < 20_000; n++) ids.add(endpointId(`10.0.${n >> 8}.${n & 255}:3000`))
  t.equal(ids.size, 20_000)
})
