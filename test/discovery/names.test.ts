import type { NetworkInterfaceInfo } from 'node:os'
import t from 'tap'
import { canonical, isReachable, reachableFamilies } from '../../src/discovery/families.js'
import { hostsAddresses } from '../../src/discovery/hosts-file.js'
import { candidatesOf, searchListOf } from '../../src/discovery/search-list.js'

t.test('a hosts file is read as hosts(5) says', async t => {
  const hosts = '127.0.0.1 localhost\n# 10.0.0.9 users\n10.0.0.1\tusers api # users2\nfd00::1 API.\n10.0.0.2 api\nbroken api\n::1  Box.corp\n'
  t.same(hostsAddresses(hosts, 'Users'), ['10.0.0.1'])
  t.same(hostsAddresses(hosts, 'api.'), ['10.0.0.1', '10.0.0.2'])
  t.same(hostsAddresses(hosts, 'users2'), [])
  t.same(hostsAddresses(hosts, 'localhost'), ['127.0.0.1'])
  t.same(hostsAddresses(hosts, 'BOX.corp.'), ['::1'])
  t.same(hostsAddresses('', 'localhost'), ['127.0.0.1', '::1'], 'localhost has addresses in any case')
  t.same(hostsAddresses('', 'x.localhost'), ['127.0.0.1', '::1'])
  t.same(hostsAddresses('', 'notlocalhost'), [])
})

t.test('a search list is read as resolv.conf(5) says', async t => {
  const candidates = (text: string, name: string, hostname = 'box'): string[] => candidatesOf(name, searchListOf(text, hostname))
  t.same(candidates('search a.example b.example.\n', 'users'), ['users.a.example', 'users.b.example', 'users'])
  t.same(candidates('search a.example\n', 'users.shop'), ['users.shop', 'users.shop.a.example'])
  t.same(candidates('', 'users'), ['users'])
  t.same(candidates('search a.example\noptions timeout:1 ndots:2\n', 'users.shop'), ['users.shop.a.example', 'users.shop'])
  const cluster = 'nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local.\noptions ndots:5 timeout:2\n'
  t.same(candidates(cluster, 'users'), ['users.shop.svc.cluster.local', 'users.svc.cluster.local', 'users.cluster.local', 'users'])
  t.same(candidates(cluster, 'a.b.c.d.e.f')[0], 'a.b.c.d.e.f')
  t.same(
    candidates('options ndots:99\nsearch a\n', 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p'),
    ['a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p', 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.a']
  )
  t.same(candidates('search a\ndomain b c\n', 'users'), ['users.b', 'users'], 'the last one wins')
  t.same(candidates('search a\n', 'users.'), ['users'], 'a trailing dot ends a name')
  t.same(candidates('nameserver 10.0.0.53\n', 'users', 'box.corp.example'), ['users.corp.example', 'users'], 'the machine\'s own domain')
  t.same(candidates('search .\n', 'users', 'box.corp.example'), ['users'])
})

t.test('a family counts if the machine has an address of it that leads elsewhere', async t => {
  const at = (family: 'IPv4' | 'IPv6', address: string, internal = false): NetworkInterfaceInfo =>
    ({ family, address, internal, netmask: '', mac: '', cidr: null, scopeid: 0 } as NetworkInterfaceInfo)
  const four = at('IPv4', '10.0.0.7')
  t.same(reachableFamilies({ eth0: [four, at('IPv6', 'fe80::1')], lo: [at('IPv6', '::1', true)] }), [4])
  t.same(reachableFamilies({ eth0: [at('IPv6', 'fd00::7'), at('IPv4', '169.254.1.1')] }), [6])
  t.same(reachableFamilies({ eth0: [at('IPv6', '2001:db8::7'), four] }), [4, 6])
  t.same(reachableFamilies({ lo: [at('IPv4', '127.0.0.1', true)] }), [4, 6], 'without any, both')
  t.ok(isReachable('::1', [4]), 'loopback is there without a network')
  t.ok(isReachable('127.0.0.9', [6]))
  t.notOk(isReachable('fd00::1', [4]))
})

t.test('an IPv6 address has one way to be written', async t => {
  t.same(['FD00:0:0::1', 'fe80::1%eth0', '10.0.0.1', 'users'].map(canonical), ['fd00::1', 'fe80::1%eth0', '10.0.0.1', 'users'])
})
