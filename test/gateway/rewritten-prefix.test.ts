import t from 'tap'
import { localizedLocation, prefixAtBackend, prefixInPath, refuseParameters } from '../../src/gateway/rewritten-prefix.js'

t.test('a Location is rewritten if it is an absolute path that begins with the prefix and a segment ends there', async t => {
  const rows: [atBackend: string, prefix: string, location: string, rewritten: string][] = [
    ['/base', '/api', '/base/x', '/api/x'],
    ['/base', '/api', '/base', '/api'],
    ['/base', '/api', '/base/', '/api/'],
    ['/base', '/api', '/base?q=/base/y', '/api?q=/base/y'],
    ['/base', '/api', '/base#/base', '/api#/base'],
    ['/base', '/api', '/base/base/x', '/api/base/x'],
    ['/base', '/api', '/baseline', '/baseline'],
    ['/base', '/api', '/other', '/other'],
    ['/base', '/api', '/x/base/y', '/x/base/y'],
    ['/base', '/api', '/x?next=/base/y', '/x?next=/base/y'],
    ['/base', '/api', '/BASE/x', '/BASE/x'],
    ['/base', '/api', 'https://cdn.example/base/x', 'https://cdn.example/base/x'],
    // With an empty prefix at the backend, only an absolute path gets the gateway's prefix.
    ...['login', '../up', './x', '?page=2', '#frag', '//cdn.example/x', '/\\cdn.example/x', 'myapp://callback', 'mailto:a@b', 'HTTPS://cdn.example/x', '']
      .flatMap((location): [string, string, string, string][] => [['', '/api', location, location], ['/', '/api/', location, location], ['/base', '/api', location, location]]),
    ['', '/api', '/', '/api/'],
    ['', '/api', '/login', '/api/login'],
    ['', '/api', '/?page=2', '/api/?page=2'],
    ['/', '/api/', '/login', '/api/login'],
    ['', '', '/login', '/login'],
    ['/', '/', '/login', '/login'],
    ['/base', '', '/base/x', '/x'],
    ['/base', '', '/base', '/'],
    ['/base', '', '/base?x', '/?x'],
    ['/base/', '/api/', '/base/x', '/api/x'],
    ['/base/', '/api/', '/baseline', '/baseline'],
    ['base', '/api', '/base/x', '/api/x'],
    // The rest of a path under the backend's prefix must not look like a host.
    ['/base', '/', '/base//evil.example/x', '/.//evil.example/x'],
    ['/base', '', '/base/\\evil.example', '/./\\evil.example'],
    ['/base', '', '/base/\t/evil.example', '/./\t/evil.example'],
    ['/base', '/api', '/base//x', '/api//x'],
    ['', '/api', '/\t/evil.example', '/\t/evil.example'],
    ['/base', '/$&', '/base/x', '/$&/x']
  ]
  for (const [atBackend, prefix, location, rewritten] of rows) t.equal(localizedLocation(location, atBackend, prefix), rewritten, JSON.stringify([atBackend, prefix, location]))
})

t.test('with parameters in the prefix both prefixes are those of the request', async t => {
  t.equal(prefixInPath('/:tenant/api', '/acme/api/x?y=/z'), '/acme/api')
  t.equal(prefixInPath('/:tenant/api/', '/acme/api/x'), '/acme/api')
  t.equal(prefixInPath('/:tenant/api', '/a%20b/api'), '/a%20b/api')
  t.equal(prefixInPath('/:tenant/api', '//acme//api/x'), '/acme/api')
  t.equal(prefixAtBackend('/tenants/:tenant/public', { tenant: 'acme', '*': 'x' }), '/tenants/acme/public')
  t.equal(prefixAtBackend('/tenants/:tenant/public', { tenant: 'a b' }), '/tenants/a%20b/public')
  t.equal(prefixAtBackend('', { tenant: 'acme' }), '/')
})

t.test('a parameter that is used at the backend is a plain segment', async t => {
  const used = (tenant: unknown, more: object = {}) => (): void => refuseParameters('/tenants/:tenant/public', { tenant, '*': 'x/y?z', ...more })
  for (const tenant of ['acme', 'a b', 'grüße', 'a.b', '...', 'a;b=c', 'a:b', '@', 'a$b', '$1', '~', 'a&b', '"']) t.doesNotThrow(used(tenant), tenant)
  for (const tenant of ['x/secret', 'x/secret#', 'x#', 'x?', 'x\\y', '%', '%2F', 'x\0', 'x\n', 'x\x7f', 'x\x9f', '', '.', '..', 'x ', '$&', '$$', '$`', '$\'', ':tenant', 'a:other', undefined]) {
    t.throws(used(tenant, { other: 'o' }), { code: 'HOLDFAST_ERR_BAD_REQUEST', statusCode: 400 }, JSON.stringify(tenant))
  }
  t.doesNotThrow(() => refuseParameters('/tenants/:id', { id: '7', tenant: 'x/y#' }), 'one that is not used is the app\'s business')
})
