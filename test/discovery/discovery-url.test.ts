import t from 'tap'
import { isDiscoveryUrl, parseDiscoveryUrl } from '../../src/discovery/discovery-url.js'

const parsed = (upstream: string): unknown => {
  const { origin, ...rest } = parseDiscoveryUrl(upstream)
  return { ...rest, origin: origin.origin }
}

t.test('a URL says how endpoints are found, and what is spoken with them', async t => {
  t.same(parsed('dns+http://users:3000'), { kind: 'dns', protocol: 'http:', name: 'users', port: 3000, origin: 'http://users:3000' })
  t.same(
    parsed('DNS+HTTPS://Users.Internal./'),
    { kind: 'dns', protocol: 'https:', name: 'users.internal.', port: undefined, origin: 'https://users.internal' }
  )
  t.same(
    parsed('dns+http://bücher.example:80'),
    { kind: 'dns', protocol: 'http:', name: 'xn--bcher-kva.example', port: 80, origin: 'http://xn--bcher-kva.example' }
  )
  t.same(parsed('srv+http://_http._tcp.users'), { kind: 'srv', protocol: 'http:', name: '_http._tcp.users', origin: 'http://users' })
  t.same(
    parsed('kubernetes+http://users.shop:http'),
    { kind: 'kubernetes', protocol: 'http:', service: 'users', namespace: 'shop', port: 'http', origin: 'http://users.shop' }
  )
  t.same(
    parsed('kubernetes+https://users:8443'),
    { kind: 'kubernetes', protocol: 'https:', service: 'users', namespace: undefined, port: 8443, origin: 'https://users:8443' }
  )
  t.same(
    parsed('kubernetes+http://users'),
    { kind: 'kubernetes', protocol: 'http:', service: 'users', namespace: undefined, port: undefined, origin: 'http://users' }
  )
})

t.test('a URL that cannot be is refused with its remedy', async t => {
  const refused: [upstream: string, message: RegExp][] = [
    ['http://users', /has none of the schemes dns\+http:, srv\+http:, kubernetes\+http:/],
    ['dns:users', /has none of the schemes/],
    ['dns+ftp://users', /has the scheme dns\+ftp; dns\+ is followed by http: or https: alone, like dns\+http:/],
    ['dns+srv+http://users', /has the scheme dns\+srv\+http/],
    ['dns+http+https://users', /has the scheme/],
    ['srv+unix+http://users', /has the scheme/],
    ['dns+http://users:0', /has no port from 1 to 65535, but "0"/],
    ['dns+http://users:65536', /has no port from 1 to 65535/],
    ['dns+http://users:http', /has no port from 1 to 65535/],
    ['dns+http://users:', /has no port from 1 to 65535, but ""/],
    ['dns+http://', /has no name that can be looked up/],
    ['dns+http://a..b', /has no name that can be looked up/],
    ['dns+http://us%65rs', /has no name that can be looked up/],
    ['dns+http://a b', /has no name that can be looked up/],
    ['dns+http://10.0.0.1:3000', /has an address in place of a name; write http:\/\/10\.0\.0\.1:3000/],
    ['dns+http://[::1]:3000', /has an address in place of a name; write http:\/\/\[::1\]:3000/],
    ['dns+http://users/api', /has a path, a query or a fragment, which would not be sent; leave it out, and give rewritePrefix/],
    ['dns+http://users?x=1', /has a path, a query or a fragment/],
    ['dns+http://me:secret@users', /"dns\+http:\/\/\*\*\*@users" has credentials/],
    ['dns+http://me:sec/ret@users', /"dns\+http:\/\/\*\*\*@users"/],
    ['srv+http://users', /is no name of SRV records; give one like srv\+http:\/\/_http\._tcp\.users/],
    ['srv+http://_http._tcp.users:80', /has a port, and SRV records have their own/],
    ['kubernetes+http://users.shop.svc.cluster.local:http', /is not service\.namespace, without svc and the cluster's domain/],
    ['kubernetes+http://users_.shop', /is not service\.namespace/],
    ['kubernetes+http://.shop:http', /has no name that can be looked up/],
    ['kubernetes+http://users.shop:HTTP', /has no port, but "HTTP": a port is a name \(lower case/],
    ['kubernetes+http://users.shop:70000', /has no port, but "70000"/]
  ]
  for (const [upstream, message] of refused) {
    t.throws(() => parseDiscoveryUrl(upstream), { code: 'HOLDFAST_ERR_OPTION', message }, upstream)
    t.throws(() => parseDiscoveryUrl(upstream, 'UPSTREAMS'), { message: /^UPSTREAMS: / })
  }
  for (const upstream of ['dns+http://me:secret@users', 'dns+http://me:sec/ret@users', 'dns+http://users?secret@x']) {
    try {
      parseDiscoveryUrl(upstream)
    } catch (error) {
      t.notMatch((error as Error).message, 'secret')
      t.notMatch((error as Error).message, 'ret@')
    }
  }
})

t.test('only its scheme tells an upstream with discovery', async t => {
  t.same(['dns+http://x', 'SRV+x', 'kubernetes+http://x'].map(isDiscoveryUrl), [true, true, true])
  t.same(
    ['http://dns+http', 'unix+http://x', 'dns', 7, undefined, ['dns+http://x']].map(isDiscoveryUrl),
    [false, false, false, false, false, false]
  )
})
